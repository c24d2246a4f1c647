// x = 0.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;

fn element(i: u32) {
    x[i] = 0.0;
}
