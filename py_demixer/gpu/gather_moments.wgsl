// The moments of whole rows, from those of their parts.

@group(0) @binding(1) var<storage, read> parts: array<Moments>; // (rows, parts)
@group(0) @binding(2) var<storage, read_write> moments: array<Moments>; // (rows)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
    var own: Moments;
    for (var i = thread; i < sizes.parts; i += 64u) {
        own = both(own, parts[workgroup.x * sizes.parts + i]);
    }
    let whole = merged(own, thread);
    if (thread == 0u) {
        moments[workgroup.x] = whole;
    }
}
