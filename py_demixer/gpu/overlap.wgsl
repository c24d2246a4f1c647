// The sum of all windows at each sample: the second half of py_demixer.ops.stft.synthesise,
// synthesise_rectangular and synthesise_interleaved. With DIVIDES, it is divided by the sum of the
// windows' squares there.

@group(0) @binding(1) var<storage, read> windows: array<f32>; // (channels, frames, 2 POINTS)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (channels, length)

fn element(i: u32) {
    let channel = i / sizes.length;
    let place = sizes.margin + i - channel * sizes.length;
    let last = place / sizes.hop;
    var sum = 0.0;
    var squares = 0.0;
    for (var back = 0u; back < sizes.together; back++) {
        let frame = last - back; // wraps around to a very large number below zero
        let at = back * sizes.hop + place % sizes.hop;
        if (frame < sizes.frames && at < 2u * POINTS) {
            sum += windows[(channel * sizes.frames + frame) * 2u * POINTS + at];
            squares += window(at) * window(at);
        }
    }
    y[sizes.first * sizes.length + i] = sum / select(1.0, squares, DIVIDES);
}
