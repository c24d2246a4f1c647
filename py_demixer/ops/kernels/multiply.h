/* The packed matrix product: what multiply.c offers to the other files. */

#ifndef MULTIPLY_H
#define MULTIPLY_H

#include "simd.h"

enum {
    TILE_ROWS = 6,
    TILE_VECTORS = 2,
    TILE_COLUMNS = TILE_VECTORS * LANES,
    BLOCK_DEPTH = 256, /* A panel of B (8 KiB) and one of A (6 KiB) fit a level-1 cache. */
};

INLINE ptrdiff_t fewer(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t round_up(ptrdiff_t n, ptrdiff_t unit) { return (n + unit - 1) / unit * unit; }

/* Pack A (rows x depth, half or single precision, strides in elements): rows * depth floats, blocks of
 * BLOCK_DEPTH, in each of them panels of TILE_ROWS rows (the last one may have fewer). */
void pack_a(ptrdiff_t rows, ptrdiff_t depth, const void *weights, int32_t is_half,
            ptrdiff_t row_stride, ptrdiff_t depth_stride, float *packed);

/* C = A B, or C += A B. A is packed and has at most BLOCK_DEPTH columns; B and C are panels of
 * TILE_COLUMNS columns, `b_panel` and `c_panel` floats apart; rows of B follow each other, those of C are
 * `c_row` floats apart. */
void multiply_block(ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns, const float *a,
                    const float *b, ptrdiff_t b_panel, float *c, ptrdiff_t c_row,
                    ptrdiff_t c_panel, int is_first);

#endif
