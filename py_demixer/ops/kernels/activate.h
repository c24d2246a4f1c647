/* Element-wise functions on rows of floats; formulas as in ../activation.py. */

#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "simd.h"

enum { NO_ACTIVATION = 0, GELU = 1, GLU = 2 };

/* e^x to 2 units in the last place for -87 <= x <= 88, where it is a normal number; beyond, e^-87 and
 * e^88 (1e-38 and 2e38: what is added to or divided by them does not see the difference). NaN for NaN.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by Cephes' polynomial (Moshier). */
INLINE f32x4 exponential(f32x4 x) {
    x = lesser(larger(x, splat(-87)), splat(88));
    /* Adding 1.5 * 2^23 leaves no place for a fraction: x / ln 2 is rounded, and the integer is in the
     * low bits; with 127 more, they are the exponent of 2^n. */
    const f32x4 shift = splat(12582912.0f + 127.0f);
    const f32x4 shifted = madd(x, splat(1.44269504089f), shift);
    const f32x4 n = shifted - shift;
    f32x4 r = madd(n, splat(-0.693359375f), x); /* ln 2 in two parts, so that n ln 2 is exact */
    r = madd(n, splat(2.12194440e-4f), r);
    f32x4 p = splat(1.9875691500e-4f);
    p = madd(p, r, splat(1.3981999507e-3f));
    p = madd(p, r, splat(8.3334519073e-3f));
    p = madd(p, r, splat(4.1665795894e-2f));
    p = madd(p, r, splat(1.6666665459e-1f));
    p = madd(p, r, splat(5.0000001201e-1f));
    p = madd(p * r, r, r) + splat(1);
    return p * (f32x4)((u32x4)shifted << 23);
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), the tail by a rational approximation. */
INLINE f32x4 gelu(f32x4 x) {
    const f32x4 a = lesser(larger(x, -x), splat(13));
    f32x4 p = splat(1.22116628e-02f), q = splat(3.06372893e-02f);
    p = madd(p, a, splat(9.79260264e-02f));
    p = madd(p, a, splat(3.22272787e-01f));
    p = madd(p, a, splat(4.99999981e-01f));
    q = madd(q, a, splat(2.44733961e-01f));
    q = madd(q, a, splat(8.46755928e-01f));
    q = madd(q, a, splat(1.44242880e+00f));
    q = madd(q, a, splat(1.00000000e+00f));
    const f32x4 tail = exponential(a * a * splat(-0.5f)) * a * p / q;
    return larger(x, splat(0)) - tail;
}

INLINE f32x4 gate(f32x4 x, f32x4 by) { return x / (exponential(-by) + splat(1)); }

/* On rows of `count` floats; `out` may be `x`. */
void add_to_row(float *row, float value, ptrdiff_t count);
void copy_row(const float *x, float *out, ptrdiff_t count);
void gelu_row(const float *x, float *out, ptrdiff_t count);
void glu_row(const float *x, const float *gates, float *out, ptrdiff_t count);
void add_scaled_row(float *x, const float *y, float scale, ptrdiff_t count);

#endif
