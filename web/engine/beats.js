/**
 * The beats of a song, as found and as the user has corrected them.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Correction} Correction */

/** A beat is near if it is no farther than this share of the usual distance of beats. */
const NEAR = 0.6;

export class Beats {
  /** @type {readonly number[]} in frames, increasing */
  frames;
  /** The usual distance of beats, in frames. */
  #distance;

  /**
   * @param {readonly number[]} found at least two, in frames
   * @param {Pick<Correction, "times" | "isShifted">} correction
   */
  constructor(found, { times, isShifted }) {
    const step = 1 / times;
    const first = isShifted ? step / 2 : 0;
    const count = Math.floor((found.length - 1 - first) / step) + 1;
    this.frames = Array.from({ length: Math.max(count, 0) }, (_, index) =>
      Math.round(between(found, first + index * step)),
    );
    this.#distance = usualDistance(this.frames);
  }

  /** @param {number} frame @returns {number} the beat closest to it; itself where none is near */
  nearest(frame) {
    const next = indexFrom(this.frames, frame);
    const [before = -Infinity, after = Infinity] = [this.frames[next - 1], this.frames[next]];
    const closest = frame - before < after - frame ? before : after;
    return Math.abs(closest - frame) <= NEAR * this.#distance ? closest : frame;
  }

  /** @param {number} frame @returns {number} the last beat up to it; itself where none is near */
  before(frame) {
    const beat = this.frames[indexFrom(this.frames, frame + 1) - 1] ?? -Infinity;
    return frame - beat <= this.#distance ? beat : frame;
  }

  /**
   * @param {number} start @param {number} stop @returns {readonly number[]} beats in [start, stop)
   */
  within(start, stop) {
    return this.frames.slice(indexFrom(this.frames, start), indexFrom(this.frames, stop));
  }

  /**
   * @param {number} frame
   * @returns {{beat: number, interval: number} | null} the first beat from there on, and how far
   *   apart beats are there, in frames; null after the last beat
   */
  next(frame) {
    const index = indexFrom(this.frames, frame);
    const beat = this.frames[index];
    const [one, other] = index > 0 ? [index - 1, index] : [0, 1];
    const interval = (this.frames[other] ?? NaN) - (this.frames[one] ?? NaN);
    return beat === undefined || Number.isNaN(interval) ? null : { beat, interval };
  }
}

/** @param {readonly number[]} beats @returns {number} in frames; 0 if there are too few */
function usualDistance(beats) {
  const distances = beats.slice(1).map((beat, index) => beat - (beats[index] ?? beat));
  return distances.toSorted((a, b) => a - b)[distances.length >> 1] ?? 0;
}

/** @param {readonly number[]} found @param {number} place @returns {number} interpolated */
function between(found, place) {
  const index = Math.floor(place);
  const start = /** @type {number} */ (found[index]);
  return start + (place - index) * ((found[index + 1] ?? start) - start);
}

/**
 * @param {readonly number[]} sorted @param {number} value
 * @returns {number} index of the first that is not below
 */
function indexFrom(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (sorted[middle]) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
