/**
 * A song that is open in the store, for playing, viewing and saving.
 *
 * @module
 */

import { MIXTURE } from "./song.js";

/** @typedef {import("./store.js").Store} Store */

/** @typedef {import("./protocol.js").Stems} Stems */

/**
 * A song as far as it is finished; `Separation` is a song that is being separated.
 *
 * @implements {Stems}
 */
export class OpenSong extends EventTarget {
  #store;
  #holders = 1;
  #final;

  /**
   * @param {Store} store
   * @param {{id: string, sources: string[], rate: number, length: number,
   *   final?: [number, number][]}} song `final`: where all stems are final; default: everywhere
   */
  constructor(store, { id, sources, rate, length, final = [[0, length]] }) {
    super();
    this.#store = store;
    this.#final = final;
    this.id = id;
    this.sources = sources;
    this.rate = rate;
    this.length = length;
  }

  /** Nothing works on it. */
  get grows() {
    return false;
  }

  /** @returns {number} */
  get playhead() {
    return 0;
  }

  /** Does nothing: no work is left to prioritise. */
  set playhead(_frame) {}

  /** @param {string} source @param {number} start @param {number} length */
  read(source, start, length) {
    return this.#store.read(this.id, { plane: source, start, length });
  }

  /**
   * @param {string} source @param {number} start @param {number} length @param {number} columns
   * @returns {Promise<Float32Array>} (columns, 2)
   */
  peaks(source, start, length, columns) {
    const whole = /** @type {[number, number]} */ ([0, this.length]);
    const final = source === MIXTURE ? [whole] : this.finalRanges();
    return this.#store.peaks(this.id, { plane: source, start, length }, columns, final);
  }

  /** @param {number} start @param {number} length */
  isFinal(start, length) {
    return this.finalRanges().some(([from, to]) => from <= start && start + length <= to);
  }

  /** @returns {[number, number][]} */
  finalRanges() {
    return this.#final;
  }

  /** @returns {[number, number][]} */
  working() {
    return [];
  }

  /** Whether the song can be read. */
  get isOpen() {
    return this.#holders > 0;
  }

  /** Add a holder, which will also call `close`. */
  hold() {
    this.#holders++;
  }

  /** What is finished stays in the store; the song is closed there by the last holder. */
  async close() {
    this.#holders--;
    if (this.#holders === 0) await this.#store.close(this.id);
  }
}
