/**
 * Consecutive samples of several streams, appended in pieces and read in order.
 *
 * @module
 */

/**
 * Interleaved samples (length, 2) for each stream, null: silence.
 * @typedef {{parts: (Float32Array | null)[], length: number}} Piece
 */

export class Pieces {
  /** @type {(Piece & {start: number})[]} */
  #list = [];

  /** @param {number} start offset of the first frame */
  constructor(start) {
    /** Offset of the next piece. */
    this.end = start;
  }

  /** @param {Piece} piece */
  append(piece) {
    this.#list.push({ ...piece, start: this.end });
    this.end += piece.length;
  }

  /**
   * Fill the first frames of left and right; missing samples are silence.
   *
   * @param {number} stream @param {number} offset of the first frame
   * @param {Float32Array[]} channels @param {number} length
   */
  read(stream, offset, [left, right], length) {
    if (!left || !right) return;
    for (const channel of [left, right]) channel.fill(0, 0, length);
    for (const { parts, start, length: frames } of this.#list) {
      const samples = parts[stream];
      if (!samples) continue;
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + frames);
      for (let frame = from; frame < to; frame++) {
        left[frame - offset] = /** @type {number} */ (samples[2 * (frame - start)]);
        right[frame - offset] = /** @type {number} */ (samples[2 * (frame - start) + 1]);
      }
    }
  }

  /** @param {number} offset samples before it are no longer needed */
  forget(offset) {
    this.#list = this.#list.filter(({ start, length }) => start + length > offset);
  }

  /**
   * @param {number} from @param {number} to offsets @returns {boolean} whether a piece ends between
   *   them
   */
  hasEnd(from, to) {
    return this.#list.some(({ start, length }) => from < start + length && start + length <= to);
  }
}
