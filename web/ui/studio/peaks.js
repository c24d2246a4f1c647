/**
 * The peaks of a stem for drawing its waveform, loaded as far as the view needs them.
 *
 * For each stem two sets are kept: a coarse one of the whole song, available at once wherever the
 * user goes, and a fine one of the view and some margin. Both are requested again when more of the
 * song is final, one request at a time, so that nothing piles up.
 *
 * @module
 */

import { MIXTURE } from "../../engine/song.js";

/** @typedef {import("../../engine/protocol.js").Stems} Stems */

/**
 * @typedef {{start: number, each: number, values: Float32Array}} Picture `each`: frames per column
 */

const ROUGH_COLUMNS = 2048;
/** Margin loaded on both sides, as a share of the view. */
const AROUND = 0.5;

/**
 * @param {number} length frames @param {number} each frames per column
 * @returns {number} number of whole columns, allowing for rounding
 */
export function columnsIn(length, each) {
  return Math.floor(length / each + 1e-6);
}

/** Event: "change" when there is more to draw. */
export class StemPeaks extends EventTarget {
  #stems;
  #source;
  /** @type {Picture | null} */
  #rough = null;
  /** @type {Picture | null} */
  #fine = null;
  /** Columns wanted for the view: first and last, and frames per column. */
  #wanted = { first: 0, last: 0, each: 0 };
  /** Sets that have to be requested (again). */
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
    // The original is available from the beginning.
    if (source !== MIXTURE) stems.addEventListener("final", renew, { signal });
    this.#renew("rough");
  }

  close() {
    this.#closed.abort();
  }

  /** The greatest known distance from zero. */
  get greatest() {
    let greatest = 0;
    for (const value of this.#rough?.values ?? []) {
      if (Math.abs(value) > greatest) greatest = Math.abs(value);
    }
    return greatest;
  }

  /**
   * @param {number} first column @param {number} count of columns @param {number} each frames per
   *   column; column i starts at frame i * each
   * @returns {Float32Array} (count, 2): [smallest, greatest], NaN where unknown; missing columns
   *   are requested
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
      // The song was closed, or the disk failed: the player reports that, the waveform stays.
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
