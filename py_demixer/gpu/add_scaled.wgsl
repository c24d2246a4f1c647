// x += scale y, with a scale for each channel.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<u32>;

fn element(i: u32) {
    let channel = i / sizes.each;
    x[i] += widened(scale[word_of(channel)], channel) * y[i];
}
