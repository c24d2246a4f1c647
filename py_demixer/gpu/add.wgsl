// x += y, where y is the same all along an axis of which the stride is 0. Of what is bound of x
// the first numbers are others'.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (..., rows, columns)
@group(0) @binding(2) var<storage, read> y: array<f32>;

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
    let row = i / sizes.columns;
    let plane = row / sizes.rows;
    x[sizes.skipped + i] += y[plane * sizes.plane_stride
        + (row - plane * sizes.rows) * sizes.row_stride
        + (i - row * sizes.columns) * sizes.column_stride];
}
