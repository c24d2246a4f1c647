// Swaps the last two axes: py_demixer.ops.layout.transpose. A workgroup moves a square of 16 x 16, so
// that neighbouring invocations read and write neighbouring numbers.

const SIDE: u32 = 16u;

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, rows, positions)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (channels, positions, rows)

var<workgroup> square: array<f32, SIDE * (SIDE + 1u)>;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let plane = workgroup.z * sizes.rows * sizes.positions;
    let row = SIDE * workgroup.y + local.y;
    let position = SIDE * workgroup.x + local.x;
    if (row < sizes.rows && position < sizes.positions) {
        square[local.y * (SIDE + 1u) + local.x] = x[plane + row * sizes.positions + position];
    }
    workgroupBarrier();
    let to_row = SIDE * workgroup.x + local.y;
    let to_position = SIDE * workgroup.y + local.x;
    if (to_row < sizes.positions && to_position < sizes.rows) {
        y[plane + to_row * sizes.rows + to_position] = square[local.x * (SIDE + 1u) + local.y];
    }
}
