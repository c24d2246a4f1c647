// The moments of sets of numbers, and of their unions, without cancellation. For workgroups of
// 64 invocations.

// Sums over numbers minus one of them (the shift): small differences between numbers are not lost
// when all numbers are far from zero.
struct Sums {
    count: f32,
    shift: f32,
    sum: f32,
    squares: f32,
}

var<workgroup> terms: array<vec2f, 64>;
var<workgroup> eighths: array<vec2f, 8>;
var<workgroup> pivot: f32;

// The sum over all invocations. No sum has more than 8 terms, so rounding errors stay small.
fn total(value: vec2f, thread: u32) -> vec2f {
    terms[thread] = value;
    workgroupBarrier();
    if (thread < 8u) {
        var sum = vec2f();
        for (var i = thread; i < 64u; i += 8u) {
            sum += terms[i];
        }
        eighths[thread] = sum;
    }
    workgroupBarrier();
    var sum = vec2f();
    for (var i = 0u; i < 8u; i++) {
        sum += eighths[i];
    }
    return sum;
}

fn include(sums: ptr<function, Sums>, value: f32) {
    if ((*sums).count == 0.0) {
        (*sums).shift = value;
    }
    let shifted = value - (*sums).shift;
    (*sums).count += 1.0;
    (*sums).sum += shifted;
    (*sums).squares += shifted * shifted;
}

// The same for each component of a vector: four sets. A mask selects the numbers to add.
struct FourSums {
    count: vec4f,
    shift: vec4f,
    sum: vec4f,
    squares: vec4f,
}

fn include_four(sums: ptr<function, FourSums>, values: vec4f, which: vec4<bool>) {
    (*sums).shift = select((*sums).shift, values, (*sums).count == vec4f());
    let shifted = select(vec4f(), values - (*sums).shift, which);
    (*sums).count += select(vec4f(), vec4f(1.0), which);
    (*sums).sum += shifted;
    (*sums).squares += shifted * shifted;
}

fn moments_of_four(sums: FourSums) -> Moments {
    let first = moments_of(Sums(sums.count.x, sums.shift.x, sums.sum.x, sums.squares.x));
    let second = moments_of(Sums(sums.count.y, sums.shift.y, sums.sum.y, sums.squares.y));
    let third = moments_of(Sums(sums.count.z, sums.shift.z, sums.sum.z, sums.squares.z));
    let fourth = moments_of(Sums(sums.count.w, sums.shift.w, sums.sum.w, sums.squares.w));
    return both(both(first, second), both(third, fourth));
}

// The moments of the union of two sets; the second may be empty only if the first is.
fn both(one: Moments, other: Moments) -> Moments {
    let count = max(one.count + other.count, 1.0);
    let mean = one.mean + other.count / count * (other.mean - one.mean);
    return Moments(one.count + other.count, mean, about(one, mean) + about(other, mean));
}

fn moments_of(sums: Sums) -> Moments {
    if (sums.count == 0.0) {
        return Moments();
    }
    let offset = sums.sum / sums.count;
    return Moments(sums.count, sums.shift + offset, sums.squares - sums.sum * offset);
}

// The sum of squared deviations of a set's numbers from a mean that need not be their own.
fn about(own: Moments, mean: f32) -> f32 {
    let offset = own.mean - mean;
    return own.squares + own.count * offset * offset;
}

// The moments of the union of all invocations' sets (Chan, Golub & LeVeque 1983); the first set
// must not be empty. Its mean is close to the overall mean, so sums of deviations from it are
// small.
fn merged(own: Moments, thread: u32) -> Moments {
    if (thread == 0u) {
        pivot = own.mean;
    }
    workgroupBarrier();
    let sums = total(vec2f(own.count, own.count * (own.mean - pivot)), thread);
    let mean = pivot + sums.y / sums.x;
    return Moments(sums.x, mean, total(vec2f(about(own, mean), 0.0), thread).x);
}
