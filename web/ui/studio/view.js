/**
 * What is seen of a song: a stretch of it, from the whole song down to a second.
 *
 * @module
 */

/** The shortest stretch that can be seen. */
const LEAST_SECONDS = 1;
/** Of what is seen: how near to the edge the playhead comes before the view goes on. */
const MARGIN = 0.04;

/** Event: "change" when another stretch is seen. */
export class View extends EventTarget {
  #length = 1;
  #least = 1;
  #start = 0;
  #span = 1;

  /** The whole song is seen. @param {number} length frames @param {number} rate hertz */
  reset(length, rate) {
    this.#length = Math.max(1, length);
    this.#least = Math.min(this.#length, LEAST_SECONDS * rate);
    this.#set(0, this.#length);
  }

  /** Frames of the song. */
  get length() {
    return this.#length;
  }

  /** The first frame that is seen; need not be whole. */
  get start() {
    return this.#start;
  }

  /** How many frames are seen. */
  get span() {
    return this.#span;
  }

  get stop() {
    return this.#start + this.#span;
  }

  get isWhole() {
    return this.#span >= this.#length;
  }

  /** Whether it cannot come nearer. */
  get isNearest() {
    return this.#span <= this.#least;
  }

  /** @param {number} share of the width @returns {number} the frame that is there */
  frameAt(share) {
    return this.#start + share * this.#span;
  }

  /** @param {number} frame @returns {number} where it is, as a share of the width */
  shareOf(frame) {
    return (frame - this.#start) / this.#span;
  }

  /**
   * @param {number} factor more than 1: nearer
   * @param {number} [anchor] the frame that stays where it is; otherwise the middle does
   */
  zoom(factor, anchor = this.#start + this.#span / 2) {
    const span = Math.min(Math.max(this.#span / factor, this.#least), this.#length);
    this.#set(anchor - this.shareOf(anchor) * span, span);
  }

  fit() {
    this.#set(0, this.#length);
  }

  /** @param {number} start @param {number} stop to be seen from edge to edge */
  show(start, stop) {
    const span = Math.min(Math.max(stop - start, this.#least), this.#length);
    this.#set((start + stop - span) / 2, span);
  }

  /** @param {number} start of what is seen from now on */
  moveTo(start) {
    this.#set(start, this.#span);
  }

  /** Turn the page, if need be, so that a frame is seen. @param {number} frame */
  follow(frame) {
    const share = this.shareOf(frame);
    if (share >= 0 && share <= 1 - MARGIN) return;
    if (share > 1 - MARGIN && this.stop >= this.#length) return;
    this.#set(frame - MARGIN * this.#span, this.#span);
  }

  /** @param {number} start @param {number} span */
  #set(start, span) {
    const inside = Math.min(Math.max(start, 0), this.#length - span);
    if (inside === this.#start && span === this.#span) return;
    this.#start = inside;
    this.#span = span;
    this.dispatchEvent(new Event("change"));
  }
}
