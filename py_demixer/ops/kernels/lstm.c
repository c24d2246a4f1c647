/* The recurrent part of an LSTM layer, frame by frame; formulas as in ../lstm.py.
 *
 * A frame is a product of the weights, which no cache near the processor holds, with a short vector. So
 * weights are read once a frame, in the order in which they lie: panels of UNITS hidden units, in each of
 * them, for every step of the depth, the UNITS weights of each of the four gates.
 */

#include "activate.h"

enum {
    GATES = 4,
    UNITS = PAIR * LANES, /* Eight sums alive, enough to hide how long a multiply-add takes. */
    PANEL = GATES * UNITS,
};

INLINE ptrdiff_t panels_of(ptrdiff_t hidden) { return (hidden + UNITS - 1) / UNITS; }

/* Floats that lstm_pack() writes. */
EXPORT(lstm_packed)
ptrdiff_t lstm_packed(ptrdiff_t hidden) { return panels_of(hidden) * PANEL * hidden; }

/* weights: (4 hidden x hidden), contiguous. The last panel is filled up with zeros. */
EXPORT(lstm_pack)
void lstm_pack(ptrdiff_t hidden, const float *weights, float *packed) {
    for (ptrdiff_t first = 0; first < hidden; first += UNITS)
        for (ptrdiff_t step = 0; step < hidden; step++)
            for (ptrdiff_t gate = 0; gate < GATES; gate++)
                for (ptrdiff_t unit = first; unit < first + UNITS; unit++)
                    *packed++ =
                        unit < hidden ? weights[(gate * hidden + unit) * hidden + step] : 0;
}

/* For tanh: the polynomial of Cephes (Moshier) near zero, highest power first; where it ends; where tanh
 * is one; 2 / ln 2; 1; 2. */
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

/* gates += weights output, of a panel; its `sums` are in the order of the weights. */
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

/* The constants of both functions. */
typedef struct {
    f32x4 exponential[LENGTH(EXPONENTIAL)], sigmoid[LENGTH(SIGMOID)], tangent[LENGTH(TANGENT)];
} Constants;

/* Some units of a frame, `count` at most UNITS: `inputs` are what the input adds to the gates. */
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

/* Frames one after another, from the first or, with a negative `step`, from where it points.
 *
 * gates: what the input adds to the gates, (frames x 4 hidden), `step` 4 hidden floats apart;
 * out: (frames x hidden), likewise. output: of the frame before, (hidden); cell: (hidden), updated. */
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
