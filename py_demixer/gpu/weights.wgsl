// Weights are stored in 32-bit words: one float32 or, with HALF, two float16.

// The index of the word that holds a number.
fn word_of(number: u32) -> u32 {
    return select(number, number >> 1u, HALF);
}

// A number, taken from its word.
fn widened(word: u32, number: u32) -> f32 {
    if (HALF) {
        return unpack2x16float(word)[number & 1u];
    }
    return bitcast<f32>(word);
}
