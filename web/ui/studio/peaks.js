/**
 * What a waveform is drawn from: the peaks of a stem, as far as they are needed to draw what is seen.
 *
 * Two pictures are kept of each stem: a rough one of the whole song, which is there at once wherever
 * one goes, and a fine one of what is seen and a bit around it. Both are asked for again when more of
 * the song has become final, one question at a time, so that nothing piles up.
 *
 * @module
 */

import { ORIGINAL } from "../../engine/mixer.js";

/** @typedef {import("../../engine/protocol.js").Stems} Stems */

/** @typedef {{start: number, each: number, values: Float32Array}} Picture  `each`: frames a column */

const ROUGH_COLUMNS = 2048;
/** Of what is seen: how much more is asked for on both sides. */
const AROUND = 0.5;

/**
 * @param {number} length frames @param {number} each frames a column
 * @returns {number} how many whole columns there are, but for rounding
 */
export function columnsIn(length, each) {
  return Math.floor(length / each + 1e-6);
}

/** Event: "change" when there is more to draw from. */
export class StemPeaks extends EventTarget {
  #stems;
  #source;
  /** @type {Picture | null} */
  #rough = null;
  /** @type {Picture | null} */
  #fine = null;
  /** What is to be seen: from which column to which, and frames a column. */
  #wanted = { first: 0, last: 0, each: 0 };
  /** What has to be asked for (again). */
  #stale = new Set(["rough"]);
  #isAsking = false;
  #closed = new AbortController();

  /** @param {Stems} stems @param {string} source */
  constructor(stems, source) {
    super();
    this.#stems = stems;
    this.#source = source;
    const { signal } = this.#closed;
    const renew = () => this.#renew("rough", "fine");
    // The original is there from the beginning.
    if (source !== ORIGINAL) stems.addEventListener("final", renew, { signal });
    this.#renew("rough");
  }

  close() {
    this.#closed.abort();
  }

  /** The greatest distance from zero that is known. */
  get greatest() {
    let greatest = 0;
    for (const value of this.#rough?.values ?? []) {
      if (Math.abs(value) > greatest) greatest = Math.abs(value);
    }
    return greatest;
  }

  /**
   * @param {number} first column @param {number} count of columns @param {number} each frames a
   *   column; column number i begins at frame i * each
   * @returns {Float32Array} (count, 2): [least, greatest], NaN where nothing is known; what is
   *   missing is asked for
   */
  columns(first, count, each) {
    this.#want(first, first + count, each);
    const fine = this.#fine;
    const isFine = fine && fine.each === each && fine.start <= first * each;
    if (isFine && fine.start + (fine.values.length / 2) * each >= (first + count) * each - 1) {
      const skipped = Math.round(first - fine.start / each);
      return fine.values.subarray(2 * skipped, 2 * (skipped + count));
    }
    return this.#fromRough(first, count, each);
  }

  /** @param {number} first @param {number} last @param {number} each */
  #want(first, last, each) {
    const wanted = this.#wanted;
    const has = this.#fine?.each === each && wanted.first <= first && last <= wanted.last;
    if (has && wanted.each === each) return;
    const around = Math.ceil((last - first) * AROUND);
    const end = columnsIn(this.#stems.length, each);
    this.#wanted = {
      first: Math.max(0, first - around),
      last: Math.min(end, last + around),
      each,
    };
    this.#renew("fine");
  }

  /** @param {...string} which pictures */
  #renew(...which) {
    for (const one of which) this.#stale.add(one);
    if (!this.#isAsking) void this.#ask();
  }

  async #ask() {
    this.#isAsking = true;
    try {
      for (const which of this.#stale) {
        this.#stale.delete(which);
        if (which === "rough") await this.#askRough();
        else await this.#askFine();
        if (this.#closed.signal.aborted) return;
        this.dispatchEvent(new Event("change"));
      }
    } catch (error) {
      // The song was closed, or the disk is gone: the player says so, a waveform stays as it is.
      if (!this.#closed.signal.aborted) console.warn(error);
    } finally {
      this.#isAsking = false;
    }
  }

  async #askRough() {
    const { length } = this.#stems;
    const columns = Math.min(ROUGH_COLUMNS, length);
    const values = await this.#stems.peaks(this.#source, 0, length, columns);
    this.#rough = { start: 0, each: length / columns, values };
  }

  async #askFine() {
    const { first, last, each } = this.#wanted;
    if (last <= first) return;
    const start = Math.round(first * each);
    const stop = Math.min(Math.round(last * each), this.#stems.length);
    const values = await this.#stems.peaks(this.#source, start, stop - start, last - first);
    this.#fine = { start: first * each, each, values };
  }

  /**
   * @param {number} first @param {number} count @param {number} each
   * @returns {Float32Array}
   */
  #fromRough(first, count, each) {
    const columns = new Float32Array(2 * count).fill(NaN);
    const rough = this.#rough;
    if (!rough) return columns;
    const last = rough.values.length / 2 - 1;
    for (let i = 0; i < count; i++) {
      const from = Math.min(Math.floor(((first + i) * each) / rough.each), last);
      const to = Math.min(Math.ceil(((first + i + 1) * each) / rough.each), last + 1);
      let [least, greatest] = [Infinity, -Infinity];
      for (let at = from; at < Math.max(to, from + 1); at++) {
        least = Math.min(least, /** @type {number} */ (rough.values[2 * at]));
        greatest = Math.max(greatest, /** @type {number} */ (rough.values[2 * at + 1]));
      }
      columns[2 * i] = least;
      columns[2 * i + 1] = greatest;
    }
    return columns;
  }
}
