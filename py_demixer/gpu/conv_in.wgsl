// The first convolution of a residual branch: three taps along the last axis, to few channels.
//
// An invocation computes eight channels at four positions that are 64 apart, so that neighbouring
// invocations read and write neighbouring positions.

@group(0) @binding(1) var<storage, read> x: array<f32>; // (channels, rows, columns)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>; // (channels, 3, eights, 8)
@group(0) @binding(3) var<storage, read> bias: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // (hidden, rows, columns)

struct Eight {
    upper: vec4f,
    lower: vec4f,
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let positions = workgroup.x * 256u + local.x + vec4u(0u, 64u, 128u, 192u);
    let columns = positions % sizes.columns;
    let inside = positions < vec4u(sizes.positions);
    let with_left = inside & (columns >= vec4u(sizes.dilation));
    let with_right = inside & (columns + sizes.dilation < vec4u(sizes.columns));
    var upper = mat4x4f();
    var lower = mat4x4f();
    for (var channel = 0u; channel < sizes.channels; channel++) {
        let start = channel * sizes.positions;
        let left = seen(start, positions - sizes.dilation, with_left);
        let middle = seen(start, positions, inside);
        let right = seen(start, positions + sizes.dilation, with_right);
        let tap = 3u * channel * sizes.eights + workgroup.y;
        let first = weights_at(tap);
        let second = weights_at(tap + sizes.eights);
        let third = weights_at(tap + 2u * sizes.eights);
        upper = add_outer(upper, first.upper, left);
        lower = add_outer(lower, first.lower, left);
        upper = add_outer(upper, second.upper, middle);
        lower = add_outer(lower, second.lower, middle);
        upper = add_outer(upper, third.upper, right);
        lower = add_outer(lower, third.lower, right);
    }
    let row = 8u * workgroup.y;
    store(row, positions, upper[0]);
    store(row + 1u, positions, upper[1]);
    store(row + 2u, positions, upper[2]);
    store(row + 3u, positions, upper[3]);
    store(row + 4u, positions, lower[0]);
    store(row + 5u, positions, lower[1]);
    store(row + 6u, positions, lower[2]);
    store(row + 7u, positions, lower[3]);
}

// The input at four positions of the channel that begins at `start`; zero outside its row.
fn seen(start: u32, positions: vec4u, inside: vec4<bool>) -> vec4f {
    let at = start + select(vec4u(), positions, inside);
    return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

fn weights_at(eight: u32) -> Eight {
    if (HALF) {
        let words = weights[eight];
        return Eight(
            vec4f(unpack2x16float(words.x), unpack2x16float(words.y)),
            vec4f(unpack2x16float(words.z), unpack2x16float(words.w)),
        );
    }
    return Eight(bitcast<vec4f>(weights[2u * eight]), bitcast<vec4f>(weights[2u * eight + 1u]));
}

fn store(row: u32, positions: vec4u, sums: vec4f) {
    if (row < sizes.hidden) {
        let values = sums + widened(bias[word_of(row)], row);
        store_one(row, positions.x, values.x);
        store_one(row, positions.y, values.y);
        store_one(row, positions.z, values.z);
        store_one(row, positions.w, values.w);
    }
}

fn store_one(row: u32, position: u32, value: f32) {
    if (position < sizes.positions) {
        y[row * sizes.positions + position] = value;
    }
}
