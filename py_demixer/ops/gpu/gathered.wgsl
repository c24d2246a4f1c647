// What row_moments.wgsl and its like have stored of a row, in `parts`, put together.

// The moments of a row of at most 256 parts.
fn gathered(row: u32, thread: u32) -> Moments {
    let first = row * sizes.parts;
    if (sizes.parts > 16u) {
        var own: Moments;
        if (thread < sizes.parts) {
            own = parts[first + thread];
        }
        return merged(own, thread);
    }
    // So few that every invocation puts them together on its own, without waiting for others.
    let near = parts[first].mean;
    var count = 0.0;
    var sum = 0.0;
    for (var i = first; i < first + sizes.parts; i++) {
        count += parts[i].count;
        sum += parts[i].count * (parts[i].mean - near);
    }
    let mean = near + sum / count;
    var squares = 0.0;
    for (var i = first; i < first + sizes.parts; i++) {
        squares += about(parts[i], mean);
    }
    return Moments(count, mean, squares);
}
