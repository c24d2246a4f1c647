/**
 * A file in, a song out: 44.1 kHz, stereo, 32-bit float.
 *
 * Containers are read by Mediabunny, which decodes PCM itself and all else with WebCodecs. Where
 * WebCodecs is missing or does not know the codec, the browser's `decodeAudioData` does it, at the
 * file's own rate, so that all songs in all browsers share one resampler. It also does MP3: it takes
 * out the silence that an MP3 encoder puts in front (and notes in the file), which WebCodecs leaves in.
 *
 * The down-mix comes before the resampling: both are linear, and two channels are cheaper than six.
 *
 * @module
 */

import { ALL_FORMATS, AudioSampleSink, BlobSource, Input } from "../vendor/mediabunny.mjs";
import { isOutOfMemory, LONGEST_MINUTES, notFinite, SENTENCES, UserError } from "./errors.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */
/** @typedef {import("mediabunny").AudioSample} AudioSample */
/** @typedef {(channels: number) => Promise<number[][]>} DownmixMatrix gives (2, channels) factors */

/**
 * @typedef {object} Song
 * @property {Float32Array} left
 * @property {Float32Array} right
 */

/** @typedef {Song & {rate: number}} SongAtItsRate */

const RATE = 44100;
/** What a file's stated length may be off by: codecs round to their own frames. */
const MOST_MISSING_SECONDS = 0.5;
/** More than a compressed song of the greatest length has; decodeAudioData needs the file as a whole. */
const MOST_BYTES_AT_ONCE = 1 << 30;
/** Rates in hertz that every browser's audio context takes. */
const CONTEXT_RATES = { lowest: 8000, highest: 96000 };

/**
 * @param {File} file
 * @param {DownmixMatrix} downmixMatrix
 * @param {AbortSignal} signal
 * @returns {Promise<Song>} round(frames x 44100 / rate) frames, aligned with the file's
 * @throws {UserError} a sentence for the person
 */
export async function decode(file, downmixMatrix, signal) {
  if (file.size === 0) throw new UserError(SENTENCES.empty);
  try {
    const song = await decodeAtItsRate(file, downmixMatrix, signal);
    if (lengthAt(RATE, song) === 0) throw new UserError(SENTENCES.nothingDecoded);
    // Before resampling, whose filter would spread one such sample over its whole length.
    checkFinite(song);
    return song.rate === RATE ? song : await resample(song, signal);
  } catch (error) {
    if (error instanceof UserError || signal.aborted) throw error;
    if (isOutOfMemory(error)) throw new UserError(SENTENCES.memory, error);
    const gone = error instanceof DOMException && error.name === "NotReadableError";
    throw new UserError(gone ? SENTENCES.unreadable : SENTENCES.nothingDecoded, error);
  }
}

/**
 * @param {File} file @param {DownmixMatrix} downmixMatrix @param {AbortSignal} signal
 * @returns {Promise<SongAtItsRate>}
 */
async function decodeAtItsRate(file, downmixMatrix, signal) {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    const track = await findTrack(input);
    if (!track) {
      return await decodeByBrowser(file, RATE, SENTENCES.notAudio, downmixMatrix, signal);
    }
    const rate = await track.getSampleRate();
    const seconds = (await track.getDurationFromMetadata()) ?? 0;
    checkLength(seconds, 1);
    // Asked for before decoding: it refuses more channels than can be mixed down, with a sentence.
    await downmixMatrix(await track.getNumberOfChannels());
    if ((await track.getCodec()) === "mp3" || !(await track.canDecode())) {
      return await decodeByBrowser(file, rate, SENTENCES.nothingDecoded, downmixMatrix, signal);
    }
    const song = await decodeTrack(track, seconds, downmixMatrix, signal);
    // A film's length says nothing about that of its sound.
    if ((await input.getVideoTracks()).length === 0) checkComplete(song, seconds);
    return song;
  } finally {
    input.dispose();
  }
}

/**
 * Decoders skip what they do not understand, without a word.
 *
 * @param {SongAtItsRate} song @param {number} seconds how long the file says it is
 */
function checkComplete({ left, rate }, seconds) {
  if (left.length === 0) throw new UserError(SENTENCES.nothingDecoded);
  if (left.length < (seconds - MOST_MISSING_SECONDS) * rate) {
    throw new UserError(SENTENCES.stoppedDecoding);
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
  if (!track) throw new UserError(SENTENCES.noTrack);
  return track;
}

/**
 * @param {Track} track @param {number} seconds how long it says it is
 * @param {DownmixMatrix} downmixMatrix @param {AbortSignal} signal
 * @returns {Promise<SongAtItsRate>}
 */
async function decodeTrack(track, seconds, downmixMatrix, signal) {
  const recorder = new Recorder(seconds);
  const samples = new AudioSampleSink(track).samples();
  try {
    for await (const sample of samples) {
      try {
        signal.throwIfAborted();
        const matrix = await downmixMatrix(sample.numberOfChannels);
        recorder.append(planesOf(sample), matrix, sample.sampleRate);
      } finally {
        sample.close();
      }
    }
  } catch (error) {
    if (error instanceof UserError || signal.aborted || isOutOfMemory(error)) throw error;
    throw new UserError(
      recorder.length === 0 ? SENTENCES.nothingDecoded : SENTENCES.stoppedDecoding,
      error,
    );
  }
  return recorder.finish();
}

/**
 * @param {AudioSample} sample
 * @returns {Float32Array[]} its channels, without the frames before the song's beginning (a codec's
 *   run-up has negative times)
 */
function planesOf(sample) {
  const before = Math.round(-sample.timestamp * sample.sampleRate);
  const frameOffset = Math.min(Math.max(before, 0), sample.numberOfFrames);
  const frameCount = sample.numberOfFrames - frameOffset;
  if (frameCount === 0) return [];
  return Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(frameCount);
    sample.copyTo(plane, { planeIndex, format: "f32-planar", frameOffset, frameCount });
    return plane;
  });
}

/**
 * @param {File} file @param {number} rate of the file, in hertz
 * @param {string} refusal what to say when the browser cannot
 * @param {DownmixMatrix} downmixMatrix @param {AbortSignal} signal
 * @returns {Promise<SongAtItsRate>}
 */
async function decodeByBrowser(file, rate, refusal, downmixMatrix, signal) {
  if (file.size > MOST_BYTES_AT_ONCE) throw new UserError(refusal);
  const possible = rate >= CONTEXT_RATES.lowest && rate <= CONTEXT_RATES.highest;
  const context = new OfflineAudioContext(1, 1, possible ? rate : RATE);
  const bytes = await file.arrayBuffer();
  signal.throwIfAborted();
  let audio;
  try {
    audio = await context.decodeAudioData(bytes);
  } catch (error) {
    throw new UserError(refusal, error);
  }
  signal.throwIfAborted();
  const channels = audio.numberOfChannels;
  const recorder = new Recorder(audio.duration);
  const planes = Array.from({ length: channels }, (_, index) => audio.getChannelData(index));
  recorder.append(planes, await downmixMatrix(channels), audio.sampleRate);
  return recorder.finish();
}

/** Collects a song block by block, mixed down to stereo. */
class Recorder {
  length = 0;
  #rate = 0;
  #left = new Float32Array(0);
  #right = new Float32Array(0);
  #seconds;

  /** @param {number} seconds how long the song says it is; it may turn out longer or shorter */
  constructor(seconds) {
    this.#seconds = seconds;
  }

  /**
   * @param {Float32Array[]} planes channels of the same length, or none at all
   * @param {number[][]} matrix (2, channels)
   * @param {number} rate in hertz
   */
  append(planes, matrix, rate) {
    if (this.#rate === 0) {
      this.#rate = rate;
      this.#reserve(Math.ceil(this.#seconds * rate) + 1);
    }
    // A stream may change its rate midway; hardly any does, and two rates make no song.
    if (rate !== this.#rate) throw new UserError(SENTENCES.stoppedDecoding);
    const end = this.length + (planes[0]?.length ?? 0);
    checkLength(end, rate);
    if (end > this.#left.length) this.#reserve(Math.ceil(end * 1.5));
    mixInto(this.#left.subarray(this.length, end), planes, matrix[0] ?? []);
    mixInto(this.#right.subarray(this.length, end), planes, matrix[1] ?? []);
    this.length = end;
  }

  /** @param {number} frames */
  #reserve(frames) {
    const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
    left.set(this.#left.subarray(0, this.length));
    right.set(this.#right.subarray(0, this.length));
    [this.#left, this.#right] = [left, right];
  }

  /** @returns {SongAtItsRate} */
  finish() {
    return {
      left: this.#left.subarray(0, this.length),
      right: this.#right.subarray(0, this.length),
      rate: this.#rate,
    };
  }
}

/**
 * @param {Float32Array} target
 * @param {Float32Array[]} planes
 * @param {number[]} factors one for each plane
 */
function mixInto(target, planes, factors) {
  const used = planes.flatMap((plane, index) => {
    const factor = factors[index] ?? 0;
    return factor === 0 ? [] : [{ plane, factor }];
  });
  for (let i = 0; i < target.length; i++) {
    let sum = 0;
    for (const { plane, factor } of used) sum += factor * /** @type {number} */ (plane[i]);
    target[i] = sum;
  }
}

/** @param {number} frames @param {number} rate frames a second */
function checkLength(frames, rate) {
  if (frames > LONGEST_MINUTES * 60 * rate) throw new UserError(SENTENCES.tooLong);
}

/** @param {SongAtItsRate} song */
function checkFinite({ left, right, rate }) {
  for (let i = 0; i < left.length; i++) {
    if (!Number.isFinite(left[i]) || !Number.isFinite(right[i])) throw notFinite(i / rate);
  }
}

/** @param {number} rate in hertz @param {SongAtItsRate} song @returns {number} its frames at that rate */
function lengthAt(rate, song) {
  return Math.round((song.left.length * rate) / song.rate);
}

/**
 * @param {SongAtItsRate} song @param {AbortSignal} signal
 * @returns {Promise<Song>}
 */
async function resample(song, signal) {
  const { left, right, rate } = song;
  const worker = new Worker(new URL("resample-worker.js", import.meta.url), { type: "module" });
  /** @type {import("./protocol.js").ResampleJob} */
  const job = {
    left,
    right,
    inputRate: rate,
    outputRate: RATE,
    outputLength: lengthAt(RATE, song),
  };
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      worker.addEventListener("error", (event) => {
        reject(new UserError(SENTENCES.resampler, event.message));
      });
      worker.addEventListener("message", ({ data }) => {
        /** @type {import("./protocol.js").ResampleReply} */
        const reply = data;
        if (reply.ok) resolve({ left: reply.left, right: reply.right });
        else reject(new UserError(SENTENCES.resampler, reply.message));
      });
      worker.postMessage(job, [left.buffer, right.buffer]);
    });
  } finally {
    worker.terminate();
  }
}
