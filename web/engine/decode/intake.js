/**
 * Turns decoded audio, with the file's rate and channels, into the song: mixed down to two
 * channels, then resampled. The down-mix comes first: both steps are linear, and two channels are
 * cheaper to resample than six.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { pause } from "../pause.js";
import { Resampler } from "../resampler.js";

/** @typedef {import("../decode.js").Sink} Sink */

/** Sample rate of songs, in hertz. */
export const RATE = 44100;
/** Frames mixed down, resampled and passed on at once. */
export const BLOCK = 1 << 16;

/** Takes decoded audio and passes on the song. */
export class Intake {
  /** Number of frames taken in. */
  frames = 0;
  /** Sample rate of the input, in hertz. */
  rate = 0;
  /** Number of channels of the input. */
  channels = 0;
  #block = new Float32Array(2 * BLOCK);
  /** Number of frames in the block. */
  #filled = 0;
  /** @type {Resampler | null} */
  #resampler = null;
  #sink;
  #signal;

  /** @param {Sink} sink @param {AbortSignal} signal */
  constructor(sink, signal) {
    this.#sink = sink;
    this.#signal = signal;
  }

  /** Length of the input so far. */
  get seconds() {
    return this.frames / Math.max(1, this.rate);
  }

  /**
   * @param {Float32Array[]} planes channels of the same length, or none at all
   * @param {number} rate in hertz
   */
  async add(planes, rate) {
    if (this.rate === 0) await this.#begin(rate);
    // A stream may change its rate midway, but hardly any does, and two rates make no song.
    if (rate !== this.rate) throw new UserError("stoppedDecoding", { seconds: this.seconds });
    const length = planes[0]?.length ?? 0;
    if (length === 0) return;
    this.channels = planes.length;
    const matrix = await this.#sink.downmix(planes.length);
    for (let at = 0; at < length; ) {
      const frames = Math.min(length - at, BLOCK - this.#filled);
      const part = planes.map((plane) => plane.subarray(at, at + frames));
      mixInto(this.#block.subarray(2 * this.#filled, 2 * (this.#filled + frames)), part, matrix);
      this.#filled += frames;
      this.frames += frames;
      at += frames;
      if (this.#filled === BLOCK) await this.#flush();
    }
  }

  /** @param {number} rate in hertz */
  async #begin(rate) {
    this.rate = rate;
    if (rate === RATE) return;
    this.#resampler = new Resampler(this.#signal);
    await this.#resampler.start(rate, RATE);
  }

  async #flush() {
    const block = this.#block.slice(0, 2 * this.#filled);
    // Check before resampling, whose filter would spread one such sample over its whole length.
    checkFinite(block, this.frames - this.#filled, this.rate);
    this.#filled = 0;
    checkLength(this.seconds, this.#sink.longestMinutes);
    await this.#sink.take(this.#resampler ? await this.#resampler.convert(block) : block);
    await pause();
  }

  /** @throws {UserError} if there is not a single frame */
  async end() {
    if (Math.round(this.seconds * RATE) === 0) throw new UserError("nothingDecoded");
    await this.#flush();
    if (this.#resampler) await this.#sink.take(await this.#resampler.end());
  }

  close() {
    this.#resampler?.close();
  }
}

/**
 * @param {Float32Array} target interleaved
 * @param {Float32Array[]} planes
 * @param {number[][]} matrix (2, planes)
 */
function mixInto(target, planes, matrix) {
  for (const [side, factors] of matrix.entries()) {
    const used = planes.flatMap((plane, index) => {
      const factor = factors[index] ?? 0;
      return factor === 0 ? [] : [{ plane, factor }];
    });
    for (let i = 0; 2 * i < target.length; i++) {
      let sum = 0;
      for (const { plane, factor } of used) sum += factor * /** @type {number} */ (plane[i]);
      target[2 * i + side] = sum;
    }
  }
}

/** @param {number} seconds @param {number} longestMinutes */
export function checkLength(seconds, longestMinutes) {
  if (seconds > longestMinutes * 60) throw new UserError("tooLong", { minutes: longestMinutes });
}

/**
 * @param {Float32Array} block interleaved
 * @param {number} start its first frame
 * @param {number} rate
 */
function checkFinite(block, start, rate) {
  const bad = block.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new UserError("notFinite", { seconds: (start + Math.floor(bad / 2)) / rate });
}
