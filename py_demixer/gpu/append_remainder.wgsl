// The signals, followed by the mixture minus their sum: py_demixer.ops.mask.append_remainder. The
// first `skipped` elements of the binding of the mixture belong to another array.

@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> signals: array<f32>;
@group(0) @binding(3) var<storage, read> mixture: array<f32>;

fn element(i: u32) {
    if (i < sizes.signals) {
        y[i] = signals[i];
        return;
    }
    let place = i - sizes.signals;
    var sum = 0.0;
    for (var at = place; at < sizes.signals; at += sizes.each) {
        sum += signals[at];
    }
    y[i] = mixture[sizes.skipped + place] - sum;
}
