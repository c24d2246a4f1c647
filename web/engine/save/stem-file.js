/**
 * Stem files (.stem.mp4), which programs for DJs open: the song and its four stems in one MP4 file,
 * as five tracks of AAC, with names and colours in a box of their own.
 *
 * The box was published by Native Instruments; what is read of it is in Mixxx'
 * src/track/steminfoimporter.cpp.
 *
 * @module
 */

import {
  AudioSample,
  AudioSampleSource,
  Mp4OutputFormat,
  Output,
  StreamTarget,
} from "../../vendor/mediabunny.mjs";
import { registerAacEncoder } from "../../vendor/aac-encoder/encoder.mjs";
import { boxesIn, bytesOf, viewOf } from "./boxes.js";
import { addSample, metadataOf } from "./encode.js";
import { STEM_BITRATE } from "./formats.js";
import { placedStream } from "./sinks.js";

/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {import("./encode.js").Content} Content */
/** @typedef {import("./sinks.js").Sink} Sink */

/** Frames by which libavcodec's AAC encoder delays the sound. */
const PRIMING = 1024;

/** For drums, bass, other and vocals: those that programs show if a file names none. */
const COLOURS = ["#009E73", "#D55E00", "#CC79A7", "#56B4E9"];

/** Neither is switched on, but Traktor expects them. */
const MASTERING = {
  compressor: {
    enabled: false,
    ratio: 3,
    output_gain: 0.5,
    release: 0.3,
    attack: 0.003,
    input_gain: 0.5,
    threshold: 0,
    hp_cutoff: 300,
    dry_wet: 50,
  },
  limiter: { enabled: false, release: 0.05, threshold: 0, ceiling: -0.35 },
};

/** Bits of a track's flags: players without stems play enabled tracks only. */
const ENABLED = 1;

/**
 * @param {AsyncIterable<Float32Array>[]} tracks of the song and of its stems: blocks of as many
 *   frames in each, `length` in total, interleaved
 * @param {string[]} stems their names
 * @param {Content} content
 * @param {Sink} sink
 * @param {(share: number) => void} report called with the progress, from 0 to 1
 */
export async function encodeStems(tracks, stems, content, sink, report) {
  registerAacEncoder();
  const written = { moov: new Uint8Array(), position: 0 };
  const format = new Mp4OutputFormat({
    fastStart: false, // so that what is changed of the index in the end can grow
    onMoov: (data, position) => Object.assign(written, { moov: data.slice(), position }),
  });
  const output = new Output({ format, target: new StreamTarget(placedStream(sink, () => {})) });
  output.setMetadataTags(await metadataOf(content));
  const sources = tracks.map(() => new AudioSampleSource({ codec: "aac", bitrate: STEM_BITRATE }));
  for (const source of sources) output.addAudioTrack(source);
  await output.start();
  let start = 0;
  for await (const blocks of together(tracks)) {
    const adding = blocks.map((samples, index) => {
      const source = /** @type {AudioSampleSource} */ (sources[index]);
      return addSample(source, sampleOf(samples, start, content));
    });
    await Promise.all(adding);
    start += /** @type {Float32Array} */ (blocks[0]).length / 2;
    report(start / content.length);
  }
  await output.finalize();
  await sink.write(completed(written.moov, stems, content), written.position);
}

/**
 * @template Value
 * @param {AsyncIterable<Value>[]} all equally long
 * @returns {AsyncGenerator<Value[]>} the next of each, one after the other: each read is in memory
 */
async function* together(all) {
  const iterators = all.map((each) => each[Symbol.asyncIterator]());
  for (;;) {
    const values = [];
    for (const iterator of iterators) {
      const { done, value } = await iterator.next();
      if (done) return;
      values.push(value);
    }
    yield values;
  }
}

/** @param {Float32Array} samples @param {number} start @param {Content} content */
function sampleOf(samples, start, { rate, gain }) {
  return new AudioSample({
    format: "f32",
    data: gain === 1 ? samples : samples.map((value) => gain * value),
    numberOfChannels: 2,
    sampleRate: rate,
    timestamp: start / rate,
  });
}

/**
 * The file's index, with the box of the stems. An edit list cuts off the encoder's delay, and
 * lengths are in frames: Mediabunny's are in milliseconds.
 *
 * @param {Uint8Array} moov @param {string[]} stems @param {Content} content
 * @returns {Uint8Array}
 */
function completed(moov, stems, { rate, length }) {
  const [whole] = boxesIn(moov);
  const boxes = boxesIn(/** @type {Box} */ (whole).payload);
  let tracks = 0;
  for (const box of boxes) {
    if (box.type === "mvhd") setUnits(box, rate, length);
    if (box.type === "trak") box.payload = edited(box.payload, length, tracks++ === 0);
  }
  const manifest = { mastering_dsp: MASTERING, stems: stems.map(described), version: 1 };
  const box = { type: "stem", payload: new TextEncoder().encode(JSON.stringify(manifest)) };
  const user = boxes.find(({ type }) => type === "udta");
  if (user) user.payload = bytesOf([...boxesIn(user.payload), box]);
  else boxes.push({ type: "udta", payload: bytesOf([box]) });
  return bytesOf([{ type: "moov", payload: bytesOf(boxes) }]);
}

/** @param {string} stem @param {number} index */
function described(stem, index) {
  return { color: COLOURS[index], name: stem.charAt(0).toUpperCase() + stem.slice(1) };
}

/** @param {Box} header of the file @param {number} rate @param {number} length in frames */
function setUnits({ payload }, rate, length) {
  const view = plain(payload);
  view.setUint32(12, rate);
  view.setUint32(16, length);
}

/** @param {Uint8Array} track @param {number} length in frames @param {boolean} isEnabled */
function edited(track, length, isEnabled) {
  const boxes = boxesIn(track).filter(({ type }) => type !== "edts");
  const header = boxes.findIndex(({ type }) => type === "tkhd");
  const view = plain(/** @type {Box} */ (boxes[header]).payload);
  if (!isEnabled) view.setUint32(0, view.getUint32(0) & ~ENABLED);
  view.setUint32(20, length);
  // One edit: that many frames, from where the sound begins, at normal speed.
  const list = new Uint8Array(20);
  const edits = viewOf(list);
  for (const [place, value] of [1, length, PRIMING, 1 << 16].entries()) {
    edits.setUint32(4 * (place + 1), value);
  }
  const edit = { type: "edts", payload: bytesOf([{ type: "elst", payload: list }]) };
  return bytesOf(boxes.toSpliced(header + 1, 0, edit));
}

/** @param {Uint8Array} payload @returns {DataView} of a box with 32-bit times */
function plain(payload) {
  if (payload[0] !== 0) throw new Error("The file is too long for 32-bit times.");
  return viewOf(payload);
}
