/**
 * The visible part of a song, between the whole song and one second.
 *
 * @module
 */

/** The shortest visible part. */
const LEAST_SECONDS = 1;
/** Margin at the edge, as a share of the view: when the playhead gets there, the view moves on. */
const MARGIN = 0.04;

/** Event: "change" when the visible part changes. */
export class View extends EventTarget {
  #length = 1;
  #least = 1;
  #start = 0;
  #span = 1;

  /** Show the whole song. @param {number} length frames @param {number} rate hertz */
  reset(length, rate) {
    this.#length = Math.max(1, length);
    this.#least = Math.min(this.#length, LEAST_SECONDS * rate);
    this.#set(0, this.#length);
  }

  /** Length of the song in frames. */
  get length() {
    return this.#length;
  }

  /** The first visible frame; may be fractional. */
  get start() {
    return this.#start;
  }

  /** Number of visible frames. */
  get span() {
    return this.#span;
  }

  get stop() {
    return this.#start + this.#span;
  }

  get isWhole() {
    return this.#span >= this.#length;
  }

  /** Whether it cannot zoom in further. */
  get isNearest() {
    return this.#span <= this.#least;
  }

  /** @param {number} share of the width @returns {number} the frame there */
  frameAt(share) {
    return this.#start + share * this.#span;
  }

  /** @param {number} frame @returns {number} its position, as a share of the width */
  shareOf(frame) {
    return (frame - this.#start) / this.#span;
  }

  /**
   * @param {number} factor above 1 zooms in
   * @param {number} [anchor] the frame that stays in place; default: the middle
   */
  zoom(factor, anchor = this.#start + this.#span / 2) {
    const span = Math.min(Math.max(this.#span / factor, this.#least), this.#length);
    this.#set(anchor - this.shareOf(anchor) * span, span);
  }

  fit() {
    this.#set(0, this.#length);
  }

  /** @param {number} start @param {number} stop range to fill the view */
  show(start, stop) {
    const span = Math.min(Math.max(stop - start, this.#least), this.#length);
    this.#set((start + stop - span) / 2, span);
  }

  /** @param {number} start first visible frame */
  moveTo(start) {
    this.#set(start, this.#span);
  }

  /** Move the view on, if necessary, so that a frame is visible. @param {number} frame */
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
