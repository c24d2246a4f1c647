// Outer products in registers.

// sums + rows x columns: four rows by four positions.
fn add_outer(sums: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
    return mat4x4f(
        fma(vec4f(rows.x), columns, sums[0]),
        fma(vec4f(rows.y), columns, sums[1]),
        fma(vec4f(rows.z), columns, sums[2]),
        fma(vec4f(rows.w), columns, sums[3]),
    );
}
