// The windowed samples of a frame from its spectrum: the first half of
// py_demixer.ops.stft.synthesise, synthesise_rectangular and synthesise_interleaved, and the inverse
// of analyse.wgsl.

@group(0) @binding(1) var<storage, read> x: array<f32>; // signals, channels, 2, BINS and frames, in some order
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> windows: array<vec2f>; // (channels, frames, POINTS)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let channel = sizes.first + workgroup.y;
    let real = channel / sizes.channels * sizes.signal_stride
        + channel % sizes.channels * sizes.channel_stride
        + workgroup.x;
    let imaginary = real + sizes.part_stride;
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = vec2f(x[real + i * sizes.bin_stride], x[imaginary + i * sizes.bin_stride]);
    }
    var nyquist = 0.0;
    if (ALL_BINS) {
        nyquist = x[real + POINTS * sizes.bin_stride];
    }
    fold(thread, nyquist);
    transform(thread);
    let start = (workgroup.y * count.x + workgroup.x) * POINTS;
    for (var i = thread; i < POINTS; i += 64u) {
        let factors = vec2f(window(2u * i), window(2u * i + 1u));
        windows[start + i] = conjugate(work[i]) * factors * SCALE;
    }
}
