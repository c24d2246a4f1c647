/**
 * Stems with one more: a click on each beat.
 *
 * @module
 */

import { click } from "../metronome.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */

/** The name of that stem. */
export const CLICK = "click";

/**
 * @param {ReadableStems} stems @param {import("../beats.js").Beats} beats
 * @returns {ReadableStems}
 */
export function withClick(stems, beats) {
  const sound = click(stems.rate);
  /** @type {ReadableStems["read"]} */
  const read = async (source, start, length) => {
    if (source !== CLICK) return stems.read(source, start, length);
    const samples = new Float32Array(2 * length);
    for (const beat of beats.within(start - sound.length, start + length)) {
      for (const [index, value] of sound.entries()) {
        const frame = beat + index - start;
        if (frame >= 0 && frame < length) samples.fill(value, 2 * frame, 2 * frame + 2);
      }
    }
    return samples;
  };
  return { rate: stems.rate, length: stems.length, sources: [...stems.sources, CLICK], read };
}
