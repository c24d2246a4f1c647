/**
 * One stereo stream at another tempo: stretched by the library, then sampled for the pitch.
 *
 * To play a tone higher by a ratio r at the speed v, it is stretched to v / r and sampled at every
 * r-th frame. Both are exact: a frame of time comes from the frame of the source that the
 * `TempoMap` says, and the frequency of a tone is what it was, times r. Below half of the speed the
 * library makes phases up by chance, so tones get rough: at v / r = 0.37 (half speed, five
 * semitones up) that is 20 dB below a tone, at 0.25 (half speed and an octave up) it is most of it.
 *
 * @module
 */

import { reach, sample } from "./sinc.js";

/** @typedef {import("./signalsmith.js").Signalsmith} Signalsmith */
/** @typedef {import("./tempo.js").TempoMap} TempoMap */

/** Frames that are stretched at once; a step does not depend on how many are asked for. */
const STEP = 128;
/** The highest tone is an octave up. */
const LARGEST_RATIO = 2;
/** More than one quantum of time needs of it, an octave up. */
const KEPT = 2048;

/**
 * @param {Signalsmith} stretch
 * @returns {{stretched: number, offset: number}} how far the source is read ahead of what is heard:
 *   frames of what is stretched, and of the source besides
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
  /** The next frame that is fed. */
  #fed = 0;
  /**
   * What was stretched: left and right, of which `#filled` frames are there, the first being
   * `#base`.
   */
  #kept = [new Float32Array(KEPT), new Float32Array(KEPT)];
  #base = 0;
  #filled = 0;
  /** @type {[number, number]} */
  #pair = [0, 0];

  /**
   * @param {Signalsmith} stretch that it has for itself
   * @param {(offset: number, channels: Float32Array[], length: number) => void} read fills
   *   the first frames of left and right with the source; with silence where there is none
   */
  constructor(stretch, read) {
    this.#stretch = stretch;
    this.#read = read;
  }

  /** @returns {number} the first frame of the source that was not read yet */
  get fed() {
    return this.#fed;
  }

  /** @param {TempoMap} map @param {number} frame of time that is asked for first */
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
   * Do a step towards what is rendered next.
   *
   * @returns {boolean} whether all of it is done
   */
  prepare() {
    if (this.#isReady(STEP)) return true;
    this.#step();
    return this.#isReady(STEP);
  }

  /** @param {Float32Array} left @param {Float32Array} right to be filled with what comes next */
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

  /** @returns {number} the first frame of what is stretched that is needed now */
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

  /** @param {number} stretched @returns {number} how far it is fed by the time that is stretched */
  #toFeed(stretched) {
    const { inputLatency, outputLatency } = this.#stretch;
    const { offset } = /** @type {TempoMap} */ (this.#map).sourceOf(stretched + outputLatency);
    return Math.round(offset) + inputLatency;
  }

  /** Stretch so many frames more. */
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

  /** Forget what is behind. */
  #drop() {
    const behind = Math.min(this.#first() - this.#base, this.#filled);
    for (const kept of this.#kept) kept.copyWithin(0, behind, this.#filled);
    this.#base += behind;
    this.#filled -= behind;
  }
}
