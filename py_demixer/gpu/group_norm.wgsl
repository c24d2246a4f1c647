// Group norm and an optional activation, for one part of the channels and positions of a row and a group.

@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<Moments>;
@group(0) @binding(3) var<storage, read> weight: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
    let row = moments[workgroup.z * sizes.rows + workgroup.y];
    let scale = 1.0 / sqrt(row.squares / row.count + EPSILON);
    let end = min(sizes.size, (workgroup.x + 1u) * sizes.part);
    for (var i = workgroup.x * sizes.part + thread; i < end; i += 256u) {
        let at = place(i, workgroup.y, workgroup.z);
        let channel = workgroup.z * sizes.channels + i / sizes.positions;
        let factor = scale * widened(weight[word_of(channel)], channel);
        let y = (x[at] - row.mean) * factor + widened(bias[word_of(channel)], channel);
        if (GELU) {
            x[at] = gelu(y);
        } else if (SWISH) {
            x[at] = y * sigmoid(y);
        } else {
            x[at] = y;
        }
    }
}
