/* The recurrent part of an LSTM layer, frame by frame; formulas as in ../lstm.py.
 *
 * A frame is the product of the weights, which are too large for the fast caches, with a short vector. So
 * the weights are read once per frame, in memory order: panels of UNITS hidden units, each with, for every
 * step of the depth, UNITS weights for each of the four gates.
 */

#include "activate.h"

enum {
    GATES = 4,
    UNITS = PAIR * LANES, /* Eight live sums: enough to hide the latency of a multiply-add. */
    PANEL = GATES * UNITS,
};

INLINE ptrdiff_t panels_of(ptrdiff_t hidden) { return (hidden + UNITS - 1) / UNITS; }

/* Floats that lstm_pack() writes. */
EXPORT(lstm_packed)
ptrdiff_t lstm_packed(ptrdiff_t hidden) { return panels_of(hidden) * PANEL * hidden; }

/* weights: (4 hidden x hidden), contiguous. The last panel is padded with zeros. */
EXPORT(lstm_pack)
void lstm_pack(ptrdiff_t hidden, const float *weights, float *packed) {
    for (ptrdiff_t first = 0; first < hidden; first += UNITS)
        for (ptrdiff_t step = 0; step < hidden; step++)
            for (ptrdiff_t gate = 0; gate < GATES; gate++)
                for (ptrdiff_t unit = first; unit < first + UNITS; unit++)
                    *packed++ =
                        unit < hidden ? weights[(gate * hidden + unit) * hidden + step] : 0;
}

/* For tanh: Cephes' polynomial (Moshier) near zero, highest power first; the end of its range; the point
 * from which on tanh is one; 2 / ln 2; 1; 2. */
static const float TANGENT[] = {
    -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f,
    0.625f,             10.0f,             2.88539008f,        1.0f,              2.0f,
};

/* y tanh(x). c: TANGENT, e: EXPONENTIAL. */
INLINE void tangents(const f32x4 *y, const f32x4 *x, const f32x4 *c, const f32x4 *e, f32x4 *out) {
    f32x4 size[PAIR], power[PAIR], near[PAIR], square[PAIR], far[PAIR];
    BOTH size[v] = larger(x[v], -x[v]);
    BOTH power[v] = smaller(size[v], c[6]);
    exponentials(power, c[7], e, power);
    BOTH far[v] = c[8] - c[9] / (power[v] + c[8]);
    BOTH far[v] = choose(x[v] < splat(0), -far[v], far[v]);
    BOTH square[v] = x[v] * x[v];
    BOTH near[v] = c[0];
#pragma GCC unroll 4
    for (int i = 1; i < 5; i++) BOTH near[v] = madd(near[v], square[v], c[i]);
    BOTH near[v] = madd(near[v] * square[v], x[v], x[v]);
    BOTH out[v] = y[v] * choose(size[v] < c[5], near[v], far[v]);
}

/* sums += weights output, for one panel; `sums` are in the order of the weights. */
INLINE void multiply_panel(ptrdiff_t hidden, const float *packed, const float *output,
                           f32x4 sums[GATES][PAIR]) {
#pragma GCC unroll 1
    for (ptrdiff_t step = 0; step < hidden; step++) {
        const f32x4 value = splat(output[step]);
#pragma GCC unroll 4
        for (int gate = 0; gate < GATES; gate++)
            BOTH sums[gate][v] = madd(load(packed + gate * UNITS + v * LANES), value, sums[gate][v]);
        packed += PANEL;
    }
}

/* The constants for the gates and for tanh. */
typedef struct {
    f32x4 exponential[LENGTH(EXPONENTIAL)], sigmoid[LENGTH(SIGMOID)], tangent[LENGTH(TANGENT)];
} Constants;

/* Updates `count` units of a frame, at most UNITS. `inputs`: the input's contribution to the gates. */
INLINE void update(const Constants *c, ptrdiff_t hidden, ptrdiff_t count, const float *inputs,
                   f32x4 sums[GATES][PAIR], float *cell, float *out) {
    f32x4 pair[PAIR], after[PAIR];
    for (int gate = 0; gate < GATES; gate++) {
        load_pair(inputs + gate * hidden, count, pair);
        BOTH sums[gate][v] += pair[v];
    }
    load_pair(cell, count, pair);
    gates(pair, sums[1], c->sigmoid, c->exponential, after);
    BOTH pair[v] = c->sigmoid[2];
    gates(pair, sums[0], c->sigmoid, c->exponential, pair);
    tangents(pair, sums[2], c->tangent, c->exponential, pair);
    BOTH after[v] += pair[v];
    store_pair(cell, after, count);
    BOTH pair[v] = c->sigmoid[2];
    gates(pair, sums[3], c->sigmoid, c->exponential, pair);
    tangents(pair, after, c->tangent, c->exponential, pair);
    store_pair(out, pair, count);
}

/* Runs frame by frame, starting where `gates` and `out` point: at the first frame or, with a negative
 * `step`, at the last one.
 *
 * gates: the input's contribution to the gates, (frames x 4 hidden), frames `step` 4 hidden floats apart;
 * out: (frames x hidden), likewise. output: of the previous frame, (hidden); cell: (hidden), updated. */
EXPORT(lstm)
void lstm(ptrdiff_t frames, ptrdiff_t hidden, ptrdiff_t step, const float *packed,
          const float *gates, const float *output, float *cell, float *out) {
    Constants c;
    load_constants(EXPONENTIAL, LENGTH(EXPONENTIAL), c.exponential);
    load_constants(SIGMOID, LENGTH(SIGMOID), c.sigmoid);
    load_constants(TANGENT, LENGTH(TANGENT), c.tangent);
    for (ptrdiff_t t = 0; t < frames; t++) {
        const float *panel = packed;
        for (ptrdiff_t unit = 0; unit < hidden; unit += UNITS, panel += PANEL * hidden) {
            f32x4 sums[GATES][PAIR] = {{{0}}};
            multiply_panel(hidden, panel, output, sums);
            update(&c, hidden, fewer(UNITS, hidden - unit), gates + unit, sums, cell + unit,
                   out + unit);
        }
        output = out;
        gates += step * GATES * hidden;
        out += step * hidden;
    }
}
