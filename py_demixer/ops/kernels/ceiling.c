/* What a processor can do at most: multiply-adds that never leave the registers. */

#include "simd.h"

enum { ACCUMULATORS = 12 }; /* as many as the tile of the matrix product has */

/* Does loops * 12 vector multiply-adds, 96 floating-point operations a loop; returns something that
 * depends on all of them. */
EXPORT(multiply_add)
float multiply_add(ptrdiff_t loops) {
    f32x4 sums[ACCUMULATORS] = {0};
    const f32x4 a = splat(0.999f), b = splat(0.001f);
    for (ptrdiff_t loop = 0; loop < loops; loop++)
#pragma GCC unroll 12
        for (int i = 0; i < ACCUMULATORS; i++) sums[i] = madd(sums[i], a, b);
    f32x4 total = {0};
    for (int i = 0; i < ACCUMULATORS; i++) total += sums[i];
    return total[0] + total[1] + total[2] + total[3];
}
