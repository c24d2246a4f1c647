/**
 * Order of the frames to play: to the end of the song, or round a loop.
 *
 * Where a loop jumps back, its last 10 ms are crossfaded with what comes before its start. So the
 * first beat after the jump matches the store, the signal has no step, and each pass is exactly as
 * long as the loop, to the frame.
 *
 * @module
 */

import { FADE_SECONDS } from "./mixer.js";

/** @typedef {import("./protocol.js").Stems} Stems */
/** Frames read in one go. @typedef {{start: number, length: number}} Stretch */
/** [start, stop) in frames. @typedef {[number, number]} Loop */

export class Route {
  #stems;
  #loop;
  /** Length of the crossfade in frames. */
  #fade;

  /** @param {Stems} stems @param {Readonly<Loop> | null} loop */
  constructor(stems, loop) {
    this.#stems = stems;
    this.#loop = loop;
    const longest = Math.round(FADE_SECONDS * stems.rate);
    this.#fade = loop ? Math.min(longest, loop[1] - loop[0]) : 0;
  }

  /**
   * @param {number} head the first frame
   * @param {number} length frames
   * @returns {Stretch[]} that many frames in playing order; fewer at the end
   */
  from(head, length) {
    const stretches = [];
    while (length > 0 && head < this.#stems.length) {
      const part = Math.min(length, this.#edgeAfter(head) - head);
      stretches.push({ start: head, length: part });
      head = this.after(head + part);
      length -= part;
    }
    return stretches;
  }

  /** @param {number} frame @returns {number} the frame to play next, once that frame is reached */
  after(frame) {
    return this.#loop && frame === this.#loop[1] ? this.#loop[0] : frame;
  }

  /** @param {number} head @param {number} length @returns {boolean} whether no jump is near */
  isStraight(head, length) {
    if (!this.#loop) return true;
    return head + length <= this.#loop[1] - this.#fade || head >= this.#loop[1];
  }

  /** @param {Stretch[]} stretches @returns {number} how many frames of them are final */
  finalFrames(stretches) {
    let frames = 0;
    for (const { start, length } of stretches) {
      const ready = this.#finalFrom(start, length);
      frames += ready;
      if (ready < length) break;
    }
    return frames;
  }

  /**
   * @param {number} head frame that is waited for @returns {number} the frame that has to become
   *   final first: that one, or one before the loop's start
   */
  wanted(head) {
    const [from, to] = this.#seam(head, 1);
    return from < to && this.#stems.isFinal(head, 1) ? Math.max(0, this.#before(from)) : head;
  }

  /**
   * @param {string} source @param {Stretch[]} stretches
   * @returns {Promise<Float32Array>} interleaved
   */
  async read(source, stretches) {
    const parts = await Promise.all(stretches.map((stretch) => this.#read(source, stretch)));
    if (parts.length === 1) return /** @type {Float32Array} */ (parts[0]);
    const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** @param {number} frame @returns {number} */
  #edgeAfter(frame) {
    return this.#loop && frame < this.#loop[1] ? this.#loop[1] : this.#stems.length;
  }

  /** @param {number} start @param {number} length @returns {number} */
  #finalFrom(start, length) {
    const range = this.#stems.finalRanges().find(([from, to]) => from <= start && start < to);
    const ready = range ? Math.min(length, range[1] - start) : 0;
    const [from, to] = this.#seam(start, ready);
    if (from === to) return ready;
    const lead = Math.max(0, this.#before(from));
    const needed = Math.max(0, this.#before(to) - lead);
    return needed === 0 || this.#stems.isFinal(lead, needed) ? ready : from - start;
  }

  /**
   * @param {number} start @param {number} length
   * @returns {[number, number]} the part that is crossfaded, perhaps empty
   */
  #seam(start, length) {
    if (!this.#loop) return [start, start];
    const from = Math.max(start, this.#loop[1] - this.#fade);
    const to = Math.min(start + length, this.#loop[1]);
    return from < to ? [from, to] : [start, start];
  }

  /** @param {number} frame of the seam @returns {number} the frame that it is crossfaded with */
  #before(frame) {
    const [start, stop] = /** @type {Loop} */ (this.#loop);
    return frame - (stop - start);
  }

  /** @param {string} source @param {Stretch} stretch @returns {Promise<Float32Array>} */
  async #read(source, { start, length }) {
    const samples = await this.#stems.read(source, start, length);
    const [from, to] = this.#seam(start, length);
    if (from === to) return samples;
    // Silence comes before the song.
    const silent = Math.max(0, Math.min(to - from, -this.#before(from)));
    const there = to - from - silent;
    const lead = there > 0 ? await this.#stems.read(source, this.#before(to) - there, there) : [];
    const begin = /** @type {Loop} */ (this.#loop)[1] - this.#fade;
    for (let frame = from; frame < to; frame++) {
      const share = (frame - begin + 0.5) / this.#fade;
      for (const channel of [0, 1]) {
        const at = 2 * (frame - start) + channel;
        const other = lead[2 * (frame - from - silent) + channel] ?? 0;
        samples[at] = (1 - share) * /** @type {number} */ (samples[at]) + share * other;
      }
    }
    return samples;
  }
}
