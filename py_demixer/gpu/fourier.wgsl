// The discrete Fourier transform of POINTS complex numbers in workgroup memory, by 64 invocations,
// with Stockham's algorithm: one pass per factor of POINTS, with factors of four where possible.
//
// `circle` has 2 POINTS numbers, equally spaced on the unit circle, clockwise from 1.

const FOURS: u32 = (max(POINTS, 4u) / 4u + 63u) / 64u; // per invocation, eight at most
const ONES: u32 = (POINTS + 63u) / 64u;

var<workgroup> work: array<vec2f, POINTS>;

// Replaces `work`, which all invocations may have written to, by its transform.
fn transform(thread: u32) {
    var done = 1u;
    while (done < POINTS) {
        let radix = smallest_factor(POINTS / done);
        workgroupBarrier();
        if (radix == 4u) {
            pass_of_fours(thread, done);
        } else {
            pass_of(radix, thread, done);
        }
        done *= radix;
    }
    workgroupBarrier();
}

fn smallest_factor(number: u32) -> u32 {
    if (number % 4u == 0u) {
        return 4u;
    }
    var factor = 2u;
    while (number % factor != 0u) {
        factor++;
    }
    return factor;
}

// Combines transforms of `done` points to transforms of four times as many.
fn pass_of_fours(thread: u32, done: u32) {
    var results: array<mat4x2f, FOURS>;
    for (var i = 0u; i < FOURS; i++) {
        results[i] = four_of(thread + 64u * i, done);
    }
    workgroupBarrier();
    for (var i = 0u; i < FOURS; i++) {
        put_four(thread + 64u * i, results[i]);
    }
}

fn four_of(four: u32, done: u32) -> mat4x2f {
    if (four >= POINTS / 4u) {
        return mat4x2f();
    }
    let rest = POINTS / (4u * done);
    let bin = four / rest;
    let at = four + 3u * rest * bin;
    let step = 2u * rest * bin;
    let first = work[at];
    let second = turned(work[at + rest], step);
    let third = turned(work[at + 2u * rest], 2u * step);
    let fourth = turned(work[at + 3u * rest], 3u * step);
    let difference = second - fourth;
    let quarter_turn = vec2f(difference.y, -difference.x);
    return mat4x2f(
        (first + third) + (second + fourth),
        (first - third) + quarter_turn,
        (first + third) - (second + fourth),
        (first - third) - quarter_turn,
    );
}

fn put_four(four: u32, results: mat4x2f) {
    if (four < POINTS / 4u) {
        work[four] = results[0];
        work[four + POINTS / 4u] = results[1];
        work[four + POINTS / 2u] = results[2];
        work[four + POINTS / 4u * 3u] = results[3];
    }
}

// The same for `radix` times as many points, by direct sums without sharing common terms.
fn pass_of(radix: u32, thread: u32, done: u32) {
    let rest = POINTS / (radix * done);
    var results: array<vec2f, ONES>;
    for (var i = 0u; i < ONES; i++) {
        let one = thread + 64u * i;
        if (one < POINTS) {
            let bin = one / rest;
            let at = (bin % done) * rest * radix + one - bin * rest;
            for (var j = 0u; j < radix; j++) {
                results[i] += turned(work[at + j * rest], 2u * (j * bin * rest % POINTS));
            }
        }
    }
    workgroupBarrier();
    for (var i = 0u; i < ONES; i++) {
        let one = thread + 64u * i;
        if (one < POINTS) {
            work[one] = results[i];
        }
    }
}

// Rotates z clockwise by `parts` steps of the circle.
fn turned(z: vec2f, parts: u32) -> vec2f {
    let by = circle[parts];
    return vec2f(z.x * by.x - z.y * by.y, z.x * by.y + z.y * by.x);
}

fn conjugate(z: vec2f) -> vec2f {
    return vec2f(z.x, -z.y);
}
