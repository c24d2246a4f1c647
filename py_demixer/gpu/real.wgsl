// The transform of 2 POINTS real numbers, computed as that of POINTS complex ones, whose real and
// imaginary parts are the even and the odd numbers; and its inverse.

// Bin `i`, from 0 to POINTS, of the spectrum of all numbers, after transform().
fn bin(i: u32) -> vec2f {
    let one = work[i % POINTS];
    let mirrored = conjugate(work[(POINTS - i) % POINTS]);
    let odd = turned(one - mirrored, i);
    return 0.5 * (one + mirrored + vec2f(odd.y, -odd.x));
}

// Replaces the first POINTS bins of the spectrum of all numbers in `work` by what transform() turns
// into the conjugates of pairs of numbers. `nyquist` is the real part of bin POINTS; the imaginary
// parts of that bin and of the first one are ignored.
fn fold(thread: u32, nyquist: f32) {
    workgroupBarrier();
    // Each invocation overwrites two numbers that no other invocation reads.
    for (var i = thread; i <= POINTS / 2u; i += 64u) {
        if (i == 0u) {
            work[0] = vec2f(work[0].x + nyquist, nyquist - work[0].x);
        } else {
            let one = work[i];
            let mirrored = work[POINTS - i];
            work[i] = folded(one, mirrored, i);
            work[POINTS - i] = folded(mirrored, one, POINTS - i);
        }
    }
}

// The conjugate of the spectrum of the complex numbers made of even and odd numbers, from the
// spectrum of all numbers.
fn folded(one: vec2f, mirrored: vec2f, i: u32) -> vec2f {
    let odd = turned(conjugate(one) - mirrored, i);
    return conjugate(one) + mirrored + vec2f(odd.y, -odd.x);
}
