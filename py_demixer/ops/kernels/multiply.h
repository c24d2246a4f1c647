/* The packed matrix product: the functions and types that multiply.c shares with the other files. */

#ifndef MULTIPLY_H
#define MULTIPLY_H

#include "simd.h"

enum {
    TILE_ROWS = 6,
    TILE_VECTORS = 2,
    TILE_COLUMNS = TILE_VECTORS * LANES,
    BLOCK_DEPTH = 256, /* A panel of B (8 KiB) and one of A (6 KiB) fit in a level-1 cache. */
};

/* B. The element at row (channel, tap) and column (row, column of the output) is the activation at
 * (channel, row * row_step + tap_row, column * column_step + tap_column), zero outside x. */
typedef struct {
    const float *x;
    ptrdiff_t channels, height, width;
    ptrdiff_t channel_stride, row_stride, column_stride; /* of x, in floats */
    ptrdiff_t taps;
    const int32_t *tap_rows, *tap_columns;
    ptrdiff_t row_step, column_step;
    ptrdiff_t out_width;
} Patches;

/* Where C is written; bias and activation are applied while it is in the cache. */
typedef struct {
    float *out;
    ptrdiff_t stride;  /* of a row of out, in floats */
    const float *bias; /* one per row of C */
    int32_t activation;
} Result;

/* IEEE half precision to single: the exponents' biases differ by 112. */
INLINE float widen(uint16_t half) {
    union { uint32_t bits; float value; } number = {(uint32_t)(half & 0x7fff) << 13};
    if (number.bits >= 0x0f800000) number.bits |= 0x7f800000; /* infinity, NaN */
    else number.value *= 0x1p112f;                            /* subnormal numbers too */
    number.bits |= (uint32_t)(half & 0x8000) << 16;
    return number.value;
}

/* Weight i, stored in half or single precision. */
INLINE float weight_at(const void *weights, int32_t is_half, ptrdiff_t i) {
    return is_half ? widen(((const uint16_t *)weights)[i]) : ((const float *)weights)[i];
}

/* Packs A (rows x depth, half or single precision, strides in elements) into rows * depth floats: blocks
 * of BLOCK_DEPTH columns, each made of panels of TILE_ROWS rows (the last panel may have fewer). */
void pack_a(ptrdiff_t rows, ptrdiff_t depth, const void *weights, int32_t is_half,
            ptrdiff_t row_stride, ptrdiff_t depth_stride, float *packed);

/* C = A B if `is_first`, otherwise C += A B. A is packed and has at most BLOCK_DEPTH columns; B and C are
 * panels of TILE_COLUMNS columns, `b_panel` and `c_panel` floats apart. The rows of a panel of B are
 * contiguous; those of C are `c_row` floats apart. */
void multiply_block(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                    const float *b, ptrdiff_t b_panel, float *c, ptrdiff_t c_row,
                    ptrdiff_t c_panel, int is_first);

/* C = A B over the whole depth; the panels of B are contiguous. */
void multiply_panels(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                     const float *b, float *c, ptrdiff_t c_row, ptrdiff_t c_panel);

/* The same, but of the last panel only the columns that are asked for, if they are few. */
void multiply_columns(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                      const float *b, float *c, ptrdiff_t c_row, ptrdiff_t c_panel);

/* Copies the input that one tap sees along a row of the output, with zeros outside x. Column i sees
 * position first + i step of the row `x`, which is null if the row itself is outside. */
void read_run(const float *x, ptrdiff_t first, ptrdiff_t step, ptrdiff_t width, ptrdiff_t stride,
              ptrdiff_t count, float *out);

#endif
