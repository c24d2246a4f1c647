/**
 * Loudness of any mix of a song's stems, compared with the original.
 *
 * Loudness as in ITU-R BS.1770-4: K-weighted power of blocks of 400 ms, without those that are 10
 * LU below the others or below -70 LUFS. Two things differ from a meter. Blocks are taken at 32
 * places spread evenly over the final ranges, not everywhere, so 15 s of each stem are read,
 * whatever the length of the song. And each block keeps the covariance of all channels, not the
 * power of one mix: when a fader moves, the loudness of the new mix follows at once (g' C g),
 * without reading anything again. That is also why no library measures it: they all take one
 * finished signal.
 *
 * @module
 */

import { gainsOf } from "./pan.js";
import { MIXTURE } from "./song.js";

/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {Map<string, {volume: number, pan: number}>} Mix */

/** Covariance of the channels (left, right, left, ...) of all stems and the original at a place. */
/** @typedef {Float64Array} Covariance */

const PLACES = 32;
const BLOCK_SECONDS = 0.4;
/** Time for the filters to settle when they start in the middle of a song. */
const SETTLE_SECONDS = 0.1;
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;

/** Upper limit of the gain: for silence, or a mix that clips anyway, matching makes no sense. */
const LARGEST_GAIN = 4;

export class Loudness {
  /** Number of final frames at the time of the measurement. */
  frames = 0;
  #sources;
  /** @type {Covariance[]} */
  #blocks = [];

  /** @param {readonly string[]} sources names of the stems */
  constructor(sources) {
    this.#sources = sources;
  }

  /**
   * @param {Stems} stems
   * @returns {Promise<Loudness>} the loudness of what is final now
   */
  static async measure(stems) {
    const measured = new Loudness(stems.sources);
    const ranges = stems.finalRanges();
    const block = Math.round(BLOCK_SECONDS * stems.rate);
    const settle = Math.round(SETTLE_SECONDS * stems.rate);
    measured.frames = framesOf(ranges);
    for (const start of places(ranges, settle + block)) {
      /** @type {Float32Array[]} */
      const channels = [];
      for (const source of [...stems.sources, MIXTURE]) {
        const samples = await stems.read(source, start, settle + block);
        for (const channel of [0, 1]) channels.push(weighted(samples, channel, stems.rate));
      }
      measured.#blocks.push(covariance(channels.map((channel) => channel.subarray(settle))));
    }
    return measured;
  }

  /**
   * @param {Mix} mix the stems that are heard
   * @returns {number} the gain that makes the original as loud as the mix; 1 if either is silent
   */
  gainFor(mix) {
    const [left, right] = [new Float64Array(this.#width), new Float64Array(this.#width)];
    for (const [index, source] of this.#sources.entries()) {
      const place = mix.get(source);
      if (!place) continue;
      const gains = gainsOf(place);
      left.set([gains.leftFromLeft, gains.leftFromRight], 2 * index);
      right.set([gains.rightFromLeft, gains.rightFromRight], 2 * index);
    }
    const [first, second] = [new Float64Array(this.#width), new Float64Array(this.#width)];
    first[this.#width - 2] = second[this.#width - 1] = 1;
    const difference = this.#of([left, right]) - this.#of([first, second]);
    return Number.isFinite(difference) ? Math.min(10 ** (difference / 20), LARGEST_GAIN) : 1;
  }

  get #width() {
    return 2 * this.#sources.length + 2;
  }

  /** @param {Float64Array[]} outputs gains of the channels for each @returns {number} LUFS */
  #of(outputs) {
    const powers = this.#blocks.map((block) =>
      outputs.reduce((sum, gains) => sum + power(block, gains), 0),
    );
    const audible = powers.filter((value) => lufs(value) > ABSOLUTE_GATE);
    const gate = lufs(mean(audible)) + RELATIVE_GATE;
    return lufs(mean(audible.filter((value) => lufs(value) > gate)));
  }
}

/** @param {number} value mean square @returns {number} */
function lufs(value) {
  return -0.691 + 10 * Math.log10(value);
}

/** @param {number[]} values @returns {number} 0 if there are none */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
}

/** @param {[number, number][]} ranges @returns {number} */
export function framesOf(ranges) {
  return ranges.reduce((sum, [start, stop]) => sum + stop - start, 0);
}

/**
 * @param {[number, number][]} ranges @param {number} length frames
 * @returns {number[]} starts of stretches of that length, spread evenly over the ranges
 */
function places(ranges, length) {
  const rooms = ranges
    .map(([start, stop]) => /** @type {[number, number]} */ ([start, stop - length]))
    .filter(([start, stop]) => start < stop);
  const all = framesOf(rooms);
  const count = Math.min(PLACES, Math.ceil(all / length));
  return Array.from({ length: count }, (_, index) => {
    let at = Math.floor(((index + 0.5) * all) / count);
    for (const [start, stop] of rooms) {
      if (at < stop - start) return start + at;
      at -= stop - start;
    }
    throw new Error("There is no such place.");
  });
}

/**
 * @param {Float32Array} samples interleaved, of two channels
 * @param {number} channel
 * @param {number} rate
 * @returns {Float32Array} K-weighted
 */
function weighted(samples, channel, rate) {
  const out = new Float32Array(samples.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = /** @type {number} */ (samples[2 * i + channel]);
  for (const filter of kWeighting(rate)) filterInPlace(out, filter);
  return out;
}

/** @typedef {{b: [number, number, number], a: [number, number]}} Biquad `a`: without the 1 */

/**
 * The two filters of BS.1770 for any rate, from the analogue filters behind its table for 48 kHz
 * (as in libebur128): a shelf for the effect of the head, and a high-pass.
 *
 * @param {number} rate
 * @returns {Biquad[]}
 */
function kWeighting(rate) {
  return [shelf(rate), highPass(rate)];
}

/** @param {number} rate @returns {Biquad} */
function shelf(rate) {
  const [frequency, gain, q] = [1681.974450955533, 3.999843853973347, 0.7071752369554196];
  const k = Math.tan((Math.PI * frequency) / rate);
  const high = 10 ** (gain / 20);
  const band = high ** 0.4996667741545416;
  const a0 = 1 + k / q + k * k;
  return {
    b: [
      (high + (band * k) / q + k * k) / a0,
      (2 * (k * k - high)) / a0,
      (high - (band * k) / q + k * k) / a0,
    ],
    a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0],
  };
}

/** @param {number} rate @returns {Biquad} */
function highPass(rate) {
  const [frequency, q] = [38.13547087602444, 0.5003270373238773];
  const k = Math.tan((Math.PI * frequency) / rate);
  const a0 = 1 + k / q + k * k;
  return { b: [1, -2, 1], a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0] };
}

/** @param {Float32Array} samples @param {Biquad} filter */
function filterInPlace(samples, { b: [b0, b1, b2], a: [a1, a2] }) {
  let [s1, s2] = [0, 0];
  for (let i = 0; i < samples.length; i++) {
    const x = /** @type {number} */ (samples[i]);
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    samples[i] = y;
  }
}

/**
 * @param {Float32Array[]} channels @returns {Covariance} row by row, upper triangle only
 */
function covariance(channels) {
  const width = channels.length;
  const matrix = new Float64Array(width * width);
  for (const [row, one] of channels.entries()) {
    for (let column = row; column < width; column++) {
      const other = /** @type {Float32Array} */ (channels[column]);
      let sum = 0;
      for (let i = 0; i < one.length; i++) {
        sum += /** @type {number} */ (one[i]) * /** @type {number} */ (other[i]);
      }
      matrix[row * width + column] = sum / one.length;
    }
  }
  return matrix;
}

/** @param {Covariance} matrix @param {Float64Array} gains @returns {number} power of the mix */
function power(matrix, gains) {
  const width = gains.length;
  let sum = 0;
  for (const [row, gain] of gains.entries()) {
    for (let column = row; column < width; column++) {
      const twice = column === row ? 1 : 2;
      const value = /** @type {number} */ (matrix[row * width + column]);
      sum += twice * gain * /** @type {number} */ (gains[column]) * value;
    }
  }
  return sum;
}
