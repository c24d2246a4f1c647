// The moments of a part of a row of the products from conv_out_product.wgsl: some values and their
// gates, at 128 positions.

@group(0) @binding(1) var<storage, read> hidden: array<f32>; // (hidden, rows, columns)
@group(0) @binding(2) var<storage, read> weights: array<vec2u>; // (hidden, 2, quads, 4)
@group(0) @binding(3) var<storage, read> bias: array<u32>; // (2, channels)
@group(0) @binding(4) var<storage, read_write> parts: array<Moments>;

@compute @workgroup_size(32, 2)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    var sums: FourSums;
    let columns = workgroup.x * 128u + local.x + vec4u(0u, 32u, 64u, 96u);
    let inside = columns < vec4u(sizes.columns);
    let end = min(sizes.quads, (workgroup.z + 1u) * sizes.each);
    for (var quad = workgroup.z * sizes.each + local.y; quad < end; quad += 2u) {
        let sum = products(workgroup.y, columns, quad);
        include_row(&sums, sum.values[0], sum.gates[0], 4u * quad, inside);
        include_row(&sums, sum.values[1], sum.gates[1], 4u * quad + 1u, inside);
        include_row(&sums, sum.values[2], sum.gates[2], 4u * quad + 2u, inside);
        include_row(&sums, sum.values[3], sum.gates[3], 4u * quad + 3u, inside);
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
