// Element-wise activations, as in py_demixer/ops/activation.py. WGSL allows min, max and
// comparisons to drop a NaN, and NVIDIA's driver turns select(x, 0.0, x < 0.0) into a max; so NaN
// is detected by its bits.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// The exact GELU, max(x, 0) - a Phi(-a) with a = |x|: Phi(-a) = exp(-a^2 / 2) P(a) / Q(a) is a
// rational approximation, accurate to 1e-9 for a Phi(-a); beyond 13 it is below the smallest
// float32.
fn gelu(x: f32) -> f32 {
    let a = min(abs(x), 13.0);
    let p = fma(fma(fma(1.22116628e-02, a, 9.79260264e-02), a, 3.22272787e-01), a, 4.99999981e-01);
    let q = fma(fma(fma(fma(3.06372893e-02, a, 2.44733961e-01), a, 8.46755928e-01), a,
        1.44242880e+00), a, 1.0);
    return select(max(x, 0.0) - a * exp(-0.5 * a * a) * p / q, x, is_nan(x));
}

// The logistic function. The exponential is at most 1, so nothing overflows.
fn sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}

// The hyperbolic tangent; near zero by Cephes' polynomial (Moshier), as in kernels/lstm.c. WGSL's own
// is only accurate to 1e-5.
fn tangent(x: f32) -> f32 {
    let size = abs(x);
    let square = x * x;
    let near = fma(fma(fma(fma(-5.70498872745e-3, square, 2.06390887954e-2), square,
        -5.37397155531e-2), square, 1.33314422036e-1), square, -3.33332819422e-1);
    let far = 1.0 - 2.0 / (exp(2.0 * min(size, 10.0)) + 1.0);
    return select(sign(x) * far, x + near * square * x, size < 0.625);
}
