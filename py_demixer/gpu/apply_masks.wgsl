// Complex masks of all signals times the spectrogram, in place: py_demixer.ops.mask.apply_masks. An
// element is a complex number.

@group(0) @binding(1) var<storage, read_write> masks: array<f32>; // (signals, frequencies, channels, 2, frames)
@group(0) @binding(2) var<storage, read> spectrum: array<f32>; // (frequencies, channels, 2, frames)
@group(0) @binding(3) var<storage, read> shares: array<f32>; // (frequencies)

fn element(i: u32) {
    let real = i + i / sizes.frames * sizes.frames;
    let place = i % sizes.each;
    let at = place + place / sizes.frames * sizes.frames;
    let mask = vec2f(masks[real], masks[real + sizes.frames]) * shares[place / sizes.frequency];
    let number = vec2f(spectrum[at], spectrum[at + sizes.frames]);
    masks[real] = mask.x * number.x - mask.y * number.y;
    masks[real + sizes.frames] = mask.x * number.y + mask.y * number.x;
}
