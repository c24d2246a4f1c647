/**
 * Encodes blocks of samples into a file: Mediabunny writes the containers; libFLAC and LAME encode,
 * each in a worker of its own.
 *
 * @module
 */

import {
  AudioSample,
  AudioSampleSource,
  EncodedAudioPacketSource,
  EncodedPacket,
  FlacOutputFormat,
  Mp3OutputFormat,
  Output,
  StreamTarget,
  WavOutputFormat,
} from "../../vendor/mediabunny.mjs";
import { FORMATS, mostBytes } from "./formats.js";
import { packed, raised, to16Bit, to24Bit } from "./integers.js";
import { placedStream } from "./sinks.js";

/** @typedef {import("./formats.js").Format} Format */
/** @typedef {import("./protocol.js").Tags} Tags */
/** @typedef {import("./sinks.js").Sink} Sink */

/**
 * @typedef {object} Content
 * @property {Format} format
 * @property {number} rate      hertz
 * @property {number} length    frames
 * @property {number} gain      applied to integers; floats are written unchanged
 * @property {Tags} tags
 */

/**
 * Encoder of the samples of one file.
 * @typedef {object} Encoding
 * @property {import("mediabunny").AudioSource} track
 * @property {(samples: Float32Array, start: number) => Promise<void>} add   from frame `start` on
 * @property {() => Promise<{frame: Uint8Array, fromEnd: number}>} [end]   called at the end;
 *   returns bytes to write over those `fromEnd` bytes before the end of the file
 */

/** More than the size of a WAV header. From 4 GiB on, a file's size exceeds 32 bits. */
const HEADER_BYTES = 1 << 16;
const LARGEST_RIFF = 2 ** 32 - HEADER_BYTES;

/** Bytes written at once. */
const WRITE_BYTES = 1 << 20;

/**
 * @param {AsyncIterable<Float32Array>} blocks of `length` frames, interleaved
 * @param {Content} content
 * @param {Sink} sink
 * @param {(share: number) => void} report called with the progress, from 0 to 1
 */
export async function encode(blocks, content, sink, report) {
  let size = 0;
  const stream = placedStream(sink, (end) => (size = Math.max(size, end)));
  const target = new StreamTarget(stream, { chunked: true, chunkSize: WRITE_BYTES });
  const output = new Output({ format: containerOf(content), target });
  output.setMetadataTags(await metadataOf(content));
  const { track, add, end } = await encodingOf(content);
  output.addAudioTrack(track);
  await output.start();
  let frames = 0;
  for await (const samples of blocks) {
    await add(samples, frames);
    frames += samples.length / 2;
    report(frames / content.length);
  }
  const late = await end?.();
  await output.finalize();
  if (late) await sink.write(late.frame, size - late.fromEnd);
}

/** @param {Content} content */
function containerOf({ format, length, rate, tags }) {
  const { container } = FORMATS[format];
  if (container === "flac") return new FlacOutputFormat();
  if (container === "mp3") return new Mp3OutputFormat({ xingHeader: false });
  return new WavOutputFormat({
    // Use RF64 if the file could be too large for plain WAV.
    large: mostBytes(format, length, rate) > LARGEST_RIFF,
    // INFO does not state its character encoding, and readers agree only on ASCII.
    metadataFormat: /^[\x20-\x7e]*$/.test(Object.values(tags).join("")) ? "info" : "id3",
  });
}

/** @param {Content} content @returns {Promise<import("mediabunny").MetadataTags>} */
export async function metadataOf({ format, tags: { cover, ...texts } }) {
  if (!cover || !FORMATS[format].hasCover) return texts;
  const data = new Uint8Array(await cover.arrayBuffer());
  return { ...texts, images: [{ data, mimeType: cover.type, kind: "coverFront" }] };
}

/**
 * Load the encoder of a format and create an encoding.
 *
 * @param {Content} content
 * @returns {Promise<Encoding>}
 */
async function encodingOf(content) {
  const { container } = FORMATS[content.format];
  if (container === "wav") return pcm(content);
  if (container === "flac") return flac(content);
  return mp3(content);
}

/** @param {Content} content @returns {Encoding} */
function pcm({ format, rate, gain }) {
  const { codec, bits } = FORMATS[format];
  const track = new EncodedAudioPacketSource(/** @type {"pcm-s16"} */ (codec));
  const decoderConfig = { codec, numberOfChannels: 2, sampleRate: rate };
  return {
    track,
    add: (samples, start) => {
      const duration = samples.length / 2 / rate;
      const packet = new EncodedPacket(bytesOf(samples, gain, bits), "key", start / rate, duration);
      return track.add(packet, { decoderConfig });
    },
  };
}

/**
 * @param {Float32Array} samples @param {number} gain @param {16 | 24 | null} bits
 * @returns {Uint8Array} in the layout of a WAV file
 */
function bytesOf(samples, gain, bits) {
  if (bits === 24) return packed(to24Bit(samples, gain));
  const { buffer, byteOffset, byteLength } = bits === 16 ? to16Bit(samples, gain) : samples;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** @param {Content} content @returns {Promise<Encoding>} */
async function flac(content) {
  const { registerFlacEncoder } = await import("../../vendor/flac-encoder/encoder.mjs");
  registerFlacEncoder();
  const track = new AudioSampleSource({ codec: "flac" });
  return { track, add: (samples, start) => addSample(track, sampleOf(samples, start, content)) };
}

/** @param {Content} content @returns {Promise<Encoding>} */
async function mp3(content) {
  const { Mp3Track } = await import("./mp3.js");
  const made = new Mp3Track();
  await made.start();
  return {
    track: made.track,
    add: (samples, start) => addSample(made, sampleOf(samples, start, content)),
    end: () => made.end(content.length),
  };
}

/** @param {{add(sample: AudioSample): Promise<void>}} track @param {AudioSample} sample */
export async function addSample(track, sample) {
  try {
    await track.add(sample);
  } finally {
    sample.close();
  }
}

/**
 * @param {Float32Array} samples @param {number} start @param {Content} content
 * @returns {AudioSample} a sample of integers
 */
function sampleOf(samples, start, { format, rate, gain }) {
  const is24Bit = FORMATS[format].bits === 24;
  return new AudioSample({
    // The encoder relies on this: 32-bit integers make a 24-bit FLAC file.
    format: is24Bit ? "s32" : "s16",
    data: is24Bit ? raised(to24Bit(samples, gain)) : to16Bit(samples, gain),
    numberOfChannels: 2,
    sampleRate: rate,
    timestamp: start / rate,
  });
}
