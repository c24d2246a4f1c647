// How a short-time Fourier transform cuts a signal: py_demixer/ops/stft.py. Spectrograms with
// rectangular windows have all bins, the others drop the last one.

const BINS: u32 = select(POINTS, POINTS + 1u, RECTANGULAR);

fn window(i: u32) -> f32 {
    if (RECTANGULAR) {
        return 1.0;
    }
    return 0.5 - 0.5 * circle[i].x; // Hann
}
