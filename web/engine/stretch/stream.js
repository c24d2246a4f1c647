/**
 * One stereo stream at another tempo: stretched by the library, then resampled for the pitch.
 *
 * To play a tone higher by a ratio r at the speed v, it is stretched to v / r and sampled at every
 * r-th frame. Both steps are exact: each frame of time comes from the source frame given by the
 * `TempoMap`, and frequencies are multiplied by exactly r. Below half speed the library randomises
 * phases, so tones get rough: at v / r = 0.37 (half speed, five semitones up) the noise is 20 dB
 * below a tone, at 0.25 (half speed and an octave up) it is most of the sound.
 *
 * @module
 */

import { reach, sample } from "./sinc.js";

/** @typedef {import("./signalsmith.js").Signalsmith} Signalsmith */
/** @typedef {import("./tempo.js").TempoMap} TempoMap */

/** Frames stretched at once; independent of how many are requested. */
const STEP = 128;
/** The largest transposition is an octave up. */
const LARGEST_RATIO = 2;
/** More than one quantum of time needs, an octave up. */
const KEPT = 2048;

/**
 * @param {Signalsmith} stretch
 * @returns {{stretched: number, offset: number}} how far the source is read ahead of the output:
 *   frames of the stretched signal, plus frames of the source
 */
export function leadOf({ inputLatency, outputLatency }) {
  return { stretched: outputLatency + reach(LARGEST_RATIO) + 2 * STEP, offset: inputLatency };
}

export class StretchedStream {
  #stretch;
  #read;
  /** @type {TempoMap | null} */
  #map = null;
  /** The next frame of time. */
  #frame = 0;
  /** The next source frame to feed. */
  #fed = 0;
  /**
   * The stretched signal, left and right: `#filled` frames, of which the first is frame `#base`.
   */
  #kept = [new Float32Array(KEPT), new Float32Array(KEPT)];
  #base = 0;
  #filled = 0;
  /** @type {[number, number]} */
  #pair = [0, 0];

  /**
   * @param {Signalsmith} stretch used by this stream only
   * @param {(offset: number, channels: Float32Array[], length: number) => void} read fills
   *   the first frames of left and right with the source, or with silence
   */
  constructor(stretch, read) {
    this.#stretch = stretch;
    this.#read = read;
  }

  /** @returns {number} the first source frame not read yet */
  get fed() {
    return this.#fed;
  }

  /** @param {TempoMap} map @param {number} frame of time to render first */
  begin(map, frame) {
    const { history, inputs, outputLatency } = this.#stretch;
    this.#map = map;
    this.#frame = frame;
    this.#filled = 0;
    this.#base = this.#first() - outputLatency;
    this.#fed = this.#toFeed(this.#base);
    this.#read(this.#fed - history, inputs, history);
    this.#stretch.begin(map.sourceOf(this.#base).speed);
  }

  /**
   * Do one step of work ahead of rendering.
   *
   * @returns {boolean} whether no work is left
   */
  prepare() {
    if (this.#isReady(STEP)) return true;
    this.#step();
    return this.#isReady(STEP);
  }

  /** @param {Float32Array} left @param {Float32Array} right to fill with the next frames */
  render(left, right) {
    while (!this.#isReady(left.length)) this.#step();
    const map = /** @type {TempoMap} */ (this.#map);
    const ratio = map.ratioAt(this.#frame);
    for (let i = 0; i < left.length; i++) {
      const place = map.stretchedAt(this.#frame + i) - this.#base;
      sample(this.#kept, place, ratio, this.#pair);
      left[i] = this.#pair[0];
      right[i] = this.#pair[1];
    }
    this.#frame += left.length;
  }

  /** @returns {number} the first stretched frame still needed */
  #first() {
    const map = /** @type {TempoMap} */ (this.#map);
    return Math.floor(map.stretchedAt(this.#frame)) - reach(LARGEST_RATIO);
  }

  /** @param {number} length frames of time @returns {boolean} whether they can be sampled */
  #isReady(length) {
    const map = /** @type {TempoMap} */ (this.#map);
    const last = Math.ceil(map.stretchedAt(this.#frame + length)) + reach(LARGEST_RATIO);
    return this.#base + this.#filled > last;
  }

  /**
   * @param {number} stretched @returns {number} source frames to feed until that frame is stretched
   */
  #toFeed(stretched) {
    const { inputLatency, outputLatency } = this.#stretch;
    const { offset } = /** @type {TempoMap} */ (this.#map).sourceOf(stretched + outputLatency);
    return Math.round(offset) + inputLatency;
  }

  /** Stretch the next `STEP` frames. */
  #step() {
    if (this.#filled + STEP > KEPT) this.#drop();
    const until = this.#toFeed(this.#base + this.#filled + STEP);
    const taken = until - this.#fed;
    this.#read(this.#fed, this.#stretch.inputs, taken);
    this.#fed = until;
    this.#stretch.process(taken, STEP);
    for (const [index, kept] of this.#kept.entries()) {
      const output = /** @type {Float32Array} */ (this.#stretch.outputs[index]);
      kept.set(output.subarray(0, STEP), this.#filled);
    }
    this.#filled += STEP;
  }

  /** Drop frames that are no longer needed. */
  #drop() {
    const behind = Math.min(this.#first() - this.#base, this.#filled);
    for (const kept of this.#kept) kept.copyWithin(0, behind, this.#filled);
    this.#base += behind;
    this.#filled -= behind;
  }
}
