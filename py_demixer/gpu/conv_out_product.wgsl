// The last convolution of a residual branch: one tap, to twice the original number of channels,
// values and gates. It is computed twice, for its moments and for the result, and never stored.
//
// A workgroup has 2 x 32 invocations. Each computes four values and their gates at a time, at four
// positions of a row, 32 apart.

struct Products {
    values: mat4x4f,
    gates: mat4x4f,
}

// The products for four channels at four columns of a row, without bias; arbitrary outside the row.
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
