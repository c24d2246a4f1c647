// x *= sigmoid(gates), with a gate for each head at each position.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (heads, WIDTH, positions)
@group(0) @binding(2) var<storage, read> gates: array<f32>; // (heads, positions)

fn element(i: u32) {
    let channel = i / sizes.each;
    x[i] *= sigmoid(gates[channel / WIDTH * sizes.each + i - channel * sizes.each]);
}
