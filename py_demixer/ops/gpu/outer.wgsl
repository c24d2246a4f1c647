// Products of a few numbers with four positions each, in registers.

// sums + rows x columns: four rows of four positions.
fn add_outer(sums: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
    return sums + mat4x4f(rows.x * columns, rows.y * columns, rows.z * columns, rows.w * columns);
}
