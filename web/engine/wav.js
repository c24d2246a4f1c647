/**
 * Stems as WAV files, read from the store piece by piece.
 *
 * @module
 */

import {
  EncodedAudioPacketSource,
  EncodedPacket,
  Output,
  WavOutputFormat,
} from "../vendor/mediabunny.mjs";

/** @typedef {import("./protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("mediabunny").Target} Target */
/** @typedef {"pcm-s16" | "pcm-f32"} Codec */

/**
 * @typedef {object} Watch
 * @property {(share: number) => void} report   how far it is, from 0 to 1
 * @property {AbortSignal} signal
 */

const BYTES = { "pcm-s16": 2, "pcm-f32": 4 };

/** Frames read at once. */
const CHUNK = 1 << 18;

/** The largest value that 16 bits hold, as a part of full scale. */
const LARGEST_16_BIT = 32767 / 32768;

/** More than a WAV file's header has. From 4 GiB on a file's size is not a number of 32 bits. */
const HEADER_BYTES = 256;
const LARGEST_RIFF = 2 ** 32 - HEADER_BYTES;

/**
 * The factor for 16-bit files: 1, or what brings the loudest sample of all stems just below full
 * scale. One for all of them, so that they still add up to the song.
 *
 * @param {ReadableStems} stems
 * @param {Watch} watch
 * @returns {Promise<number>} at most 1
 */
export async function sharedGain(stems, { report, signal }) {
  let peak = 0;
  for (const [index, source] of stems.sources.entries()) {
    for (let start = 0; start < stems.length; start += CHUNK) {
      signal.throwIfAborted();
      report((index + start / stems.length) / stems.sources.length);
      peak = Math.max(peak, peakOf(await readChunk(stems, source, start)));
    }
  }
  return peak > LARGEST_16_BIT ? LARGEST_16_BIT / peak : 1;
}

/**
 * Write a stem to `target`, as RF64 where a plain WAV file could not be so large.
 *
 * @param {ReadableStems} stems
 * @param {string} source
 * @param {{codec: Codec, gain: number}} format with pcm-f32 every sample is written as it is, to
 *   the bit
 * @param {Target} target
 * @param {Watch} watch
 */
export async function writeWav(stems, source, { codec, gain }, target, { report, signal }) {
  const { length, rate } = stems;
  const large = length * 2 * BYTES[codec] > LARGEST_RIFF;
  const output = new Output({ format: new WavOutputFormat({ large }), target });
  const track = new EncodedAudioPacketSource(codec);
  output.addAudioTrack(track);
  await output.start();
  try {
    for (let start = 0; start < length; start += CHUNK) {
      signal.throwIfAborted();
      report(start / length);
      const samples = await readChunk(stems, source, start);
      const { buffer } = codec === "pcm-s16" ? to16Bit(samples, gain) : samples;
      const duration = samples.length / 2 / rate;
      const packet = new EncodedPacket(new Uint8Array(buffer), "key", start / rate, duration);
      await track.add(packet, {
        decoderConfig: { codec, numberOfChannels: 2, sampleRate: rate },
      });
    }
    await output.finalize();
  } catch (error) {
    // Where it is the target that failed, this fails as well.
    await output.cancel().catch(() => {});
    throw error;
  }
}

/**
 * @param {ReadableStems} stems @param {string} source @param {number} start
 * @returns {Promise<Float32Array>} that has its buffer for itself
 */
function readChunk(stems, source, start) {
  return stems.read(source, start, Math.min(CHUNK, stems.length - start));
}

/** @param {Float32Array} samples @returns {number} */
function peakOf(samples) {
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const size = Math.abs(/** @type {number} */ (samples[i]));
    if (size > peak) peak = size;
  }
  return peak;
}

/** @param {Float32Array} samples @param {number} gain @returns {Int16Array} */
function to16Bit(samples, gain) {
  const integers = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.round(/** @type {number} */ (samples[i]) * gain * 32768);
    integers[i] = Math.max(-32768, Math.min(value, 32767));
  }
  return integers;
}
