// The spectrum of a row: py_demixer.ops.fourier.row_spectra.

@group(0) @binding(1) var<storage, read> x: array<vec2f>; // (rows, POINTS)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (2, rows, POINTS + 1)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = sizes.first + workgroup.y * count.x + workgroup.x;
    if (row >= sizes.stop) {
        return;
    }
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = x[row * POINTS + i];
    }
    transform(thread);
    for (var i = thread; i <= POINTS; i += 64u) {
        let found = SCALE * bin(i);
        let at = row * (POINTS + 1u) + i;
        y[at] = found.x;
        y[sizes.rows * (POINTS + 1u) + at] = found.y;
    }
}
