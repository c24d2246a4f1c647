/**
 * Stems as WAV files.
 *
 * @module
 */

import {
  AudioSample,
  AudioSampleSource,
  BufferTarget,
  Output,
  WavOutputFormat,
} from "../vendor/mediabunny.mjs";

/** @typedef {import("./separator.js").Stem} Stem */

/** Frames handed to the writer at once. */
const CHUNK = 1 << 18;

/** The largest value that 16 bits hold, as a part of full scale. */
const LARGEST_16_BIT = 32767 / 32768;

/**
 * The factor for 16-bit files: 1, or what brings the loudest sample of all stems just below full scale.
 * One for all of them, so that they still add up to the song.
 *
 * @param {Stem[]} stems
 * @returns {number} at most 1
 */
export function sharedGain(stems) {
  let peak = 0;
  for (const { left, right } of stems) {
    for (const plane of [left, right]) {
      for (let i = 0; i < plane.length; i++) {
        const size = Math.abs(/** @type {number} */ (plane[i]));
        if (size > peak) peak = size;
      }
    }
  }
  return peak > LARGEST_16_BIT ? LARGEST_16_BIT / peak : 1;
}

/**
 * @param {Stem} stem
 * @param {number} rate in hertz
 * @param {{codec: "pcm-s16" | "pcm-f32", gain: number}} options with pcm-f32 and a gain of 1 every
 *   sample is written as it is, to the bit
 * @returns {Promise<Blob>}
 */
export async function wavFile({ left, right }, rate, { codec, gain }) {
  const target = new BufferTarget();
  const output = new Output({ format: new WavOutputFormat(), target });
  const source = new AudioSampleSource({ codec });
  output.addAudioTrack(source);
  await output.start();
  for (let start = 0; start < left.length; start += CHUNK) {
    const end = Math.min(start + CHUNK, left.length);
    const data = new Float32Array(2 * (end - start));
    data.set(left.subarray(start, end));
    data.set(right.subarray(start, end), end - start);
    if (gain !== 1) for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) * gain;
    const timestamp = start / rate;
    const format = "f32-planar";
    const sample = new AudioSample({
      data,
      format,
      numberOfChannels: 2,
      sampleRate: rate,
      timestamp,
    });
    await source.add(sample);
    sample.close();
  }
  await output.finalize();
  return new Blob([/** @type {ArrayBuffer} */ (target.buffer)], { type: "audio/wav" });
}
