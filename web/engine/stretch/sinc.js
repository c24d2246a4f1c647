/**
 * Samples between samples, by a band-limited windowed sinc.
 *
 * Own code instead of libsamplerate, which the page also has: here the position of each sample is
 * given and must be exact, and the audio thread must not allocate memory.
 *
 * @module
 */

/** Zero crossings on each side. Up to 20 of 22 kHz pass; aliases lie above that, 75 dB down. */
const CROSSINGS = 24;
const STEPS = 512;
const KAISER_BETA = 7.5;

const TABLE = makeTable();

/**
 * @param {number} ratio step between positions, in frames @returns {number} frames needed on each
 *   side
 */
export function reach(ratio) {
  return Math.ceil(CROSSINGS * Math.max(1, ratio)) + 1;
}

/**
 * @param {Float32Array[]} channels left and right
 * @param {number} place position between two samples, `reach` away from both ends
 * @param {number} ratio frames from one position to the next; above 1 aliases are filtered out
 * @param {[number, number]} out left and right
 */
export function sample([left, right], place, ratio, out) {
  if (ratio <= 1 && Number.isInteger(place)) {
    out[0] = /** @type {number} */ (/** @type {Float32Array} */ (left)[place]);
    out[1] = /** @type {number} */ (/** @type {Float32Array} */ (right)[place]);
    return;
  }
  const band = 1 / Math.max(1, ratio);
  const [first, last] = [Math.ceil(place - CROSSINGS / band), Math.floor(place + CROSSINGS / band)];
  let [one, other] = [0, 0];
  for (let i = first; i <= last; i++) {
    const at = Math.abs(i - place) * band * STEPS;
    const index = at | 0;
    const low = /** @type {number} */ (TABLE[index]);
    const weight = low + (at - index) * (/** @type {number} */ (TABLE[index + 1]) - low);
    one += weight * /** @type {number} */ (/** @type {Float32Array} */ (left)[i]);
    other += weight * /** @type {number} */ (/** @type {Float32Array} */ (right)[i]);
  }
  out[0] = band * one;
  out[1] = band * other;
}

/** @returns {Float64Array} one side of the kernel, followed by zeros */
function makeTable() {
  const table = new Float64Array(CROSSINGS * STEPS + 2);
  for (let i = 0; i <= CROSSINGS * STEPS; i++) {
    const x = i / STEPS;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    const window = bessel(KAISER_BETA * Math.sqrt(1 - (x / CROSSINGS) ** 2)) / bessel(KAISER_BETA);
    table[i] = sinc * window;
  }
  return table;
}

/** @param {number} x @returns {number} the modified Bessel function of order zero */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}
