/* LSTM layers, step by step; formulas as in ../lstm.py.
 *
 * lstm(): one sequence, the recurrent part. A step is the product of the weights, which are too large for
 * the fast caches, with a short vector. So the weights are read once per step, in memory order: panels of
 * UNITS hidden units, each with, for every step of the depth, UNITS weights for each of the four gates.
 *
 * lstm_sequences(): many sequences side by side. A step is a matrix product, for which the weights are
 * packed once. The input and the last output of some sequences are kept in the form in which the product
 * reads them; since sequences are independent, these go through all steps before the next ones.
 */

#include "activate.h"
#include "multiply.h"

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

/* One step of a pair of vectors, from the sums of its gates: updates the cell. */
INLINE void advance(const Constants *c, f32x4 sums[GATES][PAIR], f32x4 *cell, f32x4 *out) {
    f32x4 kept[PAIR], entered[PAIR], made[PAIR];
    gates(cell, sums[1], c->sigmoid, c->exponential, kept);
    BOTH entered[v] = c->sigmoid[2];
    gates(entered, sums[0], c->sigmoid, c->exponential, entered);
    tangents(sums[2], c->tangent, c->exponential, made);
    BOTH cell[v] = kept[v] + entered[v] * made[v];
    BOTH out[v] = c->sigmoid[2];
    gates(out, sums[3], c->sigmoid, c->exponential, out);
    tangents(cell, c->tangent, c->exponential, made);
    BOTH out[v] = out[v] * made[v];
}

/* Updates `count` units of a frame, at most UNITS. `inputs`: the input's contribution to the gates. */
INLINE void update(const Constants *c, ptrdiff_t hidden, ptrdiff_t count, const float *inputs,
                   f32x4 sums[GATES][PAIR], float *cell, float *out) {
    f32x4 pair[PAIR], made[PAIR];
    for (int gate = 0; gate < GATES; gate++) {
        load_pair(inputs + gate * hidden, count, pair);
        BOTH sums[gate][v] += pair[v];
    }
    load_pair(cell, count, pair);
    advance(c, sums, pair, made);
    store_pair(cell, pair, count);
    store_pair(out, made, count);
}

INLINE void load_all_constants(Constants *c) {
    load_constants(EXPONENTIAL, LENGTH(EXPONENTIAL), c->exponential);
    load_constants(SIGMOID, LENGTH(SIGMOID), c->sigmoid);
    load_constants(TANGENT, LENGTH(TANGENT), c->tangent);
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
    load_all_constants(&c);
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

enum { TOGETHER = 64 }; /* Sequences that go through all steps together: their data fit in a level-2 cache. */

/* Floats of scratch memory that lstm_sequences() needs. */
EXPORT(lstm_sequences_scratch)
ptrdiff_t lstm_sequences_scratch(ptrdiff_t sequences, ptrdiff_t inputs, ptrdiff_t hidden) {
    const ptrdiff_t rows = GATES * hidden, depth = inputs + hidden;
    return rows * depth + (depth + rows + hidden) * fewer(TOGETHER, round_up(sequences, TILE_COLUMNS));
}

/* Copies the input of a step to the upper rows of the panels, with zeros beyond the last sequence. */
static void take_input(const float *x, ptrdiff_t channel_stride, ptrdiff_t inputs, ptrdiff_t count,
                       ptrdiff_t panel, float *panels) {
    for (ptrdiff_t first = 0; first < count; first += TILE_COLUMNS, panels += panel)
        for (ptrdiff_t i = 0; i < inputs; i++) {
            f32x4 pair[PAIR];
            load_pair(x + i * channel_stride + first, fewer(TILE_COLUMNS, count - first), pair);
            BOTH store(panels + i * TILE_COLUMNS + v * LANES, pair[v]);
        }
}

/* Finishes a step of at most TILE_COLUMNS sequences: `output` are the lower rows of their panel. */
static void advance_panel(const Constants *c, ptrdiff_t hidden, ptrdiff_t count, const float *sums,
                          const float *bias, float *cells, float *output, float *out,
                          ptrdiff_t out_stride) {
    for (ptrdiff_t unit = 0; unit < hidden; unit++) {
        const ptrdiff_t place = unit * TILE_COLUMNS;
        f32x4 gate_sums[GATES][PAIR], cell[PAIR], made[PAIR];
        for (int gate = 0; gate < GATES; gate++) {
            const ptrdiff_t row = gate * hidden + unit;
            BOTH gate_sums[gate][v] = load(sums + row * TILE_COLUMNS + v * LANES) + splat(bias[row]);
        }
        BOTH cell[v] = load(cells + place + v * LANES);
        advance(c, gate_sums, cell, made);
        BOTH store(cells + place + v * LANES, cell[v]);
        BOTH store(output + place + v * LANES, made[v]);
        store_pair(out + unit * out_stride, made, count);
    }
}

/* Runs one direction of a layer over many sequences, from zeros.
 *
 * weights: of the input and of the last output, (4 hidden x (inputs + hidden)), contiguous, half or single
 * precision; bias: (4 hidden); x: (inputs x steps x sequences) and out: (hidden x steps x sequences),
 * strides in floats; scratch: lstm_sequences_scratch(...) floats. */
EXPORT(lstm_sequences)
void lstm_sequences(ptrdiff_t steps, ptrdiff_t sequences, ptrdiff_t inputs, ptrdiff_t hidden,
                    int32_t is_reverse, const void *weights, int32_t is_half, const float *bias,
                    const float *x, ptrdiff_t x_channel, ptrdiff_t x_step, float *out,
                    ptrdiff_t out_unit, ptrdiff_t out_step, float *scratch) {
    const ptrdiff_t rows = GATES * hidden, depth = inputs + hidden, panel = depth * TILE_COLUMNS;
    const ptrdiff_t width = fewer(TOGETHER, round_up(sequences, TILE_COLUMNS));
    float *packed = scratch, *panels = packed + rows * depth, *sums = panels + width * depth;
    float *cells = sums + width * rows;
    Constants c;
    load_all_constants(&c);
    pack_a(rows, depth, weights, is_half, depth, 1, packed);
    for (ptrdiff_t first = 0; first < sequences; first += width) {
        const ptrdiff_t count = fewer(width, sequences - first);
        /* With the sums: columns beyond the last sequence are finished, too, but not always computed. */
        for (ptrdiff_t i = 0; i < width * (depth + rows + hidden); i++) panels[i] = 0;
        for (ptrdiff_t t = 0; t < steps; t++) {
            const ptrdiff_t step = is_reverse ? steps - 1 - t : t;
            take_input(x + step * x_step + first, x_channel, inputs, count, panel, panels);
            multiply_columns(rows, depth, count, packed, panels, sums, TILE_COLUMNS,
                             rows * TILE_COLUMNS);
            for (ptrdiff_t at = 0; at < count; at += TILE_COLUMNS)
                advance_panel(&c, hidden, fewer(TILE_COLUMNS, count - at), sums + at * rows, bias,
                              cells + at * hidden, panels + at * depth + inputs * TILE_COLUMNS,
                              out + step * out_step + first + at, out_unit);
        }
    }
}
