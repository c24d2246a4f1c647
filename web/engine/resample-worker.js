/**
 * Changes the sample rate of a song with libsamplerate's best sinc converter, off the main thread
 * and piece by piece. Messages: see `protocol.js`.
 *
 * The converter adds no delay: output frame 0 lies on input frame 0. But it holds back its last
 * frames, so zeros are fed after the end until the song's number of frames has come out.
 */

import { ConverterType, create } from "../vendor/libsamplerate.mjs";
import { serve } from "./rpc.js";

/**
 * Frames per call of the converter, whatever the size of the input blocks; small enough that input
 * and output fit the library's buffers at any rate above 1 kHz.
 */
const CHUNK = 8192;

/**
 * Limit of the library, in hertz. Above it both rates are scaled down: only their ratio matters.
 */
const HIGHEST_RATE = 192000;

class Resampler {
  #converter;
  #rates;
  #chunk = new Float32Array(2 * CHUNK);
  #filled = 0;
  #framesIn = 0;
  #framesOut = 0;

  /**
   * @param {Awaited<ReturnType<typeof create>>} converter
   * @param {{inputRate: number, outputRate: number}} rates in hertz
   */
  constructor(converter, rates) {
    this.#converter = converter;
    this.#rates = rates;
  }

  /** @param {{inputRate: number, outputRate: number}} rates in hertz */
  static async start({ inputRate, outputRate }) {
    const scale = Math.ceil(Math.max(inputRate, outputRate) / HIGHEST_RATE);
    const converter = await create(2, inputRate / scale, outputRate / scale, {
      converterType: ConverterType.SRC_SINC_BEST_QUALITY,
    });
    return new Resampler(converter, { inputRate, outputRate });
  }

  /** @param {Float32Array} block interleaved frames @returns {Float32Array} likewise */
  convert(block) {
    this.#framesIn += block.length / 2;
    const pieces = [];
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#chunk.length) pieces.push(this.#convertChunk());
    }
    return this.#joined(pieces);
  }

  /** @returns {Float32Array} the rest of the song */
  end() {
    const pieces = [];
    let missing = this.length - this.#framesOut;
    while (missing > 0) {
      this.#chunk.fill(0, this.#filled);
      const piece = this.#convertChunk().subarray(0, 2 * missing);
      pieces.push(piece);
      missing -= piece.length / 2;
    }
    return this.#joined(pieces);
  }

  #convertChunk() {
    this.#filled = 0;
    return this.#converter.full(this.#chunk).slice();
  }

  /** @param {Float32Array[]} pieces */
  #joined(pieces) {
    const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.#framesOut += all.length / 2;
    return all;
  }

  /** Frames at the output rate for the input so far. */
  get length() {
    const { inputRate, outputRate } = this.#rates;
    return Math.round((this.#framesIn * outputRate) / inputRate);
  }
}

/** @type {Resampler | null} */
let resampler = null;

serve(async (method, argument) => {
  switch (method) {
    case "start":
      resampler = await Resampler.start(argument);
      return null;
    case "block":
      return /** @type {Resampler} */ (resampler).convert(argument);
    case "end":
      return /** @type {Resampler} */ (resampler).end();
  }
});
