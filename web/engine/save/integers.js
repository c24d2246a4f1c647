/**
 * Conversion of floats to the integers of a file, and the gain that avoids clipping.
 *
 * Values are rounded to the nearest integer. There is no dither: stems are meant for further
 * processing, and their sum shall be the song again, without the noise of each.
 * @module
 */

/**
 * @param {16 | 24} bits
 * @returns {number} largest value that they can hold, relative to full scale
 */
function largest(bits) {
  return 1 - 2 ** (1 - bits);
}

/**
 * @param {number} peak the largest absolute value
 * @param {16 | 24 | null} bits null: floats, which need no gain
 * @returns {number} factor that avoids clipping: 1, or what brings the peak to full scale
 */
export function gainOf(peak, bits) {
  return bits === null || peak <= largest(bits) ? 1 : largest(bits) / peak;
}

/** @param {Float32Array} samples @returns {number} the largest absolute value */
export function peakOf(samples) {
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const size = Math.abs(/** @type {number} */ (samples[i]));
    if (size > peak) peak = size;
  }
  return peak;
}

/**
 * @param {Float32Array} samples @param {number} gain
 * @returns {Int16Array}
 */
export function to16Bit(samples, gain) {
  return rounded(samples, gain, 16, new Int16Array(samples.length));
}

/**
 * @param {Float32Array} samples @param {number} gain
 * @returns {Int32Array} 24-bit values
 */
export function to24Bit(samples, gain) {
  return rounded(samples, gain, 24, new Int32Array(samples.length));
}

/**
 * @template {Int16Array | Int32Array} Integers
 * @param {Float32Array} samples @param {number} gain @param {16 | 24} bits
 * @param {Integers} integers to fill
 * @returns {Integers}
 */
function rounded(samples, gain, bits, integers) {
  const scale = 2 ** (bits - 1);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.round(/** @type {number} */ (samples[i]) * gain * scale);
    integers[i] = Math.max(-scale, Math.min(value, scale - 1));
  }
  return integers;
}

/**
 * @param {Int32Array} integers of 24 bits @returns {Uint8Array} three bytes for each, lowest first
 */
export function packed(integers) {
  const bytes = new Uint8Array(3 * integers.length);
  for (let i = 0, at = 0; i < integers.length; i++) {
    const value = /** @type {number} */ (integers[i]);
    bytes[at++] = value;
    bytes[at++] = value >> 8;
    bytes[at++] = value >> 16;
  }
  return bytes;
}

/**
 * @param {Int32Array} integers of 24 bits @returns {Int32Array} shifted to the upper end of 32 bits
 */
export function raised(integers) {
  return integers.map((value) => value << 8);
}
