// Calls `element` for each element of an array, in workgroups of 256 invocations.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (workgroup.y * count.x + workgroup.x) * 256u + thread;
    if (i < sizes.size) {
        element(i);
    }
}
