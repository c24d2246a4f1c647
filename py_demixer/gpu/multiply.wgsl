// activation(weights @ patches + bias): every convolution and linear layer (see multiply.py).
//
// The weights are a matrix of rows (output channels) by channels x taps. The patches, channels x
// taps by positions, are never stored: a workgroup gathers what its tile needs. A tile has 8 x
// ROW_THREADS rows and 8 x COLUMN_THREADS positions; an invocation sums 8 x 8 of its elements in
// registers, as 2 x 2 blocks of 4 x 4. DEPTH channels of one tap at a time go through workgroup
// memory; an invocation writes only whole vectors there, because writing a component may affect the
// other components.
//
// Rows come in fours. With GLU, the values and the gates are in two groups of the weights and of
// the tile, so that one invocation has both. A transposed convolution computes PHASES rows of the
// output at each position of the input; a row of the matrix is then output channel x phase.
// Coordinates that may be negative wrap around modulo 2^32, so that one comparison detects those
// outside.

const THREADS: u32 = ROW_THREADS * COLUMN_THREADS;
const ROW_QUADS: u32 = 2u * ROW_THREADS;
const COLUMN_QUADS: u32 = 2u * COLUMN_THREADS;
const GROUPS: u32 = select(1u, 2u, GLU);

@group(0) @binding(1) var<storage, read> weights: array<vec2u>; // (taps, channels, GROUPS, rows)
@group(0) @binding(2) var<storage, read> bias: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>; // (channels, in_height, in_width)
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // see store()

var<workgroup> weight_tile: array<vec4f, DEPTH * ROW_QUADS>; // (DEPTH, ROW_QUADS)
// (DEPTH, COLUMN_QUADS): vectors of four positions that are COLUMN_THREADS apart, so that
// neighbouring invocations read and write neighbouring positions.
var<workgroup> patch_tile: array<vec4f, DEPTH * COLUMN_QUADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let quad = group.x * ROW_QUADS / GROUPS;
    let first = sizes.first + group.y * 4u * COLUMN_QUADS;
    let slot = thread % COLUMN_QUADS; // the vector in a row of patch_tile that this one gathers
    let four = source_of(
        first + slot % COLUMN_THREADS + slot / COLUMN_THREADS * 4u * COLUMN_THREADS,
    );
    let row_thread = thread / COLUMN_THREADS;
    let column_thread = thread % COLUMN_THREADS;
    var upper_left = mat4x4f();
    var upper_right = mat4x4f();
    var lower_left = mat4x4f();
    var lower_right = mat4x4f();
    for (var channel = 0u; channel < sizes.channels; channel += DEPTH) {
        for (var tap = 0u; tap < sizes.taps; tap++) {
            gather_weights(thread, quad, channel, tap);
            gather_patches(thread, four, channel, tap);
            workgroupBarrier();
            for (var k = 0u; k < DEPTH; k++) {
                let upper = weight_tile[k * ROW_QUADS + row_thread];
                let lower = weight_tile[k * ROW_QUADS + ROW_THREADS + row_thread];
                let left = patch_tile[k * COLUMN_QUADS + column_thread];
                let right = patch_tile[k * COLUMN_QUADS + COLUMN_THREADS + column_thread];
                upper_left = add_outer(upper_left, upper, left);
                upper_right = add_outer(upper_right, upper, right);
                lower_left = add_outer(lower_left, lower, left);
                lower_right = add_outer(lower_right, lower, right);
            }
            workgroupBarrier();
        }
    }
    let left = target_of(first + column_thread);
    let right = target_of(first + column_thread + 4u * COLUMN_THREADS);
    let upper = 4u * (quad + row_thread);
    if GLU {
        store_gated(upper, left, upper_left, lower_left);
        store_gated(upper, right, upper_right, lower_right);
    } else {
        let lower = upper + 4u * ROW_THREADS;
        store_block(upper, left, upper_left);
        store_block(upper, right, upper_right);
        store_block(lower, left, lower_left);
        store_block(lower, right, lower_right);
    }
}

// Four positions, in the input before the offset of a tap or in the output before the offset of a
// phase.
struct Four {
    rows: vec4u,
    columns: vec4u,
    inside: vec4<bool>,
}

fn four_from(lowest: u32) -> Four {
    let positions = lowest + COLUMN_THREADS * vec4u(0u, 1u, 2u, 3u);
    return Four(vec4u(), positions, positions < vec4u(sizes.end));
}

fn source_of(lowest: u32) -> Four {
    var four = four_from(lowest);
    if !PLAIN {
        four.rows = four.columns / sizes.width * sizes.stride_y;
        four.columns = four.columns % sizes.width * sizes.stride_x;
    }
    return four;
}

fn target_of(lowest: u32) -> Four {
    var four = four_from(lowest);
    if PHASES > 1u {
        four.rows = four.columns / sizes.width * sizes.phases - sizes.crop;
        four.columns = four.columns % sizes.width;
    }
    return four;
}

fn gather_weights(thread: u32, quad: u32, channel: u32, tap: u32) {
    let each = ROW_QUADS / GROUPS;
    for (var i = thread; i < DEPTH * ROW_QUADS; i += THREADS) {
        let k = channel + i / ROW_QUADS;
        let part = i % ROW_QUADS;
        var four = vec4f();
        if k < sizes.channels {
            let row = (tap * sizes.channels + k) * GROUPS + part / each;
            four = weights_at(row * sizes.row_quads + quad + part % each);
        }
        weight_tile[i] = four;
    }
}

fn gather_patches(thread: u32, four: Four, channel: u32, tap: u32) {
    var at = four.columns;
    var inside = four.inside;
    if !PLAIN {
        let rows = four.rows
            + (tap / sizes.taps_across * sizes.dilation_y - sizes.padding_y);
        let columns = four.columns
            + (tap % sizes.taps_across * sizes.dilation_x - sizes.padding_x);
        inside = inside & (rows < vec4u(sizes.in_height)) & (columns < vec4u(sizes.in_width));
        at = rows * sizes.in_width + columns;
    }
    at = select(vec4u(), at, inside);
    let plane = sizes.in_height * sizes.in_width;
    for (var k = thread / COLUMN_QUADS; k < DEPTH; k += THREADS / COLUMN_QUADS) {
        let places = at + min(channel + k, sizes.channels - 1u) * plane;
        let found = vec4f(x[places.x], x[places.y], x[places.z], x[places.w]);
        let is_there = inside & vec4<bool>(channel + k < sizes.channels);
        patch_tile[k * COLUMN_QUADS + thread % COLUMN_QUADS] = select(vec4f(), found, is_there);
    }
}

fn store_block(row: u32, four: Four, sums: mat4x4f) {
    store(row, four, with_bias(row, sums[0]));
    store(row + 1u, four, with_bias(row + 1u, sums[1]));
    store(row + 2u, four, with_bias(row + 2u, sums[2]));
    store(row + 3u, four, with_bias(row + 3u, sums[3]));
}

fn store_gated(row: u32, four: Four, values: mat4x4f, gates: mat4x4f) {
    store(row, four, gated(row, values[0], gates[0]));
    store(row + 1u, four, gated(row + 1u, values[1], gates[1]));
    store(row + 2u, four, gated(row + 2u, values[2], gates[2]));
    store(row + 3u, four, gated(row + 3u, values[3], gates[3]));
}

fn with_bias(row: u32, sums: vec4f) -> vec4f {
    let values = sums + bias_at(row / PHASES);
    if GELU {
        return vec4f(gelu(values.x), gelu(values.y), gelu(values.z), gelu(values.w));
    }
    if SWISH {
        return values * opened(values);
    }
    return values;
}

fn gated(row: u32, values: vec4f, gates: vec4f) -> vec4f {
    let gate = gates + bias_at(row + sizes.rows);
    return (values + bias_at(row)) * opened(gate);
}

fn opened(gate: vec4f) -> vec4f {
    return vec4f(sigmoid(gate.x), sigmoid(gate.y), sigmoid(gate.z), sigmoid(gate.w));
}

fn store(row: u32, four: Four, values: vec4f) {
    var inside = four.inside & vec4<bool>(row < sizes.rows);
    var at = row * sizes.positions + four.columns - sizes.skipped;
    if PHASES > 1u {
        // PHASES is a multiple of four; phases beyond those of the stride are padding.
        let phase = row % PHASES;
        let lines = four.rows + phase;
        inside = inside & (lines < vec4u(sizes.height)) & vec4<bool>(phase < sizes.phases);
        at = (row / PHASES * sizes.height + lines) * sizes.width + four.columns;
    }
    if inside.x {
        y[at.x] = values.x;
    }
    if inside.y {
        y[at.y] = values.y;
    }
    if inside.z {
        y[at.z] = values.z;
    }
    if inside.w {
        y[at.w] = values.w;
    }
}

fn weights_at(quad: u32) -> vec4f {
    if HALF {
        let four = weights[quad];
        return vec4f(unpack2x16float(four.x), unpack2x16float(four.y));
    }
    return vec4f(bitcast<vec2f>(weights[2u * quad]), bitcast<vec2f>(weights[2u * quad + 1u]));
}

fn bias_at(channel: u32) -> f32 {
    if HALF_BIAS {
        return unpack2x16float(bias[channel >> 1u])[channel & 1u];
    }
    return bitcast<f32>(bias[channel]);
}
