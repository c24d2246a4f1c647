// Rotates pairs of adjacent channels, in place: py_demixer.ops.transformer.rotate. An element is a
// pair at a position.

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (heads, PAIRS, 2, rows, positions)
@group(0) @binding(2) var<storage, read> turns: array<vec2f>; // (PAIRS, positions): cosine and sine

fn element(i: u32) {
    let pair = i / sizes.each;
    let place = i - pair * sizes.each;
    let turn = turns[pair % PAIRS * sizes.positions + place % sizes.positions];
    let first = 2u * pair * sizes.each + place;
    let second = first + sizes.each;
    let before = vec2f(x[first], x[second]);
    x[first] = before.x * turn.x - before.y * turn.y;
    x[second] = before.y * turn.x + before.x * turn.y;
}
