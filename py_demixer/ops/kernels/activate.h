/* Element-wise functions on rows of floats; formulas as in ../activation.py. */

#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "simd.h"

enum { NO_ACTIVATION = 0, GELU = 1, GLU = 2, SWISH = 3 };

/* These functions process vectors in pairs: a pair shares the loads of constants and keeps two chains of
 * dependent instructions busy. */
enum { PAIR = 2 };
#define BOTH _Pragma("GCC unroll 2") for (int v = 0; v < PAIR; v++)

/* A pair with only `count` floats, if there are not enough for two vectors: the end of a row. */
INLINE void load_pair(const float *x, ptrdiff_t count, f32x4 *out) {
    if (count >= PAIR * LANES) {
        BOTH out[v] = load(x + v * LANES);
        return;
    }
    out[0] = load_some(x, fewer(count, LANES));
    out[1] = load_some(x + LANES, count - LANES);
}

INLINE void store_pair(float *x, const f32x4 *pair, ptrdiff_t count) {
    if (count >= PAIR * LANES) {
        BOTH store(x + v * LANES, pair[v]);
        return;
    }
    store_some(x, pair[0], fewer(count, LANES));
    store_some(x + LANES, pair[1], count - LANES);
}

/* 1.5 * 2^23, then the minimax polynomial (in relative error, by Remez) of 2^r for |r| <= 1/2, highest
 * power first. */
static const float EXPONENTIAL[] = {
    12582912.0f,    1.53458124e-4f, 1.33999309e-3f, 9.61848907e-3f,
    5.55032864e-2f, 2.40226462e-1f, 6.93147182e-1f, 1.0f,
};

/* 2^(x factor) to 2 units in the last place, for x factor in [-125, 127]; NaN for NaN. c: EXPONENTIAL. */
INLINE void exponentials(const f32x4 *x, f32x4 factor, const f32x4 *c, f32x4 *out) {
    f32x4 shifted[PAIR], r[PAIR], p[PAIR];
    /* A float near 1.5 * 2^23 has no fraction bits: the sum is rounded to an integer, which is in its low
     * bits. */
    BOTH shifted[v] = madd(x[v], factor, c[0]);
    BOTH r[v] = madd(x[v], factor, c[0] - shifted[v]);
    BOTH p[v] = c[1];
#pragma GCC unroll 6
    for (int i = 2; i < LENGTH(EXPONENTIAL); i++) BOTH p[v] = madd(p[v], r[v], c[i]);
    /* The shift leaves only that integer, which is added to the exponent. */
    BOTH out[v] = (f32x4)((u32x4)p[v] + ((u32x4)shifted[v] << 23));
}

/* For the GELU: the coefficients of Q and P in ../activation.py, highest power first, alternating and
 * starting with Q's; then the end of the tail and the factor of the exponent, -1 / (2 ln 2). */
static const float NORMAL_TAIL[] = {
    3.06372893e-02f, 2.44733961e-01f, 1.22116628e-02f, 8.46755928e-01f, 9.79260264e-02f, 1.44242880e+00f,
    3.22272787e-01f, 1.00000000e+00f, 4.99999981e-01f, 13.0f,           -0.721347520f,
};

/* x Phi(x) = max(x, 0) - a Phi(-a) with a = |x|; the tail is a rational approximation. c: NORMAL_TAIL,
 * e: EXPONENTIAL. */
INLINE void gelus(const f32x4 *x, const f32x4 *c, const f32x4 *e, f32x4 *out) {
    f32x4 a[PAIR], p[PAIR], q[PAIR], power[PAIR];
    BOTH a[v] = smaller(larger(x[v], -x[v]), c[9]);
    BOTH power[v] = a[v] * a[v];
    exponentials(power, c[10], e, power);
    BOTH q[v] = madd(c[0], a[v], c[1]);
    BOTH p[v] = c[2];
#pragma GCC unroll 3
    for (int i = 3; i < 9; i += 2) {
        BOTH q[v] = madd(q[v], a[v], c[i]);
        BOTH p[v] = madd(p[v], a[v], c[i + 1]);
    }
    BOTH out[v] = larger(x[v], splat(0)) - power[v] * (a[v] * p[v] / q[v]);
}

/* The limit for the absolute value of a gate's input (sigmoid(-87) is 1.6e-38), -1 / ln 2, 1. */
static const float SIGMOID[] = {87.0f, -1.44269504f, 1.0f};

/* x sigmoid(by). c: SIGMOID, e: EXPONENTIAL. */
INLINE void gates(const f32x4 *x, const f32x4 *by, const f32x4 *c, const f32x4 *e, f32x4 *out) {
    f32x4 power[PAIR];
    BOTH power[v] = smaller(larger(by[v], -c[0]), c[0]);
    exponentials(power, c[1], e, power);
    BOTH out[v] = x[v] / (power[v] + c[2]);
}

/* For tanh: Cephes' polynomial (Moshier) near zero, highest power first; the end of its range; the point
 * from which on tanh is one; 2 / ln 2; 1; 2. */
static const float TANGENT[] = {
    -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f,
    0.625f,             10.0f,             2.88539008f,        1.0f,              2.0f,
};

/* tanh(x). c: TANGENT, e: EXPONENTIAL. */
INLINE void tangents(const f32x4 *x, const f32x4 *c, const f32x4 *e, f32x4 *out) {
    f32x4 size[PAIR], power[PAIR], near[PAIR], square[PAIR], far[PAIR];
    BOTH size[v] = larger(x[v], -x[v]);
    BOTH power[v] = smaller(size[v], c[6]);
    exponentials(power, c[7], e, power);
    BOTH far[v] = c[8] - c[9] / (power[v] + c[8]);
    BOTH far[v] = choose(x[v] < splat(0), -far[v], far[v]);
    BOTH square[v] = x[v] * x[v];
    BOTH near[v] = c[0];
#pragma GCC unroll 4
    for (int i = 1; i < 5; i++) BOTH near[v] = madd(near[v], square[v], c[i]);
    BOTH near[v] = madd(near[v] * square[v], x[v], x[v]);
    BOTH out[v] = choose(size[v] < c[5], near[v], far[v]);
}

/* Functions on rows of `count` floats; `out` may be `x`, and `gates` too. */
void add_to_row(float *row, float value, ptrdiff_t count);
void copy_row(const float *x, float *out, ptrdiff_t count);
void gelu_row(const float *x, float *out, ptrdiff_t count);
void glu_row(const float *x, const float *gates, float *out, ptrdiff_t count);
void activate_row(int32_t activation, const float *x, const float *gates, float *out,
                  ptrdiff_t count); /* `gates` is used by GLU only */
void add_scaled_row(float *x, const float *y, float scale, ptrdiff_t count);

#endif
