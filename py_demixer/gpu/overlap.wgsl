// The sum of the four windows at each sample: the second half of py_demixer.ops.stft.synthesise.
// With rectangular windows, it is divided by their number, which is smaller at the ends.

@group(0) @binding(1) var<storage, read> windows: array<f32>; // (channels, frames, 4, hop)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (channels, length)

fn element(i: u32) {
    let channel = i / sizes.length;
    let place = sizes.margin + i - channel * sizes.length;
    let last = place / sizes.hop;
    var sum = 0.0;
    var found = 0.0;
    for (var quarter = 0u; quarter < 4u; quarter++) {
        let frame = last - quarter; // wraps around to a very large number below zero
        if (frame < sizes.frames) {
            let window = 4u * (channel * sizes.frames + frame) + quarter;
            sum += windows[window * sizes.hop + place % sizes.hop];
            found += 1.0;
        }
    }
    y[sizes.first * sizes.length + i] = sum / select(1.0, found, RECTANGULAR);
}
