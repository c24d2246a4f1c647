// The windowed samples of a frame from its spectrum: the first half of
// py_demixer.ops.stft.synthesise and the inverse of analyse.wgsl. The inverse transform is the
// conjugate of the conjugate's transform.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, 2, POINTS, frames)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> windows: array<vec2f>; // (channels, frames, POINTS)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let real = 2u * (sizes.first + workgroup.y) * POINTS * count.x + workgroup.x;
    let imaginary = real + POINTS * count.x;
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = vec2f(x[real + i * count.x], x[imaginary + i * count.x]);
    }
    workgroupBarrier();
    // Each invocation overwrites two numbers that no other invocation reads.
    for (var i = thread; i <= POINTS / 2u; i += 64u) {
        if (i == 0u) {
            // The imaginary part at frequency zero is ignored, and the Nyquist bin is zero.
            work[0] = vec2f(work[0].x, -work[0].x);
        } else {
            let one = work[i];
            let mirrored = work[POINTS - i];
            work[i] = folded(one, mirrored, i);
            work[POINTS - i] = folded(mirrored, one, POINTS - i);
        }
    }
    transform(thread);
    let start = (workgroup.y * count.x + workgroup.x) * POINTS;
    for (var i = thread; i < POINTS; i += 64u) {
        let window = vec2f(hann(2u * i), hann(2u * i + 1u));
        windows[start + i] = conjugate(work[i]) * window * SCALE;
    }
}

// The conjugate of the spectrum of the complex numbers made of even and odd samples, from the
// spectrum of all samples.
fn folded(one: vec2f, mirrored: vec2f, i: u32) -> vec2f {
    let odd = turned(conjugate(one) - mirrored, i);
    return conjugate(one) + mirrored + vec2f(odd.y, -odd.x);
}
