/**
 * Stems derived from stems: a region of them, or their mix.
 *
 * @module
 */

import { gainsOf } from "../pan.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./protocol.js").Mix} Mix */

/** Name of the only stem of a mix. */
export const MIX = "mix";

/**
 * @param {ReadableStems} stems
 * @param {[number, number]} region [start, stop), in frames
 * @returns {ReadableStems}
 */
export function regionOf({ sources, rate, read }, [start, stop]) {
  return {
    sources,
    rate,
    length: stop - start,
    read: (source, at, length) => read(source, start + at, length),
  };
}

/**
 * The mix, added up as in the player: one stem after the other, in 32-bit floats.
 *
 * @param {ReadableStems} stems
 * @param {Mix} mix
 * @returns {ReadableStems} with the only stem "mix"
 */
export function mixOf({ rate, length, read }, { channels, master }) {
  return {
    sources: [MIX],
    rate,
    length,
    read: async (_, start, frames) => {
      const sum = new Float32Array(2 * frames);
      for (const [source, channel] of channels) {
        add(sum, await read(source, start, frames), gainsOf(channel));
      }
      return master === 1 ? sum : sum.map((sample) => master * sample);
    },
  };
}

/**
 * @param {Float32Array} sum interleaved, like `samples`
 * @param {Float32Array} samples
 * @param {import("../pan.js").Gains} gains
 */
function add(sum, samples, { leftFromLeft, leftFromRight, rightFromLeft, rightFromRight }) {
  for (let i = 0; i < sum.length; i += 2) {
    const left = /** @type {number} */ (samples[i]);
    const right = /** @type {number} */ (samples[i + 1]);
    sum[i] = /** @type {number} */ (sum[i]) + (leftFromLeft * left + leftFromRight * right);
    sum[i + 1] =
      /** @type {number} */ (sum[i + 1]) + (rightFromLeft * left + rightFromRight * right);
  }
}
