/**
 * Stems that add up to the song: one of them takes what the others leave of it. The numbers are
 * those of `py_demixer/separation/remainder.py`.
 *
 * @module
 */

import { MIXTURE } from "../song.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */

const OTHER = "other";
const REMAINDER = "remainder";

/**
 * @param {readonly string[]} sources
 * @returns {boolean} whether one of the stems takes what is left over; else it is a stem of its own
 */
export function hasOther(sources) {
  return sources.includes(OTHER);
}

/**
 * One for each song: what is known of its samples is known by object.
 *
 * @type {WeakMap<ReadableStems, ReadableStems>}
 */
const made = new WeakMap();

/** @param {ReadableStems} stems @returns {ReadableStems} which read the others when they are read */
export function addingUp(stems) {
  const before = made.get(stems);
  if (before) return before;
  const taker = hasOther(stems.sources) ? OTHER : REMAINDER;
  const others = stems.sources.filter((source) => source !== taker);
  /** @type {ReadableStems["read"]} */
  const read = async (source, start, length) => {
    if (source !== taker) return stems.read(source, start, length);
    // One after the other, as they are needed: each may be a block of many megabytes.
    const total = new Float32Array(2 * length);
    for (const other of others) add(total, await stems.read(other, start, length));
    const left = await stems.read(MIXTURE, start, length);
    for (let i = 0; i < left.length; i++) left[i] = at(left, i) - at(total, i);
    return left;
  };
  const { rate, length } = stems;
  const sources = stems.sources.includes(taker) ? stems.sources : [...stems.sources, taker];
  const whole = { rate, length, sources, read };
  made.set(stems, whole);
  return whole;
}

/** @param {Float32Array} total @param {Float32Array} samples */
function add(total, samples) {
  for (let i = 0; i < total.length; i++) total[i] = at(total, i) + at(samples, i);
}

/** @param {Float32Array} samples @param {number} index @returns {number} */
function at(samples, index) {
  return /** @type {number} */ (samples[index]);
}
