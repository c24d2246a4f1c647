/**
 * Spectrograms: the level of each frequency of a stem over time, as colours.
 *
 * @module
 */

import FFT from "../vendor/fft.mjs";

/** Frames in the analysis window: 46 ms at 44.1 kHz, with bins 21.5 Hz apart. */
export const WINDOW = 2048;
/** Frequency range in hertz, on a logarithmic axis. */
export const FREQUENCIES = { lowest: 40, highest: 16_000 };
/** Level range in dB relative to a full-scale sine, from the first colour to the last. */
const LEVELS = { softest: -84, loudest: -6 };

const hann = Float64Array.from(
  { length: WINDOW },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW),
);
/** A full-scale sine has half of this magnitude in its bin. */
const FULL = hann.reduce((sum, value) => sum + value, 0);

/** Fourier transforms with a reusable buffer. */
export class Spectrum {
  #fft = new FFT(WINDOW);
  #input = new Float64Array(WINDOW);
  #output = this.#fft.createComplexArray();
  #levels = new Float64Array(WINDOW / 2);

  /**
   * @param {Float32Array} samples interleaved stereo, at most `WINDOW` frames
   * @returns {Float64Array} (WINDOW / 2,) dB of the mean of both channels; the same array each time
   */
  levels(samples) {
    this.#input.fill(0);
    for (let i = 0; i < samples.length / 2; i++) {
      const left = /** @type {number} */ (samples[2 * i]);
      const mean = (left + /** @type {number} */ (samples[2 * i + 1])) / 2;
      this.#input[i] = mean * /** @type {number} */ (hann[i]);
    }
    this.#fft.realTransform(this.#output, this.#input);
    for (let bin = 0; bin < this.#levels.length; bin++) {
      const size = Math.hypot(this.#output[2 * bin], this.#output[2 * bin + 1]);
      this.#levels[bin] = 20 * Math.log10((2 * size) / FULL + 1e-9);
    }
    return this.#levels;
  }
}

/**
 * @param {number} row @param {number} height @param {number} rate hertz
 * @returns {[number, number]} first and last bin of a row of pixels; row 0 is the highest
 */
export function binsOf(row, height, rate) {
  const { lowest, highest } = FREQUENCIES;
  const bin = (/** @type {number} */ edge) => {
    return (lowest * (highest / lowest) ** (1 - edge / height) * WINDOW) / rate;
  };
  const [top, foot] = [bin(row), bin(row + 1)];
  const first = Math.min(Math.round(foot), WINDOW / 2 - 1);
  return [first, Math.max(first, Math.min(Math.floor(top), WINDOW / 2 - 1))];
}

/**
 * @param {Spectrum} spectrum
 * @param {(Float32Array | null)[]} windows samples of each column; null: unknown
 * @param {number} height rows
 * @param {number} rate hertz
 * @param {Uint8ClampedArray} colours (256, 3), from softest to loudest
 * @returns {Uint8ClampedArray<ArrayBuffer>} (height, columns, 4); transparent where unknown
 */
export function paint(spectrum, windows, height, rate, colours) {
  const pixels = new Uint8ClampedArray(4 * height * windows.length);
  const rows = Array.from({ length: height }, (_, row) => binsOf(row, height, rate));
  const { softest, loudest } = LEVELS;
  for (const [column, samples] of windows.entries()) {
    if (!samples) continue;
    const levels = spectrum.levels(samples);
    for (const [row, [first, last]] of rows.entries()) {
      let level = -Infinity;
      for (let bin = first; bin <= last; bin++) {
        level = Math.max(level, /** @type {number} */ (levels[bin]));
      }
      const share = Math.min(Math.max((level - softest) / (loudest - softest), 0), 1);
      const colour = 3 * Math.round(255 * share);
      const at = 4 * (row * windows.length + column);
      pixels.set(colours.subarray(colour, colour + 3), at);
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}
