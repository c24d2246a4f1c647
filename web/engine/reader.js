/**
 * Reads files into the store and measures them.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { FRAME_BYTES } from "./song.js";
import { LONGEST_MINUTES } from "./store.js";

/** @typedef {import("./decode.js").SourceFacts} SourceFacts */
/** @typedef {import("./engine-worker.js").EngineWorker} EngineWorker */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./protocol.js").Measured} Measured */
/** @typedef {import("./store.js").Store} Store */

export class Reader {
  #pool;
  #store;
  /** @type {Map<number, Promise<number[][]>>} */
  #matrices = new Map();

  /** @param {Pool} pool @param {Store} store */
  constructor(pool, store) {
    this.#pool = pool;
    this.#store = store;
  }

  /**
   * Read a file into the store.
   *
   * @param {string} id of a song that is open in the store, with nothing read so far
   * @param {File} file
   * @param {{stems: number, acceptsPart: boolean}} wanted    the number of stems to store; whether
   *   the decodable part of a damaged file is good enough
   * @param {AbortSignal} signal
   * @returns {Promise<{measured: Measured, source: SourceFacts}>}
   * @throws {UserError}
   */
  async read(id, file, wanted, signal) {
    const info = await this.#pool.start();
    return this.#pool.with(async (worker) => {
      await worker.call("open", null);
      const blocks = new Blocks(info.measure_block, async (block) => {
        const copy = block.slice();
        await worker.call("measure", copy, { transfer: [copy.buffer] });
        await this.#store.append(id, block);
      });
      const sink = this.#sink(id, worker, blocks, wanted);
      const { decode } = await decoders();
      const source = await decode(file, sink, signal);
      await blocks.end();
      signal.throwIfAborted();
      return { measured: await worker.call("measured", null), source };
    });
  }

  /**
   * @param {string} id @param {EngineWorker} worker
   * @param {Blocks} blocks @param {{stems: number, acceptsPart: boolean}} wanted
   * @returns {import("./decode.js").Sink}
   */
  #sink(id, worker, blocks, { stems, acceptsPart }) {
    return {
      downmix: (channels) => this.#downmixMatrix(channels, worker),
      longestMinutes: this.#store.longestMinutes,
      wholeMinutes: LONGEST_MINUTES.memory,
      acceptsPart,
      expect: (frames) => this.#store.checkRoom(id, (1 + stems) * frames * FRAME_BYTES),
      take: (block) => blocks.add(block),
    };
  }

  /**
   * @param {number} channels @param {EngineWorker} worker
   * @returns {Promise<number[][]>} (2, channels), from Python, as on the command line
   */
  #downmixMatrix(channels, worker) {
    let matrix = this.#matrices.get(channels);
    if (!matrix) {
      matrix = worker.call("downmix", channels);
      this.#matrices.set(channels, matrix);
      matrix.catch(() => this.#matrices.delete(channels));
    }
    return matrix;
  }
}

/**
 * Check that a file contains sound, as far as possible without the engine, which may have to be
 * downloaded first.
 *
 * @param {File} file
 * @throws {UserError} if there is none
 */
export async function checkSound(file) {
  const decoding = await decoders();
  await decoding.checkSound(file);
}

/** The decoders make up most of the page's code: load them only when there is a song. */
function decoders() {
  return import("./decode.js").catch((error) => {
    throw new UserError("noNetwork", {}, error);
  });
}

/**
 * Cuts pieces of any length into blocks of equal length; the last block may be shorter.
 */
class Blocks {
  #block;
  #filled = 0;
  #take;

  /**
   * @param {number} frames
   * @param {(block: Float32Array) => Promise<void>} take called with each block
   */
  constructor(frames, take) {
    this.#block = new Float32Array(2 * frames);
    this.#take = take;
  }

  /** @param {Float32Array} piece interleaved frames */
  async add(piece) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#block.length) await this.end();
    }
  }

  /** Pass on the frames collected so far. */
  async end() {
    const filled = this.#block.slice(0, this.#filled);
    this.#filled = 0;
    if (filled.length > 0) await this.#take(filled);
  }
}
