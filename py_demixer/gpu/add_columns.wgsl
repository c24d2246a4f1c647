// x += y at some positions of every channel.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // channels are sizes.stride apart
@group(0) @binding(2) var<storage, read> y: array<f32>; // (channels, each)

fn element(i: u32) {
    let channel = i / sizes.each;
    x[channel * sizes.stride + sizes.first + i - channel * sizes.each] += y[i];
}
