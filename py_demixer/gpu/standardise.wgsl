// Normalises one part of all numbers to mean 0 and standard deviation 1, and stores the original
// two.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<Moments>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
    let all = moments[0u];
    let deviation = sqrt(all.squares / (all.count - 1.0));
    let end = min(sizes.size, (workgroup.x + 1u) * sizes.part);
    for (var i = workgroup.x * sizes.part + thread; i < end; i += 256u) {
        x[i] = (x[i] - all.mean) / (EPSILON + deviation);
    }
    if (workgroup.x == 0u && thread == 0u) {
        scale[0] = all.mean;
        scale[1] = deviation;
    }
}
