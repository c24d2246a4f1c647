/**
 * Several stems as one, each at a volume of its own.
 *
 * @module
 */

/** @typedef {import("./protocol.js").ReadableStems} ReadableStems */

/**
 * @param {ReadableStems} stems
 * @param {ReadonlyMap<string, number>} volumes by stem; those that are not heard are not there
 * @returns {ReadableStems} with the only stem "mix"
 */
export function mixOf(stems, volumes) {
  /** @type {ReadableStems["read"]} */
  const read = async (_, start, length) => {
    const mix = new Float32Array(2 * length);
    for (const [source, volume] of volumes) {
      add(mix, await stems.read(source, start, length), volume);
    }
    return mix;
  };
  return { sources: ["mix"], rate: stems.rate, length: stems.length, read };
}

/** @param {Float32Array} sum @param {Float32Array} samples @param {number} volume */
function add(sum, samples, volume) {
  for (let i = 0; i < sum.length; i++) {
    sum[i] = /** @type {number} */ (sum[i]) + volume * /** @type {number} */ (samples[i]);
  }
}
