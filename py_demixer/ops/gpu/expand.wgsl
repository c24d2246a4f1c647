// The end of a residual branch, added: group norm and GLU of what expansion.wgsl computes, scaled.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (channels, rows, columns)
@group(0) @binding(2) var<storage, read> hidden: array<f32>; // (hidden, rows, columns)
@group(0) @binding(3) var<storage, read> weights: array<vec2u>; // (hidden, 2, quads, 4)
@group(0) @binding(4) var<storage, read> bias: array<u32>; // (2, channels)
@group(0) @binding(5) var<storage, read> parts: array<Moments>;
@group(0) @binding(6) var<storage, read> norm_weight: array<u32>; // (2, channels)
@group(0) @binding(7) var<storage, read> norm_bias: array<u32>; // (2, channels)
@group(0) @binding(8) var<storage, read> scale: array<u32>; // (channels)

@compute @workgroup_size(32, 8)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = gathered(workgroup.y, thread);
    let factor = 1.0 / sqrt(row.squares / row.count + EPSILON);
    let quad = workgroup.z * 8u + local.y;
    let columns = workgroup.x * 128u + local.x + vec4u(0u, 32u, 64u, 96u);
    if (quad >= sizes.quads || columns.x >= sizes.columns) {
        return;
    }
    let both = expanded(workgroup.y, columns, quad);
    for (var i = 0u; i < 4u && 4u * quad + i < sizes.channels; i++) {
        let channel = 4u * quad + i;
        let value = normed(both.values[i], channel, row.mean, factor);
        let gate = normed(both.gates[i], sizes.channels + channel, row.mean, factor);
        let layer_scale = widened(scale[word_of(channel)], channel);
        let start = (channel * sizes.rows + workgroup.y) * sizes.columns;
        for (var j = 0u; j < 4u; j++) {
            if (columns[j] < sizes.columns) {
                x[start + columns[j]] += layer_scale * value[j] * sigmoid(gate[j]);
            }
        }
    }
}

fn normed(sums: vec4f, channel: u32, mean: f32, factor: f32) -> vec4f {
    let y = sums + bias_at(channel);
    return (y - mean) * (factor * widened(norm_weight[word_of(channel)], channel))
        + widened(norm_bias[word_of(channel)], channel);
}
