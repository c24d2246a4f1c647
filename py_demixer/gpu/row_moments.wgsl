// The moments of one part of the channels and positions of a row and a group.

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> parts: array<Moments>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
    var sums: Sums;
    let end = min(sizes.size, (workgroup.x + 1u) * sizes.part);
    for (var i = workgroup.x * sizes.part + thread; i < end; i += 64u) {
        include(&sums, x[place(i, workgroup.y, workgroup.z)]);
    }
    let whole = merged(moments_of(sums), thread);
    if (thread == 0u) {
        let row = workgroup.z * sizes.rows + workgroup.y;
        parts[row * sizes.parts + workgroup.x] = whole;
    }
}
