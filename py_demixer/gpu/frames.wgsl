// The windowed samples of a frame from its spectrum: the first half of
// py_demixer.ops.stft.synthesise and synthesise_rectangular, and the inverse of analyse.wgsl.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, 2, BINS, frames)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> windows: array<vec2f>; // (channels, frames, POINTS)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let real = 2u * (sizes.first + workgroup.y) * BINS * count.x + workgroup.x;
    let imaginary = real + BINS * count.x;
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = vec2f(x[real + i * count.x], x[imaginary + i * count.x]);
    }
    var nyquist = 0.0;
    if (RECTANGULAR) {
        nyquist = x[real + POINTS * count.x];
    }
    fold(thread, nyquist);
    transform(thread);
    let start = (workgroup.y * count.x + workgroup.x) * POINTS;
    for (var i = thread; i < POINTS; i += 64u) {
        let factors = vec2f(window(2u * i), window(2u * i + 1u));
        windows[start + i] = conjugate(work[i]) * factors * SCALE;
    }
}
