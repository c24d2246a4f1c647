/* Matrix product and convolution, float32.
 *
 * Both are C = A B: A are weights (rows of C x depth) and B are activations (depth x columns of C).
 * For a convolution, B is the matrix of patches (Chellapilla et al. 2006), of which only one block
 * exists at a time: blocks are packed straight from the activations ("implicit GEMM"). A plain matrix
 * product is the case of a single tap.
 *
 * The loops are those of Goto & van de Geijn (2008), "Anatomy of high-performance matrix
 * multiplication": a tile of C stays in registers while a panel of A and a panel of B, both packed
 * in the order in which they are read, stream in from the caches.
 *
 *            panel of B: depth x 8             For every step of the depth, a tile takes 2 vectors
 *                 | | |                        of B and 6 broadcasts from A into 12 multiply-adds,
 *                 v v v                        with 12 + 2 + 1 live vectors: as many as V8 has
 *   panel of A -> [ tile: 6 x 8 ]              registers on x86 (16, one reserved).
 *
 * Every element of C is one chain of additions in the order of the depth, whatever the blocking and the
 * element's position: block sizes do not change a single bit of the result.
 */

#include "multiply.h"

#include "activate.h"

enum {
    BLOCK_FLOATS = 192 * BLOCK_DEPTH, /* size of a block of B: 192 KiB, for a level-2 cache */
    MOST_COLUMNS = 1024,              /* of a block, so that the strip of C stays small too */
};

/* Number of columns of C to compute at a time: more for a shallower B, because data read in long runs is
 * prefetched. */
static ptrdiff_t strip_width(ptrdiff_t depth, ptrdiff_t columns) {
    const ptrdiff_t fitting = BLOCK_FLOATS / fewer(depth, BLOCK_DEPTH);
    const ptrdiff_t width = fewer(fitting / TILE_COLUMNS * TILE_COLUMNS, MOST_COLUMNS);
    return fewer(width, round_up(columns, TILE_COLUMNS));
}

/* Floats of scratch memory that multiply() needs. */
EXPORT(multiply_scratch)
ptrdiff_t multiply_scratch(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns) {
    const ptrdiff_t width = strip_width(depth, columns);
    return rows * depth + (rows + fewer(depth, BLOCK_DEPTH) + 1) * width;
}

/* ---- Packing ---- */

#define PACK_A(read)                                                                              \
    for (ptrdiff_t start = 0; start < depth; start += BLOCK_DEPTH) {                              \
        const ptrdiff_t stop = fewer(depth, start + BLOCK_DEPTH);                               \
        for (ptrdiff_t row = 0; row < rows; row += TILE_ROWS) {                                   \
            const ptrdiff_t count = fewer(TILE_ROWS, rows - row);                               \
            for (ptrdiff_t step = start; step < stop; step++)                                     \
                for (ptrdiff_t i = 0; i < count; i++)                                             \
                    *packed++ = read(a[(row + i) * row_stride + step * depth_stride]);            \
        }                                                                                         \
    }

void pack_a(ptrdiff_t rows, ptrdiff_t depth, const void *weights, int32_t is_half,
            ptrdiff_t row_stride, ptrdiff_t depth_stride, float *packed) {
    if (is_half) {
        const uint16_t *a = weights;
        PACK_A(widen)
    } else {
        const float *a = weights;
        PACK_A(+)
    }
}

void read_run(const float *x, ptrdiff_t first, ptrdiff_t step, ptrdiff_t width,
                     ptrdiff_t stride, ptrdiff_t count, float *out) {
    const ptrdiff_t before = first < 0 ? (-first + step - 1) / step : 0;
    const ptrdiff_t end = x && first < width ? (width - first + step - 1) / step : 0;
    const ptrdiff_t begin = fewer(before, count), inside = fewer(end, count) - begin;
    ptrdiff_t i = 0;
    for (; i < begin; i++) out[i] = 0;
    if (inside > 0) {
        const float *seen = x + (first + begin * step) * stride;
        out += begin;
        count -= begin;
        i = 0;
        if (step * stride == 1)
            for (; i + LANES <= inside; i += LANES) store(out + i, load(seen + i));
        for (; i < inside; i++) out[i] = seen[i * step * stride];
    }
    for (; i < count; i++) out[i] = 0;
}

/* Columns [start, start + count) of one row of B. If they are contiguous in x, returns a pointer into x;
 * otherwise gathers them in `buffer`. */
static const float *read_row(const Patches *p, ptrdiff_t row, ptrdiff_t start, ptrdiff_t count,
                             float *buffer) {
    const ptrdiff_t channel = row / p->taps, tap = row % p->taps;
    const float *x = p->x + channel * p->channel_stride;
    for (ptrdiff_t done = 0; done < count;) {
        const ptrdiff_t out_row = (start + done) / p->out_width;
        const ptrdiff_t out_column = (start + done) % p->out_width;
        const ptrdiff_t run = fewer(count - done, p->out_width - out_column);
        const ptrdiff_t y = out_row * p->row_step + p->tap_rows[tap];
        const ptrdiff_t first = out_column * p->column_step + p->tap_columns[tap];
        const float *line = y >= 0 && y < p->height ? x + y * p->row_stride : 0;
        if (line && run == count && p->column_step * p->column_stride == 1 && first >= 0 &&
            first + run <= p->width)
            return line + first;
        read_run(line, first, p->column_step, p->width, p->column_stride, run, buffer + done);
        done += run;
    }
    return buffer;
}

/* Packs a block of B: panels of TILE_COLUMNS columns, the last one padded with zeros. */
static void pack_b(const Patches *p, ptrdiff_t top, ptrdiff_t depth, ptrdiff_t left,
                   ptrdiff_t columns, float *packed, float *buffer) {
    const ptrdiff_t panel = depth * TILE_COLUMNS, whole = columns / TILE_COLUMNS * TILE_COLUMNS;
    for (ptrdiff_t step = 0; step < depth; step++) {
        const float *row = read_row(p, top + step, left, columns, buffer);
        float *to = packed + step * TILE_COLUMNS;
        for (ptrdiff_t column = 0; column < whole; column += TILE_COLUMNS, to += panel)
            for (int v = 0; v < TILE_COLUMNS; v += LANES) store(to + v, load(row + column + v));
        if (whole < columns)
            for (ptrdiff_t i = 0; i < TILE_COLUMNS; i++)
                to[i] = whole + i < columns ? row[whole + i] : 0;
    }
}

/* ---- The product ---- */

/* Computes a tile of C: `rows` (a constant, since this is inlined) by TILE_COLUMNS.
 *
 * The loop over the depth must stay as it is written. If it is unrolled, or if loop-strength reduction
 * rewrites its addresses (the build switches that off), loads are grouped together, more vectors are
 * live than there are registers, and the speed halves. */
INLINE void multiply_tile(const int rows, ptrdiff_t depth, const float *a, const float *b, float *c,
                          ptrdiff_t stride, int is_first) {
    f32x4 sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < TILE_VECTORS; v++)
            sum[i][v] = is_first ? splat(0) : load(c + i * stride + v * LANES);
#pragma GCC unroll 1
    for (ptrdiff_t step = 0; step < depth; step++) {
        const f32x4 left = load(b), right = load(b + LANES);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const f32x4 weight = splat(a[i]);
            sum[i][0] = madd(weight, left, sum[i][0]);
            sum[i][1] = madd(weight, right, sum[i][1]);
        }
        a += rows;
        b += TILE_COLUMNS;
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < TILE_VECTORS; v++) store(c + i * stride + v * LANES, sum[i][v]);
}

static void multiply_whole_tile(ptrdiff_t depth, const float *a, const float *b, float *c,
                                ptrdiff_t stride, int is_first) {
    multiply_tile(TILE_ROWS, depth, a, b, c, stride, is_first);
}

static void multiply_low_tile(int rows, ptrdiff_t depth, const float *a, const float *b, float *c,
                              ptrdiff_t stride, int is_first) {
    switch (rows) {
    case 1: multiply_tile(1, depth, a, b, c, stride, is_first); break;
    case 2: multiply_tile(2, depth, a, b, c, stride, is_first); break;
    case 3: multiply_tile(3, depth, a, b, c, stride, is_first); break;
    case 4: multiply_tile(4, depth, a, b, c, stride, is_first); break;
    case 5: multiply_tile(5, depth, a, b, c, stride, is_first); break;
    }
}

void multiply_block(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                    const float *b, ptrdiff_t b_panel, float *c, ptrdiff_t c_row,
                    ptrdiff_t c_panel, int is_first) {
    for (ptrdiff_t row = 0; row < rows; row += TILE_ROWS, a += TILE_ROWS * depth) {
        const int count = (int)fewer(TILE_ROWS, rows - row);
        const float *panel = b;
        float *tile = c + row * c_row;
        for (ptrdiff_t column = 0; column < columns; column += TILE_COLUMNS) {
            if (count == TILE_ROWS) multiply_whole_tile(depth, a, panel, tile, c_row, is_first);
            else multiply_low_tile(count, depth, a, panel, tile, c_row, is_first);
            panel += b_panel;
            tile += c_panel;
        }
    }
}

void multiply_panels(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                     const float *b, float *c, ptrdiff_t c_row, ptrdiff_t c_panel) {
    for (ptrdiff_t top = 0; top < depth; top += BLOCK_DEPTH)
        multiply_block(rows, fewer(BLOCK_DEPTH, depth - top), columns, a + top * rows,
                       b + top * TILE_COLUMNS, depth * TILE_COLUMNS, c, c_row, c_panel, top == 0);
}

enum {
    FEW_COLUMNS = 2, /* For so few, computing them one by one is quicker than a panel. */
    PANELS_AT_ONCE = 4, /* Panels of A, for eight live sums. */
    PANEL_VECTORS = 2, /* They hold a column of a panel; the second one is half used. */
};

/* Computes a column of C for PANELS_AT_ONCE whole panels of A, which hold `depth` columns; the elements of
 * the column of B and of C are `b_row` and `c_row` floats apart. The same chains of additions as in
 * multiply_tile(). Reads two floats beyond the last panel. */
INLINE void multiply_column(ptrdiff_t depth, const float *a, const float *b, ptrdiff_t b_row, float *c,
                            ptrdiff_t c_row, int is_first) {
    const ptrdiff_t panel = TILE_ROWS * depth;
    f32x4 sum[PANELS_AT_ONCE][PANEL_VECTORS];
#pragma GCC unroll 4
    for (int p = 0; p < PANELS_AT_ONCE; p++) {
        float before[PANEL_VECTORS * LANES] = {0};
        if (!is_first)
            for (int i = 0; i < TILE_ROWS; i++) before[i] = c[(p * TILE_ROWS + i) * c_row];
        sum[p][0] = load(before);
        sum[p][1] = load(before + LANES);
    }
#pragma GCC unroll 1
    for (ptrdiff_t step = 0; step < depth; step++) {
        const f32x4 value = splat(b[step * b_row]);
#pragma GCC unroll 4
        for (int p = 0; p < PANELS_AT_ONCE; p++) {
            const float *weights = a + p * panel;
            sum[p][0] = madd(load(weights), value, sum[p][0]);
            sum[p][1] = madd(load(weights + LANES), value, sum[p][1]);
        }
        a += TILE_ROWS;
    }
#pragma GCC unroll 4
    for (int p = 0; p < PANELS_AT_ONCE; p++) {
        float after[PANEL_VECTORS * LANES];
        store(after, sum[p][0]);
        store(after + LANES, sum[p][1]);
        for (int i = 0; i < TILE_ROWS; i++) c[(p * TILE_ROWS + i) * c_row] = after[i];
    }
}

/* The first `columns` columns of a panel of C; A and B as in multiply_block(). */
static void multiply_few(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                         const float *b, float *c, ptrdiff_t c_row, int is_first) {
    enum { GROUP = PANELS_AT_ONCE * TILE_ROWS };
    /* The last panels are left to multiply_block(): they may be fewer, and nothing is read behind them. */
    const ptrdiff_t whole = rows > GROUP ? (rows - 1) / GROUP * GROUP : 0;
    for (ptrdiff_t row = 0; row < whole; row += GROUP)
        for (ptrdiff_t column = 0; column < columns; column++)
            multiply_column(depth, a + row * depth, b + column, TILE_COLUMNS,
                            c + row * c_row + column, c_row, is_first);
    multiply_block(rows - whole, depth, columns, a + whole * depth, b, 0, c + whole * c_row, c_row, 0,
                   is_first);
}

void multiply_columns(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                      const float *b, float *c, ptrdiff_t c_row, ptrdiff_t c_panel) {
    const ptrdiff_t rest = columns % TILE_COLUMNS, few = rest <= FEW_COLUMNS ? rest : 0;
    const ptrdiff_t last = (columns - few) / TILE_COLUMNS;
    multiply_panels(rows, depth, columns - few, a, b, c, c_row, c_panel);
    b += last * depth * TILE_COLUMNS;
    c += last * c_panel;
    for (ptrdiff_t top = 0; few && top < depth; top += BLOCK_DEPTH)
        multiply_few(rows, fewer(BLOCK_DEPTH, depth - top), few, a + top * rows, b + top * TILE_COLUMNS,
                     c, c_row, top == 0);
}

/* Applies bias and activation to a strip of columns of C and writes it to the result. */
static void write_strip(const Result *result, ptrdiff_t rows, float *strip, ptrdiff_t width,
                        ptrdiff_t left, ptrdiff_t columns) {
    for (ptrdiff_t row = 0; row < rows; row++)
        add_to_row(strip + row * width, result->bias[row], width);
    const ptrdiff_t written = result->activation == GLU ? rows / 2 : rows;
    for (ptrdiff_t row = 0; row < written; row++) {
        const float *from = strip + row * width;
        float *to = result->out + row * result->stride + left;
        activate_row(result->activation, from, from + written * width, to, columns);
    }
}

/* out = activation(A B + bias), see the structs.
 *
 * A: weights (rows x channels * taps), half or single precision, any strides (in elements).
 * scratch: multiply_scratch(...) floats. */
EXPORT(multiply)
void multiply(ptrdiff_t rows, const void *weights, int32_t is_half, ptrdiff_t weight_row_stride,
              ptrdiff_t weight_depth_stride, const Patches *patches, ptrdiff_t columns,
              const Result *result, float *scratch) {
    const ptrdiff_t depth = patches->channels * patches->taps;
    const ptrdiff_t width = strip_width(depth, columns);
    float *a = scratch, *strip = a + rows * depth, *buffer = strip + rows * width;
    float *b = buffer + width;
    pack_a(rows, depth, weights, is_half, weight_row_stride, weight_depth_stride, a);
    for (ptrdiff_t left = 0; left < columns; left += width) {
        const ptrdiff_t count = fewer(width, columns - left);
        for (ptrdiff_t top = 0; top < depth; top += BLOCK_DEPTH) {
            const ptrdiff_t steps = fewer(BLOCK_DEPTH, depth - top);
            pack_b(patches, top, steps, left, count, b, buffer);
            multiply_block(rows, steps, count, a + top * rows, b, steps * TILE_COLUMNS, strip, width,
                           TILE_COLUMNS, top == 0);
        }
        write_strip(result, rows, strip, width, left, count);
    }
}
