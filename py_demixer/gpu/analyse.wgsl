// The spectrum of a frame: py_demixer.ops.stft.analyse. The transform of 2 POINTS real numbers is
// computed as that of POINTS complex ones, whose real and imaginary parts are the even and odd
// samples.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, length)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (channels, 2, POINTS, frames)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let frame = workgroup.x;
    let start = frame * (POINTS / 2u);
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = vec2f(
            sample(workgroup.y, start + 2u * i) * hann(2u * i),
            sample(workgroup.y, start + 2u * i + 1u) * hann(2u * i + 1u),
        );
    }
    transform(thread);
    let real = 2u * workgroup.y * POINTS * count.x + frame;
    let imaginary = real + POINTS * count.x;
    for (var i = thread; i < POINTS; i += 64u) {
        let one = work[i];
        let mirrored = conjugate(work[(POINTS - i) % POINTS]);
        let odd = turned(one - mirrored, i);
        let spectrum = (one + mirrored + vec2f(odd.y, -odd.x)) * (0.5 * SCALE);
        y[real + i * count.x] = spectrum.x;
        y[imaginary + i * count.x] = spectrum.y;
    }
}

// A sample of a channel that is padded with zeros if it is too short, and then reflected on both
// sides.
fn sample(channel: u32, padded: u32) -> f32 {
    let place = abs(i32(padded) - i32(sizes.left));
    let last = i32(sizes.filled) - 1;
    let at = select(place, 2 * last - place, place > last) - i32(sizes.before);
    if (at < 0 || at >= i32(sizes.length)) {
        return 0.0;
    }
    return x[channel * sizes.length + u32(at)];
}
