// How a short-time Fourier transform cuts a signal: py_demixer/ops/stft.py. HTDemucs drops the last
// bin of its spectrograms.

const BINS: u32 = select(POINTS, POINTS + 1u, ALL_BINS);

fn window(i: u32) -> f32 {
    if (RECTANGULAR) {
        return 1.0;
    }
    return 0.5 - 0.5 * circle[i].x; // Hann
}
