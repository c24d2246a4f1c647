/**
 * A file in, a song out, piece by piece: 44.1 kHz, stereo, 32-bit float.
 *
 * Containers are read by Mediabunny, which decodes PCM itself and all else with WebCodecs. Where
 * WebCodecs is missing or does not know the codec, the browser's `decodeAudioData` does it, at the
 * file's own rate, so that all songs in all browsers share one resampler. It also does MP3, as long
 * as the whole song fits in memory: it takes out the silence that an MP3 encoder puts around it, as
 * every browser does it. WebCodecs leaves it in; for long songs gapless.js says what to leave out.
 *
 * The down-mix comes before the resampling: both are linear, and two channels are cheaper than six.
 *
 * @module
 */

import { ALL_FORMATS, AudioSampleSink, BlobSource, Input } from "../vendor/mediabunny.mjs";
import { isOutOfMemory, UserError } from "./errors.js";
import { songWithin } from "./gapless.js";
import { Resampler } from "./resampler.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */
/** @typedef {import("mediabunny").AudioSample} AudioSample */
/** @typedef {import("./gapless.js").Part} Part */

/**
 * Who wants the song.
 * @typedef {object} Taker
 * @property {(channels: number) => Promise<number[][]>} downmix    gives (2, channels) factors
 * @property {number} longestMinutes
 * @property {number} wholeMinutes  the longest that may be decoded at once, in memory
 * @property {(frames: number) => Promise<void>} expect     told the song's length, if the file
 *   states it and as it states it; may refuse
 * @property {(block: Float32Array) => Promise<void>} take  is given the song, block after block:
 *   any number of frames, interleaved
 */

const RATE = 44100;
/** Frames that are mixed down, resampled and given out at once. */
const BLOCK = 1 << 16;
/** What a file's stated length may be off by: codecs round to their own frames. */
const MOST_MISSING_SECONDS = 0.5;
/**
 * More than a compressed song of the greatest length has; decodeAudioData needs the file as a
 * whole.
 */
const MOST_BYTES_AT_ONCE = 1 << 30;
/** A codec's run-up has negative times. */
const WHOLE = { start: 0, stop: Infinity };
/** Rates in hertz that every browser's audio context takes. */
const CONTEXT_RATES = { lowest: 8000, highest: 96000 };

/**
 * @param {File} file
 * @param {Taker} taker is given round(frames x 44100 / rate) frames, aligned with the file's
 * @param {AbortSignal} signal
 * @throws {UserError} a sentence for the person
 */
export async function decode(file, taker, signal) {
  if (file.size === 0) throw new UserError("empty");
  const intake = new Intake(taker, signal);
  try {
    await decodeInto(intake, file, taker, signal);
    await intake.end();
  } catch (error) {
    if (error instanceof UserError || signal.aborted) throw error;
    if (isOutOfMemory(error)) throw new UserError("memory", {}, error);
    const gone = error instanceof DOMException && error.name === "NotReadableError";
    throw new UserError(gone ? "unreadable" : "nothingDecoded", {}, error);
  } finally {
    intake.close();
  }
}

/** @param {Intake} intake @param {File} file @param {Taker} taker @param {AbortSignal} signal */
async function decodeInto(intake, file, taker, signal) {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    const track = await findTrack(input);
    if (!track) return await decodeByBrowser(intake, file, RATE, "notAudio", signal);
    const rate = await track.getSampleRate();
    const seconds = (await track.getDurationFromMetadata()) ?? 0;
    checkLength(seconds, taker.longestMinutes);
    // Asked for before decoding: it refuses more channels than can be mixed down, with a sentence.
    await taker.downmix(await track.getNumberOfChannels());
    await taker.expect(Math.round(seconds * RATE));
    const isMp3 = (await track.getCodec()) === "mp3";
    const fits = seconds <= taker.wholeMinutes * 60;
    const canDecode = await track.canDecode();
    const atOnce = () => {
      checkLength(seconds, taker.wholeMinutes);
      return decodeByBrowser(intake, file, rate, "nothingDecoded", signal);
    };
    if ((isMp3 && fits) || !canDecode) return await atOnce();
    const part = isMp3 ? await songWithin(file, Math.round(seconds * rate)) : WHOLE;
    try {
      await decodeTrack(intake, track, part, signal);
    } catch (error) {
      // WebKit's WebCodecs promises FLAC, but gives an error in its place.
      if (intake.frames > 0 || !fits || !isDecoderError(error)) throw error;
      await atOnce();
    }
    // A film's length says nothing about that of its sound.
    if ((await input.getVideoTracks()).length === 0) checkComplete(intake, seconds);
  } finally {
    input.dispose();
  }
}

/** @param {unknown} error of `decodeTrack` @returns {boolean} whether WebCodecs is what failed */
function isDecoderError(error) {
  return (
    error instanceof UserError &&
    error.cause instanceof DOMException &&
    error.cause.name === "EncodingError"
  );
}

/**
 * Decoders skip what they do not understand, without a word.
 *
 * @param {Intake} intake @param {number} seconds how long the file says it is
 */
function checkComplete(intake, seconds) {
  if (intake.frames === 0) throw new UserError("nothingDecoded");
  if (intake.seconds < seconds - MOST_MISSING_SECONDS) {
    throw new UserError("stoppedDecoding");
  }
}

/**
 * @param {Input} input
 * @returns {Promise<Track | null>} null for a container that only the browser may know
 * @throws {UserError} when it is known and has no audio
 */
async function findTrack(input) {
  let track;
  try {
    if (!(await input.canRead())) return null;
    track = await input.getPrimaryAudioTrack();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    // Its parser gave up: an unusual variant, or not such a file at all.
    console.warn(error);
    return null;
  }
  if (!track) throw new UserError("noTrack");
  return track;
}

/**
 * @param {Intake} intake @param {Track} track @param {Part} part of the stream that is the song
 * @param {AbortSignal} signal
 */
async function decodeTrack(intake, track, part, signal) {
  const samples = new AudioSampleSink(track).samples();
  try {
    for await (const sample of samples) {
      try {
        signal.throwIfAborted();
        await intake.add(planesOf(sample, part), sample.sampleRate);
      } finally {
        sample.close();
      }
    }
  } catch (error) {
    if (error instanceof UserError || signal.aborted || isOutOfMemory(error)) throw error;
    throw new UserError(
      intake.frames === 0 ? "nothingDecoded" : "stoppedDecoding",
      {},
      error,
    );
  }
}

/**
 * @param {AudioSample} sample @param {Part} part of the stream
 * @returns {Float32Array[]} the channels of what lies in that part
 */
function planesOf(sample, part) {
  const place = Math.round(sample.timestamp * sample.sampleRate);
  const within = (/** @type {number} */ frame) =>
    Math.min(Math.max(frame - place, 0), sample.numberOfFrames);
  const frameOffset = within(part.start);
  const frameCount = within(part.stop) - frameOffset;
  if (frameCount === 0) return [];
  return Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(frameCount);
    sample.copyTo(plane, { planeIndex, format: "f32-planar", frameOffset, frameCount });
    return plane;
  });
}

/**
 * @param {Intake} intake @param {File} file
 * @param {number} rate of the file, in hertz
 * @param {import("./errors.js").Code} refusal what to say when the browser cannot
 * @param {AbortSignal} signal
 */
async function decodeByBrowser(intake, file, rate, refusal, signal) {
  if (file.size > MOST_BYTES_AT_ONCE) throw new UserError(refusal);
  const possible = rate >= CONTEXT_RATES.lowest && rate <= CONTEXT_RATES.highest;
  const context = new OfflineAudioContext(1, 1, possible ? rate : RATE);
  const bytes = await file.arrayBuffer();
  signal.throwIfAborted();
  let audio;
  try {
    audio = await context.decodeAudioData(bytes);
  } catch (error) {
    throw new UserError(refusal, {}, error);
  }
  const planes = Array.from({ length: audio.numberOfChannels }, (_, index) =>
    audio.getChannelData(index),
  );
  for (let start = 0; start < audio.length; start += BLOCK) {
    signal.throwIfAborted();
    const block = planes.map((plane) => plane.subarray(start, start + BLOCK));
    await intake.add(block, audio.sampleRate);
  }
}

/** Takes in what is decoded, at the file's rate and with its channels, and gives out the song. */
class Intake {
  /** That came in. */
  frames = 0;
  #rate = 0;
  #block = new Float32Array(2 * BLOCK);
  /** Frames in the block. */
  #filled = 0;
  /** @type {Resampler | null} */
  #resampler = null;
  #taker;
  #signal;

  /** @param {Taker} taker @param {AbortSignal} signal */
  constructor(taker, signal) {
    this.#taker = taker;
    this.#signal = signal;
  }

  /** How much came in. */
  get seconds() {
    return this.frames / Math.max(1, this.#rate);
  }

  /**
   * @param {Float32Array[]} planes channels of the same length, or none at all
   * @param {number} rate in hertz
   */
  async add(planes, rate) {
    if (this.#rate === 0) await this.#begin(rate);
    // A stream may change its rate midway; hardly any does, and two rates make no song.
    if (rate !== this.#rate) throw new UserError("stoppedDecoding");
    const length = planes[0]?.length ?? 0;
    if (length === 0) return;
    const matrix = await this.#taker.downmix(planes.length);
    for (let at = 0; at < length; ) {
      const frames = Math.min(length - at, BLOCK - this.#filled);
      const part = planes.map((plane) => plane.subarray(at, at + frames));
      mixInto(this.#block.subarray(2 * this.#filled, 2 * (this.#filled + frames)), part, matrix);
      this.#filled += frames;
      this.frames += frames;
      at += frames;
      if (this.#filled === BLOCK) await this.#flush();
    }
  }

  /** @param {number} rate in hertz */
  async #begin(rate) {
    this.#rate = rate;
    if (rate === RATE) return;
    this.#resampler = new Resampler(this.#signal);
    await this.#resampler.start(rate, RATE);
  }

  async #flush() {
    const block = this.#block.slice(0, 2 * this.#filled);
    // Before resampling, whose filter would spread one such sample over its whole length.
    checkFinite(block, this.frames - this.#filled, this.#rate);
    this.#filled = 0;
    checkLength(this.seconds, this.#taker.longestMinutes);
    await this.#taker.take(this.#resampler ? await this.#resampler.convert(block) : block);
  }

  /** @throws {UserError} when there is not one frame */
  async end() {
    if (Math.round(this.seconds * RATE) === 0) throw new UserError("nothingDecoded");
    await this.#flush();
    if (this.#resampler) await this.#taker.take(await this.#resampler.end());
  }

  close() {
    this.#resampler?.close();
  }
}

/**
 * @param {Float32Array} target interleaved
 * @param {Float32Array[]} planes
 * @param {number[][]} matrix (2, planes)
 */
function mixInto(target, planes, matrix) {
  for (const [side, factors] of matrix.entries()) {
    const used = planes.flatMap((plane, index) => {
      const factor = factors[index] ?? 0;
      return factor === 0 ? [] : [{ plane, factor }];
    });
    for (let i = 0; 2 * i < target.length; i++) {
      let sum = 0;
      for (const { plane, factor } of used) sum += factor * /** @type {number} */ (plane[i]);
      target[2 * i + side] = sum;
    }
  }
}

/** @param {number} seconds @param {number} longestMinutes */
function checkLength(seconds, longestMinutes) {
  if (seconds > longestMinutes * 60) throw new UserError("tooLong", { minutes: longestMinutes });
}

/**
 * @param {Float32Array} block interleaved
 * @param {number} start its first frame
 * @param {number} rate
 */
function checkFinite(block, start, rate) {
  const bad = block.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new UserError("notFinite", { seconds: (start + Math.floor(bad / 2)) / rate });
}
