/* 3 x 3 convolution with stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin & Gray 2016,
 * "Fast algorithms for convolutional neural networks"): 16 multiplications for a tile of 2 x 2 results,
 * where a sum over the taps takes 36.
 *
 * A tile of results sees 4 x 4 inputs d. With the filters g and the paper's matrices B, G and A
 *
 *     y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A,
 *
 * where * multiplies element by element: for each of the 16 elements ("points"), the sum is a matrix
 * product, (rows x channels) by (channels x tiles). The matrices hold only 0, +-1 and +-1/2, so hardly any
 * accuracy is lost. Non-finite values spread over their tiles, and infinities become NaN.
 */

#include "activate.h"
#include "multiply.h"

enum {
    SIDE = 4, /* of the square of inputs that a tile sees */
    POINTS = SIDE * SIDE,
    TAPS = 9,
    STRIP_FLOATS = 1 << 19, /* transformed inputs and products of a strip: 2 MiB */
};

/* Number of tiles computed at a time, all in one row of tiles. */
static ptrdiff_t strip_tiles(ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t out_width) {
    const ptrdiff_t fitting = STRIP_FLOATS / (POINTS * (rows + channels));
    const ptrdiff_t whole = round_up(fitting + 1, TILE_COLUMNS);
    return fewer(whole, round_up((out_width + 1) / 2, TILE_COLUMNS));
}

/* Floats in a row of inputs or results of a strip; vector loads go up to six floats beyond the end. */
static ptrdiff_t line_floats(ptrdiff_t tiles) { return 2 * tiles + 2 * LANES; }

/* Floats of scratch memory that winograd() needs. */
EXPORT(winograd_scratch)
ptrdiff_t winograd_scratch(ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t out_width) {
    const ptrdiff_t tiles = strip_tiles(rows, channels, out_width);
    return POINTS * (rows * channels + (rows + channels) * tiles) + SIDE * line_floats(tiles);
}

/* G times three numbers. */
INLINE void transform_filter(const float *g, const int step, float *u, const int u_step) {
    const float outer = g[0] + g[2 * step], inner = g[step];
    u[0] = g[0];
    u[u_step] = 0.5f * (outer + inner);
    u[2 * u_step] = 0.5f * (outer - inner);
    u[3 * u_step] = g[2 * step];
}

/* G g G^T for all filters: for each point, a matrix packed as by pack_a(). */
static void pack_filters(ptrdiff_t rows, ptrdiff_t channels, const void *weights, int32_t is_half,
                         ptrdiff_t row_stride, ptrdiff_t depth_stride, float *packed) {
    for (ptrdiff_t top = 0; top < channels; top += BLOCK_DEPTH)
        for (ptrdiff_t row = 0; row < rows; row += TILE_ROWS)
            for (ptrdiff_t c = top; c < fewer(channels, top + BLOCK_DEPTH); c++)
                for (ptrdiff_t i = row; i < fewer(rows, row + TILE_ROWS); i++, packed++) {
                    float g[TAPS], half[3 * SIDE], u[POINTS];
                    const ptrdiff_t first = i * row_stride + c * TAPS * depth_stride;
                    for (int tap = 0; tap < TAPS; tap++)
                        g[tap] = weight_at(weights, is_half, first + tap * depth_stride);
                    for (int column = 0; column < 3; column++)
                        transform_filter(g + column, 3, half + column, 3);
                    for (int line = 0; line < SIDE; line++)
                        transform_filter(half + 3 * line, 1, u + SIDE * line, 1);
                    for (int point = 0; point < POINTS; point++)
                        packed[point * rows * channels] = u[point];
                }
}

/* Element i of B^T times four numbers. */
INLINE f32x4 input_point(const int i, f32x4 a, f32x4 b, f32x4 c, f32x4 d) {
    return i == 0 ? a - c : i == 1 ? b + c : i == 2 ? c - b : b - d;
}

/* B^T d B for four adjacent tiles, points `point_stride` floats apart; `x`: the first of the four lines
 * that they see. */
INLINE void transform_inputs(const float *x, ptrdiff_t line, float *out, ptrdiff_t point_stride) {
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) {
        f32x4 d[SIDE];
#pragma GCC unroll 4
        for (int k = 0; k < SIDE; k++) {
            const float *at = x + (k & 1) * LANES + (k >> 1) * 2;
            d[k] = input_point(i, load(at), load(at + line), load(at + 2 * line), load(at + 3 * line));
        }
        const f32x4 first = __builtin_shufflevector(d[0], d[1], 0, 2, 4, 6);
        const f32x4 second = __builtin_shufflevector(d[0], d[1], 1, 3, 5, 7);
        const f32x4 third = __builtin_shufflevector(d[2], d[3], 0, 2, 4, 6);
        const f32x4 fourth = __builtin_shufflevector(d[2], d[3], 1, 3, 5, 7);
#pragma GCC unroll 4
        for (int j = 0; j < SIDE; j++)
            store(out + (i * SIDE + j) * point_stride, input_point(j, first, second, third, fourth));
    }
}

/* The transformed inputs of a strip: for each point, panels of TILE_COLUMNS tiles. */
static void pack_inputs(const Patches *p, ptrdiff_t tile_row, ptrdiff_t first, ptrdiff_t tiles,
                        float *lines, float *packed) {
    const ptrdiff_t line = line_floats(tiles);
    for (ptrdiff_t c = 0; c < p->channels; c++) {
        for (int i = 0; i < SIDE; i++) {
            const ptrdiff_t y = 2 * tile_row + i + p->tap_rows[0];
            const float *x = p->x + c * p->channel_stride + y * p->row_stride;
            read_run(y >= 0 && y < p->height ? x : 0, 2 * first + p->tap_columns[0], 1, p->width,
                     p->column_stride, line, lines + i * line);
        }
        for (ptrdiff_t tile = 0; tile < tiles; tile += LANES) {
            const ptrdiff_t panel = tile / TILE_COLUMNS * p->channels + c;
            transform_inputs(lines + 2 * tile, line,
                             packed + panel * TILE_COLUMNS + tile % TILE_COLUMNS,
                             p->channels * tiles);
        }
    }
}

/* Element i of A^T times four numbers. */
INLINE f32x4 output_point(const int i, f32x4 a, f32x4 b, f32x4 c, f32x4 d) {
    return i == 0 ? a + b + c : b - c - d;
}

/* Line i of the two lines of results of a strip of tiles: A^T m A, plus the bias. */
static void transform_products(const float *m, ptrdiff_t point_stride, const int i, ptrdiff_t tiles,
                               float bias, float *out) {
    for (ptrdiff_t tile = 0; tile < tiles; tile += LANES, m += LANES, out += 2 * LANES) {
        f32x4 sum[SIDE];
#pragma GCC unroll 4
        for (int j = 0; j < SIDE; j++) {
            const float *at = m + j * point_stride;
            sum[j] = output_point(i, load(at), load(at + SIDE * point_stride),
                                  load(at + 2 * SIDE * point_stride),
                                  load(at + 3 * SIDE * point_stride));
        }
        const f32x4 left = output_point(0, sum[0], sum[1], sum[2], sum[3]) + splat(bias);
        const f32x4 right = output_point(1, sum[0], sum[1], sum[2], sum[3]) + splat(bias);
        store(out, __builtin_shufflevector(left, right, 0, 4, 1, 5));
        store(out + LANES, __builtin_shufflevector(left, right, 2, 6, 3, 7));
    }
}

/* Writes the results of a strip, with bias and activation: `height` lines (1 or 2) of `columns` each, the
 * first at offset `place` of every row of the result and the second `width` floats further on. */
static void write_tiles(const Result *result, ptrdiff_t rows, const float *products, ptrdiff_t tiles,
                        ptrdiff_t place, ptrdiff_t width, ptrdiff_t height, ptrdiff_t columns,
                        float *lines) {
    const ptrdiff_t written = result->activation == GLU ? rows / 2 : rows;
    const ptrdiff_t half = written * tiles, point = rows * tiles;
    float *gates = lines + line_floats(tiles);
    for (ptrdiff_t row = 0; row < written; row++, products += tiles)
        for (int i = 0; i < height; i++) {
            float *out = result->out + row * result->stride + place + i * width;
            transform_products(products, point, i, tiles, result->bias[row], lines);
            if (result->activation == GLU)
                transform_products(products + half, point, i, tiles, result->bias[row + written],
                                   gates);
            activate_row(result->activation, lines, gates, out, columns);
        }
}

/* out = activation(convolution of x with a 3 x 3 filter + bias), see the structs; only the first of the
 * taps is used.
 *
 * weights: (rows x channels * 9), half or single precision, any strides (in elements).
 * scratch: winograd_scratch(...) floats. */
EXPORT(winograd)
void winograd(ptrdiff_t rows, const void *weights, int32_t is_half, ptrdiff_t weight_row_stride,
              ptrdiff_t weight_depth_stride, const Patches *p, ptrdiff_t out_height,
              const Result *result, float *scratch) {
    const ptrdiff_t channels = p->channels, width = p->out_width;
    const ptrdiff_t most = strip_tiles(rows, channels, width);
    float *a = scratch, *b = a + POINTS * rows * channels, *c = b + POINTS * channels * most;
    float *lines = c + POINTS * rows * most;
    pack_filters(rows, channels, weights, is_half, weight_row_stride, weight_depth_stride, a);
    for (ptrdiff_t y = 0; y < out_height; y += 2)
        for (ptrdiff_t x = 0; x < width; x += 2 * most) {
            const ptrdiff_t columns = fewer(2 * most, width - x);
            const ptrdiff_t tiles = round_up((columns + 1) / 2, TILE_COLUMNS);
            pack_inputs(p, y / 2, x / 2, tiles, lines, b);
            for (int point = 0; point < POINTS; point++)
                multiply_panels(rows, channels, tiles, a + point * rows * channels,
                                b + point * channels * tiles, c + point * rows * tiles, tiles,
                                TILE_COLUMNS);
            write_tiles(result, rows, c, tiles, y * width + x, width, fewer(2, out_height - y), columns,
                        lines);
        }
}
