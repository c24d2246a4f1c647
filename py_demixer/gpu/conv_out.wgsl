// The end of a residual branch: group norm and GLU of the products from conv_out_product.wgsl,
// scaled and added to x.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (channels, rows, columns)
@group(0) @binding(2) var<storage, read> hidden: array<f32>; // (hidden, rows, columns)
@group(0) @binding(3) var<storage, read> weights: array<vec2u>; // (hidden, 2, quads, 4)
@group(0) @binding(4) var<storage, read> bias: array<u32>; // (2, channels)
@group(0) @binding(5) var<storage, read> moments: array<Moments>;
@group(0) @binding(6) var<storage, read> norm_weight: array<u32>; // (2, channels)
@group(0) @binding(7) var<storage, read> norm_bias: array<u32>; // (2, channels)
@group(0) @binding(8) var<storage, read> scale: array<u32>; // (channels)

@compute @workgroup_size(32, 2)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let row = moments[workgroup.y];
    let factor = 1.0 / sqrt(row.squares / row.count + EPSILON);
    let columns = workgroup.x * 128u + local.x + vec4u(0u, 32u, 64u, 96u);
    let end = min(sizes.quads, (workgroup.z + 1u) * sizes.each);
    for (var quad = workgroup.z * sizes.each + local.y; quad < end; quad += 2u) {
        let sum = products(workgroup.y, columns, quad);
        add(sum.values[0], sum.gates[0], 4u * quad, workgroup.y, columns, row.mean, factor);
        add(sum.values[1], sum.gates[1], 4u * quad + 1u, workgroup.y, columns, row.mean, factor);
        add(sum.values[2], sum.gates[2], 4u * quad + 2u, workgroup.y, columns, row.mean, factor);
        add(sum.values[3], sum.gates[3], 4u * quad + 3u, workgroup.y, columns, row.mean, factor);
    }
}

fn add(
    values: vec4f, gates: vec4f, channel: u32, row: u32, columns: vec4u, mean: f32, factor: f32,
) {
    if (channel >= sizes.channels) {
        return;
    }
    let value = normed(values, channel, mean, factor)
        * widened(scale[word_of(channel)], channel);
    let gate = normed(gates, sizes.channels + channel, mean, factor);
    let start = (channel * sizes.rows + row) * sizes.columns;
    add_one(start, columns.x, value.x * sigmoid(gate.x));
    add_one(start, columns.y, value.y * sigmoid(gate.y));
    add_one(start, columns.z, value.z * sigmoid(gate.z));
    add_one(start, columns.w, value.w * sigmoid(gate.w));
}

fn add_one(start: u32, column: u32, value: f32) {
    if (column < sizes.columns) {
        x[start + column] += value;
    }
}

fn normed(sums: vec4f, channel: u32, mean: f32, factor: f32) -> vec4f {
    let y = sums + bias_at(channel);
    return (y - mean) * (factor * widened(norm_weight[word_of(channel)], channel))
        + widened(norm_bias[word_of(channel)], channel);
}
