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

typedef float f32x4 __attribute__((vector_size(16)));
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

/* The larger and the smaller of x and y; x where one of them is NaN. One instruction on x86, where
 * WebAssembly's own maximum and minimum, which look at both for NaN, are many. */
#ifdef __wasm__
INLINE f32x4 larger(f32x4 x, f32x4 y) { return __builtin_wasm_pmax_f32x4(x, y); }
INLINE f32x4 lesser(f32x4 x, f32x4 y) { return __builtin_wasm_pmin_f32x4(x, y); }
#else
INLINE f32x4 larger(f32x4 x, f32x4 y) { return choose(x < y, y, x); }
INLINE f32x4 lesser(f32x4 x, f32x4 y) { return choose(y < x, y, x); }
#endif

/* Some floats that are fewer than a vector: the end of a row. */
INLINE f32x4 load_some(const float *p, ptrdiff_t count) {
    f32x4 v = {0};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
}
INLINE void store_some(float *p, f32x4 v, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
}

#endif
