// The spectrum of a frame: py_demixer.ops.stft.analyse and analyse_rectangular.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, length)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (channels, 2, BINS, frames)

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
            sample(workgroup.y, start + 2u * i) * window(2u * i),
            sample(workgroup.y, start + 2u * i + 1u) * window(2u * i + 1u),
        );
    }
    transform(thread);
    let real = 2u * workgroup.y * BINS * count.x + frame;
    let imaginary = real + BINS * count.x;
    for (var i = thread; i < BINS; i += 64u) {
        let found = SCALE * bin(i);
        y[real + i * count.x] = found.x;
        y[imaginary + i * count.x] = found.y;
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
