// Attention of 64 queries of a head in a row: softmax(query . key / sqrt(WIDTH)) value, without ever storing
// all scores: 64 keys at a time, with a running maximum and sum (Milakov & Gimelshein 2018; Dao et
// al. 2022).
//
// A workgroup has 8 x 16 invocations. Each handles eight queries, 8 apart, four consecutive keys of
// the current 64, and four consecutive channels of the 64 output channels. Through `tile`, it
// shares its values for its queries with the invocations for the other keys and channels of these
// queries.

const LOWEST: f32 = -3.4e38; // no score is lower
const REDUCED: u32 = 1024u; // offset in `tile` of the result of a reduction

@group(0) @binding(1) var<storage, read> query: array<f32>; // (heads, WIDTH, rows, queries)
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (heads, WIDTH, rows, keys)
@group(0) @binding(3) var<storage, read> value: array<vec4f>; // (heads, WIDTH, rows, keys)
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // (heads, WIDTH, rows, queries)

var<workgroup> tile: array<f32, 4096>; // (keys, queries), or (16, queries) to be reduced

// One value for each of the eight queries of an invocation.
struct Eight {
    left: vec4f,
    right: vec4f,
}

// The same for each of four keys or channels.
struct Block {
    left: mat4x4f,
    right: mat4x4f,
}

@compute @workgroup_size(8, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let head = workgroup.y * WIDTH;
    let row = sizes.first_row + workgroup.z / BLOCKS;
    let first_query = sizes.first + workgroup.x * 64u + local.x;
    let channels = workgroup.z % BLOCKS * 64u + 4u * local.y + vec4u(0u, 1u, 2u, 3u);
    var sums: Block;
    var total: Eight;
    var highest = Eight(vec4f(LOWEST), vec4f(LOWEST));
    for (var first = 0u; first < sizes.keys; first += 64u) {
        var scores = scored(head, row, first_query, first + 4u * local.y);
        workgroupBarrier();
        put(64u * local.y + local.x, Eight(top(scores.left), top(scores.right)));
        workgroupBarrier();
        reduce_to_highest(thread);
        workgroupBarrier();
        let found = take(REDUCED + local.x);
        let now = Eight(max(highest.left, found.left), max(highest.right, found.right));
        let left = weighted(highest.left, now.left);
        let right = weighted(highest.right, now.right);
        highest = now;
        workgroupBarrier();
        let place = 256u * local.y + local.x;
        let count = sizes.keys - min(first + 4u * local.y, sizes.keys);
        scores = Block(
            all_weighted(scores.left, now.left, count),
            all_weighted(scores.right, now.right, count),
        );
        put(place, Eight(scores.left[0], scores.right[0]));
        put(place + 64u, Eight(scores.left[1], scores.right[1]));
        put(place + 128u, Eight(scores.left[2], scores.right[2]));
        put(place + 192u, Eight(scores.left[3], scores.right[3]));
        workgroupBarrier();
        total.left = total.left * left + sum(scores.left);
        total.right = total.right * right + sum(scores.right);
        sums = Block(scaled(sums.left, left), scaled(sums.right, right));
        sums = with_values(sums, head, row, channels, first, local.x);
    }
    workgroupBarrier();
    put(64u * local.y + local.x, total);
    workgroupBarrier();
    reduce_to_sum(thread);
    workgroupBarrier();
    let all = take(REDUCED + local.x);
    sums = Block(scaled(sums.left, 1.0 / all.left), scaled(sums.right, 1.0 / all.right));
    for (var i = 0u; i < 4u; i++) {
        if (channels[i] < WIDTH) {
            let start = ((head + channels[i]) * sizes.rows + row) * sizes.queries;
            store(start, first_query, sums.left[i]);
            store(start, first_query + 32u, sums.right[i]);
        }
    }
}

// The dot products of the queries with four keys.
fn scored(head: u32, row: u32, first_query: u32, first_key: u32) -> Block {
    let last = vec4u(sizes.queries - 1u);
    let start = (head * sizes.rows + row) * sizes.queries;
    var left = start + min(first_query + vec4u(0u, 8u, 16u, 24u), last);
    var right = start + min(first_query + vec4u(32u, 40u, 48u, 56u), last);
    var scores: Block;
    for (var channel = 0u; channel < WIDTH; channel++) {
        let keys = keys_at(((head + channel) * sizes.rows + row) * sizes.keys, first_key);
        let left_queries = vec4f(query[left.x], query[left.y], query[left.z], query[left.w]);
        let right_queries = vec4f(query[right.x], query[right.y], query[right.z], query[right.w]);
        scores.left = add_outer(scores.left, keys, left_queries);
        scores.right = add_outer(scores.right, keys, right_queries);
        left += sizes.rows * sizes.queries;
        right += sizes.rows * sizes.queries;
    }
    return scores;
}

// Adds four channels of the values of the 64 keys to the sums, with the weights in `tile`.
fn with_values(
    before: Block,
    head: u32,
    row: u32,
    channels: vec4u,
    first: u32,
    lane: u32,
) -> Block {
    var sums = before;
    let channel = head + min(channels, vec4u(WIDTH - 1u));
    let rows = (channel * sizes.rows + row) * sizes.keys;
    let count = min(64u, sizes.keys - first);
    for (var i = 0u; i < count; i += 4u) {
        let values = transpose(mat4x4f(
            values_at(rows.x, first + i),
            values_at(rows.y, first + i),
            values_at(rows.z, first + i),
            values_at(rows.w, first + i),
        ));
        let at = 64u * i + lane;
        sums = with_value(sums, values[0], take(at));
        sums = with_value(sums, values[1], take(at + 64u));
        sums = with_value(sums, values[2], take(at + 128u));
        sums = with_value(sums, values[3], take(at + 192u));
    }
    return sums;
}

fn with_value(sums: Block, values: vec4f, weights: Eight) -> Block {
    return Block(
        add_outer(sums.left, values, weights.left),
        add_outer(sums.right, values, weights.right),
    );
}

// exp((score - highest) / sqrt(WIDTH)); SCALE turns it into a power of two.
fn weighted(scores: vec4f, highest: vec4f) -> vec4f {
    return exp2((scores - highest) * SCALE);
}

// The weights of four keys, of which `count` exist; the others have weight 0.
fn all_weighted(scores: mat4x4f, highest: vec4f, count: u32) -> mat4x4f {
    return mat4x4f(
        select(vec4f(), weighted(scores[0], highest), count > 0u),
        select(vec4f(), weighted(scores[1], highest), count > 1u),
        select(vec4f(), weighted(scores[2], highest), count > 2u),
        select(vec4f(), weighted(scores[3], highest), count > 3u),
    );
}

fn top(block: mat4x4f) -> vec4f {
    return max(max(block[0], block[1]), max(block[2], block[3]));
}

fn sum(block: mat4x4f) -> vec4f {
    return (block[0] + block[1]) + (block[2] + block[3]);
}

fn scaled(block: mat4x4f, by: vec4f) -> mat4x4f {
    return mat4x4f(block[0] * by, block[1] * by, block[2] * by, block[3] * by);
}

// Four positions of a row of keys; positions after the last one give arbitrary other keys.
fn keys_at(row: u32, position: u32) -> vec4f {
    if (FOURS) {
        return key[(row + min(position, sizes.keys - 4u)) / 4u];
    }
    let at = row + min(position + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.keys - 1u));
    return vec4f(
        key[at.x / 4u][at.x % 4u],
        key[at.y / 4u][at.y % 4u],
        key[at.z / 4u][at.z % 4u],
        key[at.w / 4u][at.w % 4u],
    );
}

fn values_at(row: u32, position: u32) -> vec4f {
    if (FOURS) {
        return value[(row + position) / 4u];
    }
    let at = row + min(position + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.keys - 1u));
    return vec4f(
        value[at.x / 4u][at.x % 4u],
        value[at.y / 4u][at.y % 4u],
        value[at.z / 4u][at.z % 4u],
        value[at.w / 4u][at.w % 4u],
    );
}

fn put(at: u32, values: Eight) {
    tile[at] = values.left.x;
    tile[at + 8u] = values.left.y;
    tile[at + 16u] = values.left.z;
    tile[at + 24u] = values.left.w;
    tile[at + 32u] = values.right.x;
    tile[at + 40u] = values.right.y;
    tile[at + 48u] = values.right.z;
    tile[at + 56u] = values.right.w;
}

fn take(at: u32) -> Eight {
    return Eight(
        vec4f(tile[at], tile[at + 8u], tile[at + 16u], tile[at + 24u]),
        vec4f(tile[at + 32u], tile[at + 40u], tile[at + 48u], tile[at + 56u]),
    );
}

fn reduce_to_highest(thread: u32) {
    if (thread < 64u) {
        var highest = tile[thread];
        for (var i = thread + 64u; i < REDUCED; i += 64u) {
            highest = max(highest, tile[i]);
        }
        tile[REDUCED + thread] = highest;
    }
}

fn reduce_to_sum(thread: u32) {
    if (thread < 64u) {
        var sum = tile[thread];
        for (var i = thread + 64u; i < REDUCED; i += 64u) {
            sum += tile[i];
        }
        tile[REDUCED + thread] = sum;
    }
}

fn store(row: u32, first_query: u32, values: vec4f) {
    for (var i = 0u; i < 4u; i++) {
        let position = first_query + 8u * i;
        if (position < sizes.queries) {
            y[row + position] = values[i];
        }
    }
}
