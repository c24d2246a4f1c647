// The moments of a set of numbers: see moments.wgsl.
struct Moments {
    count: f32,
    mean: f32,
    // The sum of squared deviations from the mean.
    squares: f32,
}
