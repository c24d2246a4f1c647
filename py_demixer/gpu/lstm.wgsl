// Some steps of an LSTM layer, in both directions: py_demixer.ops.lstm.bidirectional_lstm.
//
// A workgroup advances four sequences in one direction. Their last outputs are in workgroup memory;
// an invocation computes all four gates of its hidden units, for the four sequences at once. In the
// other direction, step n is the n-th from the end.

const UNITS: u32 = (HIDDEN + THREADS - 1u) / THREADS; // per invocation

// The input's contribution to the gates, (4, HIDDEN, block_steps, sequences), for both directions.
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> gates_reverse: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<vec2u>; // (HIDDEN inputs, HIDDEN units, 4)
@group(0) @binding(4) var<storage, read> weights_reverse: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> cells: array<f32>; // (2, HIDDEN, sequences)
@group(0) @binding(6) var<storage, read_write> y: array<f32>; // (2, HIDDEN, steps, sequences)

var<workgroup> last: array<vec4f, HIDDEN>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
    let reverse = workgroup.y == 1u;
    let sequences = 4u * workgroup.x + vec4u(0u, 1u, 2u, 3u);
    let inside = sequences < vec4u(sizes.sequences);
    let columns = min(sequences, vec4u(sizes.sequences - 1u));
    var cell: array<vec4f, UNITS>;
    for (var i = 0u; i < UNITS; i++) {
        let unit = thread + i * THREADS;
        if (unit < HIDDEN) {
            var output = vec4f();
            if (sizes.first > 0u) {
                let row = workgroup.y * HIDDEN + unit;
                let at = output_row(row, time_of(sizes.first - 1u, reverse)) + columns;
                output = vec4f(y[at.x], y[at.y], y[at.z], y[at.w]);
                let kept = row * sizes.sequences + columns;
                cell[i] = vec4f(cells[kept.x], cells[kept.y], cells[kept.z], cells[kept.w]);
            }
            last[unit] = output;
        }
    }
    for (var n = sizes.first; n < sizes.end; n++) {
        let time = time_of(n, reverse);
        var made: array<vec4f, UNITS>;
        workgroupBarrier();
        for (var i = 0u; i < UNITS; i++) {
            let unit = min(thread + i * THREADS, HIDDEN - 1u);
            var sums = inputs_of(unit, n, reverse, columns);
            for (var k = 0u; k < HIDDEN; k++) {
                sums = add_outer(sums, weights_at(k * HIDDEN + unit, reverse), last[k]);
            }
            let entered = open(sums[0]) * tangents(sums[2]);
            cell[i] = open(sums[1]) * cell[i] + entered;
            made[i] = open(sums[3]) * tangents(cell[i]);
        }
        workgroupBarrier();
        for (var i = 0u; i < UNITS; i++) {
            let unit = thread + i * THREADS;
            if (unit < HIDDEN) {
                last[unit] = made[i];
                let row = output_row(workgroup.y * HIDDEN + unit, time);
                store(row, sequences, inside, made[i]);
            }
        }
    }
    for (var i = 0u; i < UNITS; i++) {
        let unit = thread + i * THREADS;
        if (unit < HIDDEN) {
            let kept = (workgroup.y * HIDDEN + unit) * sizes.sequences + sequences;
            for (var lane = 0u; lane < 4u; lane++) {
                if (inside[lane]) {
                    cells[kept[lane]] = cell[i][lane];
                }
            }
        }
    }
}

fn time_of(n: u32, reverse: bool) -> u32 {
    return select(n, sizes.steps - 1u - n, reverse);
}

fn output_row(row: u32, time: u32) -> u32 {
    return (row * sizes.steps + time) * sizes.sequences;
}

// The input's contribution to the gates of a unit at step `n`: a vector for each gate.
fn inputs_of(unit: u32, n: u32, reverse: bool, columns: vec4u) -> mat4x4f {
    let forwards = n - sizes.block;
    let place = select(forwards, sizes.block_steps - 1u - forwards, reverse);
    var sums: mat4x4f;
    for (var gate = 0u; gate < 4u; gate++) {
        let row = (gate * HIDDEN + unit) * sizes.block_steps + place;
        let at = row * sizes.sequences + columns;
        if (reverse) {
            sums[gate] = vec4f(
                gates_reverse[at.x], gates_reverse[at.y], gates_reverse[at.z], gates_reverse[at.w],
            );
        } else {
            sums[gate] = vec4f(gates[at.x], gates[at.y], gates[at.z], gates[at.w]);
        }
    }
    return sums;
}

// The weights of the four gates of a unit for one input.
fn weights_at(place: u32, reverse: bool) -> vec4f {
    if (HALF) {
        let words = words_at(place, reverse);
        return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
    }
    let low = words_at(2u * place, reverse);
    let high = words_at(2u * place + 1u, reverse);
    return vec4f(bitcast<vec2f>(low), bitcast<vec2f>(high));
}

fn words_at(place: u32, reverse: bool) -> vec2u {
    if (reverse) {
        return weights_reverse[place];
    }
    return weights[place];
}

fn store(row: u32, sequences: vec4u, inside: vec4<bool>, values: vec4f) {
    for (var lane = 0u; lane < 4u; lane++) {
        if (inside[lane]) {
            y[row + sequences[lane]] = values[lane];
        }
    }
}

fn open(x: vec4f) -> vec4f {
    return vec4f(sigmoid(x.x), sigmoid(x.y), sigmoid(x.z), sigmoid(x.w));
}

fn tangents(x: vec4f) -> vec4f {
    return vec4f(tangent(x.x), tangent(x.y), tangent(x.z), tangent(x.w));
}
