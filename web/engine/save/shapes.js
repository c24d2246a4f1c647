/**
 * Stems made of stems: a part of them, their mix.
 *
 * @module
 */

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./protocol.js").Mix} Mix */
/** @typedef {import("./protocol.js").Channel} Channel */

/** The only stem of a mix. */
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
 * What is heard.
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
        add(sum, await read(source, start, frames), factorsOf(channel, master));
      }
      return sum;
    },
  };
}

/**
 * How much of each side goes to each, as the Web Audio API's StereoPannerNode has it for stereo:
 * the side that is panned away from goes over to the other at equal power.
 *
 * @param {Channel} channel @param {number} master
 * @returns {[number, number, number, number]} left to left, right to left, left to right, right to
 *   right
 */
function factorsOf({ volume, pan }, master) {
  const gain = volume * master;
  const angle = ((pan <= 0 ? pan + 1 : pan) * Math.PI) / 2;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const factors = pan <= 0 ? [1, cosine, 0, sine] : [cosine, 0, sine, 1];
  return /** @type {[number, number, number, number]} */ (factors.map((value) => value * gain));
}

/**
 * @param {Float32Array} sum interleaved, as `samples`
 * @param {Float32Array} samples
 * @param {[number, number, number, number]} factors
 */
function add(sum, samples, [leftLeft, rightLeft, leftRight, rightRight]) {
  for (let i = 0; i < sum.length; i += 2) {
    const left = /** @type {number} */ (samples[i]);
    const right = /** @type {number} */ (samples[i + 1]);
    sum[i] = /** @type {number} */ (sum[i]) + (leftLeft * left + rightLeft * right);
    sum[i + 1] = /** @type {number} */ (sum[i + 1]) + (leftRight * left + rightRight * right);
  }
}
