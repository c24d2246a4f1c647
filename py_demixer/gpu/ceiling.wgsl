// Multiply-adds that never leave the registers: how fast a card is at most.

const LOOPS: u32 = 256u;

@group(0) @binding(1) var<storage, read_write> numbers: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let factor = numbers[0];
    var a = numbers[1] + f32(id.x);
    var b = a + 1.0;
    var c = a + 2.0;
    var d = a + 3.0;
    var e = a + 4.0;
    var f = a + 5.0;
    var g = a + 6.0;
    var h = a + 7.0;
    for (var i = 0u; i < LOOPS; i++) {
        a = fma(a, factor, factor);
        b = fma(b, factor, factor);
        c = fma(c, factor, factor);
        d = fma(d, factor, factor);
        e = fma(e, factor, factor);
        f = fma(f, factor, factor);
        g = fma(g, factor, factor);
        h = fma(h, factor, factor);
    }
    // Never, but no compiler knows.
    if (dot(a + b + c + d, e + f + g + h) == 1.5) {
        numbers[0] = a;
    }
}
