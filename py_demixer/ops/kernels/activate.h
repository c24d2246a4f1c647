/* Element-wise functions on rows of floats; formulas as in ../activation.py. */

#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "simd.h"

enum { NO_ACTIVATION = 0, GELU = 1, GLU = 2 };

/* For e^x: 1 / ln 2; 1.5 * 2^23; ln 2 in two parts, the first so short that its products with integers
 * are exact; the polynomial of Cephes (Moshier), highest power first; the bounds of x. */
static const float EXPONENTIAL[] = {
    1.44269504089f,   12582912.0f,      -0.693359375f,    2.12194440e-4f,   1.9875691500e-4f,
    1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f,
    1.0f,             -87.0f,           -110.0f,          90.0f,
};

/* e^r and the n of x = n ln 2 + r, |r| <= ln 2 / 2. */
INLINE f32x4 exponential_parts(f32x4 x, u32x4 *n) {
    const float *c = table(EXPONENTIAL);
    /* Beside 1.5 * 2^23 there is no place for a fraction: the sum is rounded to an integer, which is in
     * its low bits. */
    const f32x4 shifted = madd(x, splat(c[0]), splat(c[1]));
    const f32x4 rounded = shifted - splat(c[1]);
    *n = (u32x4)shifted - (u32x4)splat(c[1]);
    f32x4 r = madd(rounded, splat(c[2]), x);
    r = madd(rounded, splat(c[3]), r);
    f32x4 p = splat(c[4]);
    for (int i = 5; i < 10; i++) p = madd(p, r, splat(c[i]));
    return madd(p * r, r, r) + splat(c[10]);
}

/* 2^n for normal numbers. */
INLINE f32x4 power_of_two(u32x4 n) { return (f32x4)((n << 23) + 0x3f800000); }

/* e^x to 2 units in the last place; subnormal, zero and infinite at the ends, NaN for NaN. */
INLINE f32x4 exponential(f32x4 x) {
    const float *c = table(EXPONENTIAL);
    u32x4 n;
    const f32x4 p = exponential_parts(smaller(larger(x, splat(c[12])), splat(c[13])), &n);
    /* Two factors, because n may be beyond the exponents of normal numbers. */
    const u32x4 half = (u32x4)((i32x4)n >> 1);
    return p * power_of_two(half) * power_of_two(n - half);
}

/* The same for x <= 0, in fewer steps; below -87 it stays 1.6e-38. */
INLINE f32x4 exponential_of_negative(f32x4 x) {
    u32x4 n;
    const f32x4 p = exponential_parts(larger(x, splat(table(EXPONENTIAL)[11])), &n);
    return p * power_of_two(n);
}

/* For the GELU, highest power first: P and Q of ../activation.py in turn, Q's first before them; then
 * where the tail ends, and the factor of the exponent. */
static const float NORMAL_TAIL[] = {
    3.06372893e-02f, 2.44733961e-01f, 1.22116628e-02f, 8.46755928e-01f, 9.79260264e-02f,
    1.44242880e+00f, 3.22272787e-01f, 1.00000000e+00f, 4.99999981e-01f, 13.0f, -0.5f,
};

/* x Phi(x) = max(x, 0) - a Phi(-a) with a = |x|, the tail by a rational approximation. */
INLINE f32x4 gelu(f32x4 x) {
    const float *c = table(NORMAL_TAIL);
    const f32x4 zero = {0}, a = smaller(larger(x, -x), splat(c[9]));
    f32x4 q = madd(splat(c[0]), a, splat(c[1])), p = splat(c[2]);
    for (int i = 3; i < 9; i += 2) {
        q = madd(q, a, splat(c[i]));
        p = madd(p, a, splat(c[i + 1]));
    }
    const f32x4 tail = exponential_of_negative(a * a * splat(c[10])) * (a * p / q);
    return larger(x, zero) - tail;
}

INLINE f32x4 gate(f32x4 x, f32x4 by) { return x / (exponential(-by) + splat(1)); }

/* On rows of `count` floats; `out` may be `x`. */
void add_to_row(float *row, float value, ptrdiff_t count);
void copy_row(const float *x, float *out, ptrdiff_t count);
void gelu_row(const float *x, float *out, ptrdiff_t count);
void glu_row(const float *x, const float *gates, float *out, ptrdiff_t count);
void add_scaled_row(float *x, const float *y, float scale, ptrdiff_t count);

#endif
