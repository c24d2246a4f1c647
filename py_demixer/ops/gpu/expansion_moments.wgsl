// The moments of a part of a row of what expansion.wgsl computes: of 32 values and gates, at some
// times 128 positions.

@group(0) @binding(1) var<storage, read> hidden: array<f32>; // (hidden, rows, columns)
@group(0) @binding(2) var<storage, read> weights: array<vec2u>; // (hidden, 2, quads, 4)
@group(0) @binding(3) var<storage, read> bias: array<u32>; // (2, channels)
@group(0) @binding(4) var<storage, read_write> parts: array<Moments>;

@compute @workgroup_size(32, 8)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    var sums: FourSums;
    let quad = workgroup.z * 8u + local.y;
    let first = workgroup.x * sizes.tiles * 128u;
    let end = min(sizes.columns, first + sizes.tiles * 128u);
    if (quad < sizes.quads) {
        for (var column = first + local.x; column < end; column += 128u) {
            let columns = column + vec4u(0u, 32u, 64u, 96u);
            let inside = columns < vec4u(end);
            let sum = expanded(workgroup.y, columns, quad);
            include_row(&sums, sum.values[0], sum.gates[0], 4u * quad, inside);
            include_row(&sums, sum.values[1], sum.gates[1], 4u * quad + 1u, inside);
            include_row(&sums, sum.values[2], sum.gates[2], 4u * quad + 2u, inside);
            include_row(&sums, sum.values[3], sum.gates[3], 4u * quad + 3u, inside);
        }
    }
    let part = merged(moments_of_four(sums), thread);
    if (thread == 0u) {
        parts[(workgroup.y * count.z + workgroup.z) * count.x + workgroup.x] = part;
    }
}

fn include_row(
    sums: ptr<function, FourSums>, values: vec4f, gates: vec4f, channel: u32, inside: vec4<bool>,
) {
    let which = inside & vec4<bool>(channel < sizes.channels);
    include_four(sums, values + bias_at(channel), which);
    include_four(sums, gates + bias_at(sizes.channels + channel), which);
}
