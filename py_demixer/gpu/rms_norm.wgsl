// RMS norm over the channels of 16 positions: py_demixer.ops.norm.rms_norm. Each column of a
// workgroup handles one position, and each of its 16 invocations takes every 16th channel.

@group(0) @binding(1) var<storage, read> x: array<f32>; // channels are sizes.stride apart
@group(0) @binding(2) var<storage, read> weight: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (channels, positions)

var<workgroup> slices: array<f32, 256>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let position = workgroup.x * 16u + local.x;
    let inside = position < sizes.positions;
    let first = sizes.first + position;
    var squares = 0.0;
    if (inside) {
        for (var channel = local.y; channel < sizes.channels; channel += 16u) {
            let value = x[channel * sizes.stride + first];
            squares = fma(value, value, squares);
        }
    }
    slices[thread] = squares;
    workgroupBarrier();
    if (!inside) {
        return;
    }
    var sum = 0.0;
    for (var i = local.x; i < 256u; i += 16u) {
        sum += slices[i];
    }
    let scale = sqrt(f32(sizes.channels)) / max(sqrt(sum), SMALLEST_LENGTH);
    for (var channel = local.y; channel < sizes.channels; channel += 16u) {
        y[channel * sizes.positions + position] = x[channel * sizes.stride + first] * scale
            * widened(weight[word_of(channel)], channel);
    }
}
