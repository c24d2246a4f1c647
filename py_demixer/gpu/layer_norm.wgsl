// Layer norm over the channels of 16 positions. Each column of a workgroup handles one position,
// and each of its 16 invocations takes every 16th channel.

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> slices: array<Moments, 256>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let position = workgroup.x * 16u + local.x;
    let inside = position < sizes.positions;
    var sums: Sums;
    if (inside) {
        for (var channel = local.y; channel < sizes.channels; channel += 16u) {
            include(&sums, x[channel * sizes.positions + position]);
        }
    }
    slices[thread] = moments_of(sums);
    workgroupBarrier();
    if (!inside) {
        return;
    }
    let count = f32(sizes.channels);
    let near = slices[local.x].mean;
    var sum = 0.0;
    for (var i = local.x; i < 256u; i += 16u) {
        sum += slices[i].count * (slices[i].mean - near);
    }
    let mean = near + sum / count;
    var squares = 0.0;
    for (var i = local.x; i < 256u; i += 16u) {
        squares += about(slices[i], mean);
    }
    let scale = 1.0 / sqrt(squares / count + EPSILON);
    for (var channel = local.y; channel < sizes.channels; channel += 16u) {
        let at = channel * sizes.positions + position;
        y[at] = (x[at] - mean) * scale * widened(weight[word_of(channel)], channel)
            + widened(bias[word_of(channel)], channel);
    }
}
