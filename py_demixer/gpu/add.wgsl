// x += y, where y is broadcast along axes whose stride is 0. The first `skipped` elements of the
// binding of x belong to another array.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (..., rows, columns)
@group(0) @binding(2) var<storage, read> y: array<f32>;

fn element(i: u32) {
    let row = i / sizes.columns;
    let plane = row / sizes.rows;
    x[sizes.skipped + i] += y[plane * sizes.plane_stride
        + (row - plane * sizes.rows) * sizes.row_stride
        + (i - row * sizes.columns) * sizes.column_stride];
}
