// x += scale y, with a scale for each channel.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<u32>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = number_of(workgroup, count, thread);
    if (i >= sizes.size) {
        return;
    }
    let channel = i / sizes.each;
    x[i] += widened(scale[word_of(channel)], channel) * y[i];
}
