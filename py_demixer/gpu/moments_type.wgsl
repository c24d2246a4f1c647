// What is known of a set of numbers: see moments.wgsl.
struct Moments {
    count: f32,
    mean: f32,
    // What the numbers differ from the mean by, squared and summed.
    squares: f32,
}
