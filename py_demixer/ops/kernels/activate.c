#include "activate.h"

void add_to_row(float *row, float value, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(row + i, load(row + i) + splat(value));
    for (; i < count; i++) row[i] += value;
}

void copy_row(const float *x, float *out, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, load(x + i));
    for (; i < count; i++) out[i] = x[i];
}

/* A function of a pair of vectors: its constants, and those of the exponential. */
typedef void Pairs(const f32x4 *x, const f32x4 *c, const f32x4 *e, f32x4 *out);

/* out = function(x), pair by pair; out may be x. */
INLINE void apply(Pairs *function, const float *x, const f32x4 *c, const f32x4 *e, float *out,
                  ptrdiff_t count) {
    f32x4 pair[PAIR];
    for (; count >= PAIR * LANES; count -= PAIR * LANES, x += PAIR * LANES, out += PAIR * LANES) {
        BOTH pair[v] = load(x + v * LANES);
        function(pair, c, e, pair);
        BOTH store(out + v * LANES, pair[v]);
    }
    load_pair(x, count, pair);
    function(pair, c, e, pair);
    store_pair(out, pair, count);
}

EXPORT(gelu_row)
void gelu_row(const float *x, float *out, ptrdiff_t count) {
    CONSTANTS(c, NORMAL_TAIL);
    CONSTANTS(e, EXPONENTIAL);
    apply(gelus, x, c, e, out, count);
}

/* out = x sigmoid(by) */
EXPORT(glu_row)
void glu_row(const float *x, const float *by, float *out, ptrdiff_t count) {
    CONSTANTS(c, SIGMOID);
    CONSTANTS(e, EXPONENTIAL);
    f32x4 pair[PAIR], gate[PAIR];
    for (; count >= PAIR * LANES; count -= PAIR * LANES) {
        BOTH pair[v] = load(x + v * LANES);
        BOTH gate[v] = load(by + v * LANES);
        gates(pair, gate, c, e, pair);
        BOTH store(out + v * LANES, pair[v]);
        x += PAIR * LANES, by += PAIR * LANES, out += PAIR * LANES;
    }
    load_pair(x, count, pair);
    load_pair(by, count, gate);
    gates(pair, gate, c, e, pair);
    store_pair(out, pair, count);
}

EXPORT(tanh_row)
void tanh_row(float *x, ptrdiff_t count) {
    CONSTANTS(c, TANGENT);
    CONSTANTS(e, EXPONENTIAL);
    apply(tangents, x, c, e, x, count);
}

void activate_row(int32_t activation, const float *x, const float *gates, float *out,
                  ptrdiff_t count) {
    if (activation == GELU) gelu_row(x, out, count);
    else if (activation == GLU) glu_row(x, gates, out, count);
    else if (activation == SWISH) glu_row(x, x, out, count);
    else copy_row(x, out, count);
}

void add_scaled_row(float *x, const float *y, float scale, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(x + i, madd(load(y + i), splat(scale), load(x + i)));
    const ptrdiff_t rest = count - i;
    store_some(x + i, madd(load_some(y + i, rest), splat(scale), load_some(x + i, rest)), rest);
}

/* x += scale y, a scale for each channel: a residual connection with layer scale (Touvron et al. 2021).
 *
 * x, y: (channels x rows x positions), strides in floats. */
EXPORT(add_scaled)
void add_scaled(ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t positions, float *x,
                ptrdiff_t x_channel, ptrdiff_t x_row, const float *y, ptrdiff_t y_channel,
                ptrdiff_t y_row, const float *scale) {
    for (ptrdiff_t c = 0; c < channels; c++)
        for (ptrdiff_t row = 0; row < rows; row++)
            add_scaled_row(x + c * x_channel + row * x_row, y + c * y_channel + row * y_row,
                           scale[c], positions);
}
