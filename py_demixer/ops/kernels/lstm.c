/* The recurrent part of an LSTM layer, frame by frame; formulas as in ../lstm.py.
 *
 * A frame is a product of the weights, which no cache near the processor holds, with a short vector. So
 * weights are read once a frame, in the order in which they lie: panels of UNITS hidden units, in each of
 * them, for every step of the depth, the UNITS weights of each of the four gates.
 */

#include "activate.h"

enum {
    GATES = 4,
    UNITS = 2 * LANES, /* Eight sums alive, enough to hide how long a multiply-add takes. */
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

/* For tanh: the polynomial of Cephes (Moshier) near zero, highest power first; where it ends; the end of
 * what is not one. */
static const float TANGENT[] = {
    -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
    1.33314422036e-1f,  -3.33332819422e-1f, 0.625f,
};

INLINE f32x4 hyperbolic_tangent(f32x4 x) {
    const float *c = table(TANGENT);
    const f32x4 square = x * x, zero = {0};
    f32x4 p = splat(c[0]);
    for (int i = 1; i < 5; i++) p = madd(p, square, splat(c[i]));
    const f32x4 near = madd(p * square, x, x), size = larger(x, -x);
    const f32x4 far = splat(1) - splat(2) / (exponential(size + size) + splat(1));
    return choose(size < splat(c[5]), near, choose(x < zero, -far, far));
}

INLINE f32x4 logistic(f32x4 x) { return splat(1) / (exponential(-x) + splat(1)); }

/* gates += weights output, of a panel; its `sums` are in the order of the weights. */
INLINE void multiply_panel(ptrdiff_t hidden, const float *packed, const float *output,
                           f32x4 sums[GATES][2]) {
#pragma GCC unroll 1
    for (ptrdiff_t step = 0; step < hidden; step++) {
        const f32x4 value = splat(output[step]);
#pragma GCC unroll 4
        for (int gate = 0; gate < GATES; gate++)
#pragma GCC unroll 2
            for (int v = 0; v < 2; v++)
                sums[gate][v] = madd(load(packed + gate * UNITS + v * LANES), value, sums[gate][v]);
        packed += PANEL;
    }
}

/* Some units of a frame: `gates` are what the input adds, for LANES units or fewer. */
INLINE void update(ptrdiff_t hidden, ptrdiff_t count, const float *gates, f32x4 *sums,
                   ptrdiff_t stride, float *cell, float *out) {
    f32x4 gate[GATES];
    for (int i = 0; i < GATES; i++) {
        const float *from = gates + i * hidden;
        gate[i] = sums[i * stride] + (count < LANES ? load_some(from, count) : load(from));
    }
    const f32x4 before = count < LANES ? load_some(cell, count) : load(cell);
    const f32x4 entered = logistic(gate[0]) * hyperbolic_tangent(gate[2]);
    const f32x4 after = logistic(gate[1]) * before + entered;
    const f32x4 output = logistic(gate[3]) * hyperbolic_tangent(after);
    if (count < LANES) {
        store_some(cell, after, count);
        store_some(out, output, count);
    } else {
        store(cell, after);
        store(out, output);
    }
}

/* Frames one after another, from the first or, with a negative `step`, from where it points.
 *
 * gates: what the input adds to the gates, (frames x 4 hidden), `step` 4 hidden floats apart;
 * out: (frames x hidden), likewise. output: of the frame before, (hidden); cell: (hidden), updated. */
EXPORT(lstm)
void lstm(ptrdiff_t frames, ptrdiff_t hidden, ptrdiff_t step, const float *packed,
          const float *gates, const float *output, float *cell, float *out) {
    for (ptrdiff_t t = 0; t < frames; t++) {
        const float *panel = packed;
        for (ptrdiff_t first = 0; first < hidden; first += UNITS, panel += PANEL * hidden) {
            f32x4 sums[GATES][2] = {{{0}}};
            multiply_panel(hidden, panel, output, sums);
            for (int v = 0; v < 2; v++) {
                const ptrdiff_t unit = first + v * LANES, rest = hidden - unit;
                if (rest > 0)
                    update(hidden, rest < LANES ? rest : LANES, gates + unit, &sums[0][v], 2,
                           cell + unit, out + unit);
            }
        }
        output = out;
        gates += step * GATES * hidden;
        out += step * hidden;
    }
}
