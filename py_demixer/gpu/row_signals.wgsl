// A row from its spectrum: py_demixer.ops.fourier.row_signals.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (2, rows, POINTS + 1)
@group(0) @binding(2) var<storage, read> circle: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2f>; // (rows, POINTS)

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
    let real = row * (POINTS + 1u);
    let imaginary = sizes.rows * (POINTS + 1u) + real;
    for (var i = thread; i < POINTS; i += 64u) {
        work[i] = vec2f(x[real + i], x[imaginary + i]);
    }
    fold(thread, x[real + POINTS]);
    transform(thread);
    for (var i = thread; i < POINTS; i += 64u) {
        y[row * POINTS + i] = SCALE * conjugate(work[i]);
    }
}
