/**
 * Stems at another speed or pitch, for saving: the same sound as in playback, but not in real time.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { Remote } from "./rpc.js";
import { isPlain, TempoMap, tempoOf } from "./stretch/tempo.js";

/** @typedef {import("./protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./stretch/tempo.js").Tempo} Tempo */
/** @typedef {import("./stretch/worker.js").Reach} Reach */

/**
 * Nothing is computed before it is read, and only the range being read is in memory. Reading on
 * where the last range of a stem ended continues the stream; any other range starts anew there.
 *
 * @param {ReadableStems} stems final wherever they are read
 * @param {Partial<Tempo>} tempo
 * @returns {ReadableStems & {close: () => void}} exactly as long as the song at that speed, to the
 *   frame; `close` ends the workers
 */
export function stretched(stems, tempo) {
  const whole = tempoOf(tempo);
  const { sources, rate } = stems;
  if (isPlain(whole)) {
    const { length, read } = stems;
    return { sources, rate, length, read: read.bind(stems), close: () => {} };
  }
  const length = Math.round(stems.length / whole.speed);
  /** @type {Map<string, StretchedStem>} */
  const streams = new Map();
  return {
    sources,
    rate,
    length,
    read: (source, start, count) => {
      const stream = streams.get(source) ?? new StretchedStem(stems, source, whole);
      streams.set(source, stream);
      return stream.read(start, count);
    },
    close: () => {
      for (const stream of streams.values()) stream.close();
    },
  };
}

/** One stem, with a worker of its own. */
class StretchedStem {
  #stems;
  #source;
  #map;
  #worker = new Remote(
    new URL("stretch/worker.js", import.meta.url),
    (message) => new UserError("tempoMissing", {}, message),
  );
  /** @type {Promise<Reach>} */
  #reach;
  /** Next frame of the output, and next frame of the source. */
  #next = { frame: -1, offset: 0 };
  /** @type {Promise<unknown>} the last read; later reads wait for it */
  #last = Promise.resolve();

  /** @param {ReadableStems} stems @param {string} source @param {Tempo} tempo */
  constructor(stems, source, tempo) {
    this.#stems = stems;
    this.#source = source;
    this.#map = new TempoMap(tempo, 0);
    this.#reach = this.#worker.call("open", { rate: stems.rate, tempo });
  }

  /** @param {number} start @param {number} length @returns {Promise<Float32Array>} */
  read(start, length) {
    const answer = this.#last.then(() => this.#read(start, length));
    this.#last = answer.catch(() => {});
    return answer;
  }

  close() {
    this.#worker.end(new DOMException("The stems were closed.", "AbortError"));
  }

  /** @param {number} start @param {number} length @returns {Promise<Float32Array>} */
  async #read(start, length) {
    const { before, after } = await this.#reach;
    const begins = start !== this.#next.frame;
    const offset = begins
      ? Math.max(0, Math.floor(this.#map.offsetAt(start)) - before)
      : this.#next.offset;
    const end = Math.ceil(this.#map.offsetAt(start + length)) + after;
    const count = Math.max(0, Math.min(end, this.#stems.length) - offset);
    this.#next = { frame: start + length, offset: offset + count };
    const samples =
      count > 0 ? await this.#stems.read(this.#source, offset, count) : new Float32Array(0);
    const begin = begins ? { frame: start, offset } : null;
    const transfer = [samples.buffer];
    return this.#worker.call("render", { begin, samples, length }, { transfer });
  }
}
