// x = tanh(x).

@group(0) @binding(1) var<storage, read_write> x: array<f32>;

fn element(i: u32) {
    x[i] = tangent(x[i]);
}
