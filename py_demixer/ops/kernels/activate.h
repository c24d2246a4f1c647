/* Element-wise functions on rows of floats; formulas as in ../activation.py. */

#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "simd.h"

enum { NO_ACTIVATION = 0, GELU = 1, GLU = 2 };

/* e^x to 2 units in the last place; subnormal, zero and infinite at the ends, NaN for NaN.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by Cephes' polynomial (Moshier). */
INLINE f32x4 exponential(f32x4 x) {
    x = at_most(at_least(x, -110.0f), 90.0f);
    /* Adding 1.5 * 2^23 leaves no place for a fraction: x / ln 2 is rounded, and the integer is in the
     * low bits. */
    const f32x4 shift = splat(12582912.0f);
    const f32x4 shifted = madd(x, splat(1.44269504089f), shift);
    const f32x4 n = shifted - shift;
    const u32x4 exponent = (u32x4)shifted - (u32x4)shift;
    f32x4 r = madd(n, splat(-0.693359375f), x); /* ln 2 in two parts, so that n ln 2 is exact */
    r = madd(n, splat(2.12194440e-4f), r);
    f32x4 p = splat(1.9875691500e-4f);
    p = madd(p, r, splat(1.3981999507e-3f));
    p = madd(p, r, splat(8.3334519073e-3f));
    p = madd(p, r, splat(4.1665795894e-2f));
    p = madd(p, r, splat(1.6666665459e-1f));
    p = madd(p, r, splat(5.0000001201e-1f));
    p = madd(p * r, r, r) + splat(1);
    /* 2^n as two factors, because n may be beyond the exponents of normal numbers. */
    const u32x4 half = (u32x4)((i32x4)exponent >> 1);
    const f32x4 first = (f32x4)((half + 127) << 23);
    const f32x4 second = (f32x4)((exponent - half + 127) << 23);
    return p * first * second;
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), the tail by a rational approximation. */
INLINE f32x4 gelu(f32x4 x) {
    const f32x4 negative = -x;
    const f32x4 a = at_most(choose(x < splat(0), negative, x), 13.0f);
    f32x4 p = splat(1.22116628e-02f), q = splat(3.06372893e-02f);
    p = madd(p, a, splat(9.79260264e-02f));
    p = madd(p, a, splat(3.22272787e-01f));
    p = madd(p, a, splat(4.99999981e-01f));
    q = madd(q, a, splat(2.44733961e-01f));
    q = madd(q, a, splat(8.46755928e-01f));
    q = madd(q, a, splat(1.44242880e+00f));
    q = madd(q, a, splat(1.00000000e+00f));
    const f32x4 tail = exponential(a * a * splat(-0.5f)) * a * p / q;
    return choose(x > splat(0), x, splat(0)) - tail;
}

INLINE f32x4 gate(f32x4 x, f32x4 by) { return x / (exponential(-by) + splat(1)); }

/* On rows of `count` floats; `out` may be `x`. */
void add_to_row(float *row, float value, ptrdiff_t count);
void copy_row(const float *x, float *out, ptrdiff_t count);
void gelu_row(const float *x, float *out, ptrdiff_t count);
void glu_row(const float *x, const float *gates, float *out, ptrdiff_t count);

#endif
