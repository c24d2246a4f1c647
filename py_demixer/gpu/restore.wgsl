// The inverse of standardise.wgsl.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;

fn element(i: u32) {
    x[i] = x[i] * scale[1] + scale[0];
}
