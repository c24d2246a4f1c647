/* Vectors of four floats, portable: Clang and GCC lower them to WASM SIMD, SSE, NEON, ... */

#ifndef SIMD_H
#define SIMD_H

#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name) __attribute__((visibility("default")))
#endif

enum { LANES = 4 };

INLINE ptrdiff_t fewer(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t round_up(ptrdiff_t n, ptrdiff_t unit) { return (n + unit - 1) / unit * unit; }

typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));

/* Arrays are aligned to their elements, not to vectors. */
typedef float unaligned_f32x4 __attribute__((vector_size(16), aligned(4), may_alias));

INLINE f32x4 load(const float *p) { return *(const unaligned_f32x4 *)p; }
INLINE void store(float *p, f32x4 v) { *(unaligned_f32x4 *)p = v; }
INLINE f32x4 splat(float x) { return (f32x4){x, x, x, x}; }

/* a b + c. Relaxed SIMD uses the processor's fused multiply-add, which rounds once. */
INLINE f32x4 madd(f32x4 a, f32x4 b, f32x4 c) {
#ifdef __wasm_relaxed_simd__
    return __builtin_wasm_relaxed_madd_f32x4(a, b, c);
#else
    return a * b + c;
#endif
}

/* condition ? a : b, lane by lane. */
INLINE f32x4 choose(i32x4 condition, f32x4 a, f32x4 b) {
    return (f32x4)((condition & (i32x4)a) | (~condition & (i32x4)b));
}

/* The larger or the smaller of a and b; a if one of them is NaN. (Written as comparisons, these would be
 * compiled to relaxed instructions, which may lose the NaN.) */
INLINE f32x4 larger(f32x4 a, f32x4 b) {
#ifdef __wasm__
    return __builtin_wasm_pmax_f32x4(a, b);
#else
    return choose(a < b, b, a);
#endif
}
INLINE f32x4 smaller(f32x4 a, f32x4 b) {
#ifdef __wasm__
    return __builtin_wasm_pmin_f32x4(a, b);
#else
    return choose(b < a, b, a);
#endif
}

/* The larger of two numbers; a if one of them is NaN. */
INLINE double larger_double(double a, double b) {
#ifdef __wasm__
    return __builtin_wasm_pmax_f64x2((f64x2){a, a}, (f64x2){b, b})[0];
#else
    return a < b ? b : a;
#endif
}

#define LENGTH(array) (int)(sizeof(array) / sizeof *(array))

/* Loads constants for a loop. V8 rebuilds constants known at compile time at every use, in four
 * instructions; the asm statement hides them from the compiler. */
INLINE void load_constants(const float *numbers, const int count, f32x4 *out) {
    __asm__("" : "+r"(numbers));
#pragma GCC unroll 16
    for (int i = 0; i < count; i++) out[i] = splat(numbers[i]);
}
#define CONSTANTS(name, numbers)                                                                  \
    f32x4 name[LENGTH(numbers)];                                                                  \
    load_constants(numbers, LENGTH(numbers), name)

/* Load and store fewer floats than a vector has: the end of a row. */
INLINE f32x4 load_some(const float *p, ptrdiff_t count) {
    f32x4 v = {0};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
}
INLINE void store_some(float *p, f32x4 v, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
}

#endif
