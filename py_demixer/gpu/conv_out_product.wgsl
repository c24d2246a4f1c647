// The convolution out of a residual branch: of one tap, to twice as many channels as there were,
// values and gates. It is computed twice, for its moments and for what it adds: it is never stored.
//
// A workgroup is twice 32 invocations. Each computes four values and their gates at a time, for
// four positions of a row, 32 apart.

struct Products {
    values: mat4x4f,
    gates: mat4x4f,
}

// Without its bias: of four channels, at columns of a row; what is outside is something.
fn products(row: u32, columns: vec4u, quad: u32) -> Products {
    var sums: Products;
    let last = vec4u(sizes.columns - 1u);
    var at = row * sizes.columns + min(columns, last);
    for (var k = 0u; k < sizes.hidden; k++) {
        let seen = vec4f(hidden[at.x], hidden[at.y], hidden[at.z], hidden[at.w]);
        let weight = 2u * k * sizes.quads + quad;
        sums.values = add_outer(sums.values, weights_at(weight), seen);
        sums.gates = add_outer(sums.gates, weights_at(weight + sizes.quads), seen);
        at += sizes.rows * sizes.columns;
    }
    return sums;
}

fn weights_at(quad: u32) -> vec4f {
    if (HALF) {
        let words = weights[quad];
        return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
    }
    return vec4f(bitcast<vec2f>(weights[2u * quad]), bitcast<vec2f>(weights[2u * quad + 1u]));
}

fn bias_at(channel: u32) -> f32 {
    return widened(bias[word_of(channel)], channel);
}
