// x = activation(x + y).

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;

fn element(i: u32) {
    let sum = x[i] + y[i];
    if (GELU) {
        x[i] = gelu(sum);
    } else {
        x[i] = sum;
    }
}
