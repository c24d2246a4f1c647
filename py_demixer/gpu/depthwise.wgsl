// A convolution of each channel with its own three taps: py_demixer.ops.residual.depthwise.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, rows, columns)
@group(0) @binding(2) var<storage, read> taps: array<u32>; // (channels, 3)
@group(0) @binding(3) var<storage, read> bias: array<u32>; // (channels)
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // like x

fn element(i: u32) {
    let channel = i / sizes.each;
    let column = i % sizes.columns;
    var sum = widened(bias[word_of(channel)], channel) + tap(channel, 1u) * x[i];
    if (column > 0u) {
        sum += tap(channel, 0u) * x[i - 1u];
    }
    if (column + 1u < sizes.columns) {
        sum += tap(channel, 2u) * x[i + 1u];
    }
    y[i] = sum;
}

fn tap(channel: u32, number: u32) -> f32 {
    let place = 3u * channel + number;
    return widened(taps[word_of(place)], place);
}
