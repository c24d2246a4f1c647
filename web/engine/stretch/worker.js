/**
 * The worker of `stretched` (stretch.js): renders one stem at another tempo, piece by piece.
 *
 * @module
 */

import { serve } from "../rpc.js";
import { Pieces } from "./pieces.js";
import { Signalsmith } from "./signalsmith.js";
import { leadOf, StretchedStream } from "./stream.js";
import { TempoMap } from "./tempo.js";

/** @typedef {import("./tempo.js").Tempo} Tempo */

/** Rate and tempo of a song. @typedef {{rate: number, tempo: Tempo}} Opening */

/**
 * Frames of the source needed before and after a position.
 * @typedef {{before: number, after: number}} Reach
 */

/**
 * Request for `length` frames; `samples` are the next ones of the source. With `begin`, rendering
 * starts anew at that frame, and the source at that offset.
 * @typedef {{begin: {frame: number, offset: number} | null, samples: Float32Array, length: number}}
 *   Rendering
 */

/** Frames rendered at once. */
const BLOCK = 1024;

class Renderer {
  #pieces;
  #stream;

  /**
   * @param {Signalsmith} stretch
   * @param {TempoMap} map
   * @param {{frame: number, offset: number}} begin @param {Float32Array} samples
   */
  constructor(stretch, map, { frame, offset }, samples) {
    this.#pieces = new Pieces(offset);
    this.append(samples);
    this.#stream = new StretchedStream(stretch, (...place) => this.#pieces.read(0, ...place));
    this.#stream.begin(map, frame);
  }

  /** @param {Float32Array} samples interleaved, the next ones of the source */
  append(samples) {
    this.#pieces.append({ parts: [samples], length: samples.length / 2 });
  }

  /** @param {number} length frames @returns {Float32Array} interleaved */
  render(length) {
    const out = new Float32Array(2 * length);
    for (let at = 0; at < length; at += BLOCK) this.#block(out.subarray(2 * at, 2 * (at + BLOCK)));
    this.#pieces.forget(this.#stream.fed);
    return out;
  }

  /** @param {Float32Array} out interleaved */
  #block(out) {
    const [left, right] = [new Float32Array(out.length / 2), new Float32Array(out.length / 2)];
    this.#stream.render(left, right);
    for (const [i, sample] of left.entries()) {
      out[2 * i] = sample;
      out[2 * i + 1] = /** @type {number} */ (right[i]);
    }
  }
}

/** Shared by all renderers. @type {{rate: number, map: TempoMap} | null} */
let song = null;
/** @type {Renderer | null} */
let renderer = null;

/** @param {Opening} opening @returns {Promise<Reach>} */
async function open({ rate, tempo }) {
  song = { rate, map: new TempoMap(tempo, 0) };
  const stretch = await Signalsmith.open(rate);
  const { stretched, offset } = leadOf(stretch);
  const after = Math.ceil(stretched * song.map.sourceOf(0).speed) + offset;
  return { before: stretch.history + after, after };
}

/** @param {Rendering} rendering @returns {Promise<Float32Array>} interleaved */
async function render({ begin, samples, length }) {
  if (begin) renderer = await newRenderer(begin, samples);
  else renderer?.append(samples);
  return /** @type {Renderer} */ (renderer).render(length);
}

/** @param {{frame: number, offset: number}} begin @param {Float32Array} samples */
async function newRenderer(begin, samples) {
  const { rate, map } = /** @type {{rate: number, map: TempoMap}} */ (song);
  return new Renderer(await Signalsmith.open(rate), map, begin, samples);
}

serve((method, argument) => (method === "open" ? open(argument) : render(argument)));
