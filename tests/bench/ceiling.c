/* What no matrix product can exceed: multiply-adds on registers alone, enough of them independent of each
 * other to hide how long one takes. */

#include "simd.h"

enum { CHAINS = 12 };

/* 2 * CHAINS * LANES * rounds floating-point operations; their result, so that they are done. */
EXPORT(ceiling)
float ceiling(int rounds) {
    f32x4 sums[CHAINS], total = {0};
    for (int i = 0; i < CHAINS; i++) sums[i] = splat((float)i);
    for (int round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sums[i] = madd(sums[i], splat(0.999f), splat(0.001f));
    for (int i = 0; i < CHAINS; i++) total += sums[i];
    return total[0];
}
