/**
 * Decodes a file block by block into a song: 44.1 kHz, stereo, 32-bit float.
 *
 * Mediabunny reads the containers. It decodes PCM itself and everything else with WebCodecs. Where
 * WebCodecs is missing or does not support the codec, the browser's `decodeAudioData` decodes the
 * file at its own rate, so that all songs in all browsers go through one resampler. It also decodes
 * MP3 if the whole song fits in memory: in every browser it removes the silence that an MP3 encoder
 * adds at both ends. WebCodecs keeps that silence; for long songs gapless.js finds the part to use.
 * AIFF and Apple Lossless, which only Safari supports, are read by the modules in decode/.
 *
 * @module
 */

import { ALL_FORMATS, AudioSampleSink, BlobSource, Input } from "../vendor/mediabunny.mjs";
import { openAiff } from "./decode/aiff.js";
import { songWithin, statesLength } from "./decode/gapless.js";
import { BLOCK, checkLength, Intake, RATE } from "./decode/intake.js";
import { linksOf } from "./decode/links.js";
import { openLossless } from "./decode/lossless.js";
import { NO_TAGS, tagsOf } from "./decode/tags.js";
import { openWav } from "./decode/wav.js";
import { isOutOfMemory, UserError } from "./errors.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */
/** @typedef {import("mediabunny").AudioSample} AudioSample */
/** @typedef {import("./decode/gapless.js").Part} Part */
/** @typedef {import("./decode/tags.js").Tags} Tags */
/** Blocks of the song, as one array per channel. @typedef {AsyncIterable<Float32Array[]>} Blocks */

/**
 * The consumer of a song.
 * @typedef {object} Sink
 * @property {(channels: number) => Promise<number[][]>} downmix    returns (2, channels) factors
 * @property {number} longestMinutes
 * @property {number} wholeMinutes  longest song that may be decoded in one go, in memory
 * @property {boolean} acceptsPart    whether the part before the damage is good enough
 * @property {(frames: number) => Promise<void>} expect     called with the song's length, if the
 *   file states one and as the file states it; may refuse
 * @property {(block: Float32Array) => Promise<void>} take  called with block after block of the
 *   song: any number of frames, interleaved
 */

/**
 * Facts about a file apart from its samples.
 * @typedef {{rate: number, channels: number, isPartial: boolean} & Tags} SourceFacts   `rate` in
 *   hertz; `isPartial`: the file is damaged, and only the part before the damage was used
 */

/** Tolerance for a file's stated length: codecs round it to their own frames. */
const MOST_MISSING_SECONDS = 0.5;
/**
 * More than the size of any compressed song of the greatest length; decodeAudioData needs the whole
 * file at once.
 */
const MOST_BYTES_AT_ONCE = 1 << 30;
/** Everything from time 0 on; the priming samples of a codec have negative times. */
const WHOLE = { start: 0, stop: Infinity };
/** Sample rates in hertz that every browser's audio context supports. */
const CONTEXT_RATES = { lowest: 8000, highest: 96000 };

/**
 * @param {File} file
 * @param {Sink} sink receives round(frames x 44100 / rate) frames, aligned with those of the file
 * @param {AbortSignal} signal
 * @returns {Promise<SourceFacts>}
 * @throws {UserError} "stoppedDecoding" for a damaged file unless its first part is good enough;
 *   `values.seconds` is the length of that part
 */
export async function decode(file, sink, signal) {
  if (file.size === 0) throw new UserError("empty");
  const intake = new Intake(sink, signal);
  try {
    const facts = await new Decoding(file, sink, signal, intake).run();
    await intake.end();
    return facts;
  } catch (error) {
    throw signal.aborted ? error : forPerson(error);
  } finally {
    intake.close();
  }
}

/**
 * @param {File} file
 * @throws {UserError} if no decoder finds sound in it
 */
export async function checkSound(file) {
  if (file.size === 0) throw new UserError("empty");
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    if ((await openAiff(file)) || (await openWav(file)) || (await findTrack(input))) return;
    await decodeAtOnce(file, RATE, "notAudio");
  } catch (error) {
    throw forPerson(error);
  } finally {
    input.dispose();
  }
}

/** @param {unknown} error @returns {UserError} the error as a message for the user */
function forPerson(error) {
  if (error instanceof UserError) return error;
  if (isOutOfMemory(error)) return new UserError("memory", {}, error);
  const gone = error instanceof DOMException && error.name === "NotReadableError";
  return new UserError(gone ? "unreadable" : "nothingDecoded", {}, error);
}

/** Finds the decoder that can read the file, and runs it. */
class Decoding {
  #file;
  #sink;
  #signal;
  #intake;
  /** Length of the sound as the header states it, divided by the length of the data present. */
  #stated = 1;
  /** Frames decoded from the previous links. */
  #before = 0;

  /** @param {Blob} file @param {Sink} sink @param {AbortSignal} signal @param {Intake} intake */
  constructor(file, sink, signal, intake) {
    this.#file = file;
    this.#sink = sink;
    this.#signal = signal;
    this.#intake = intake;
  }

  /** @returns {Promise<SourceFacts>} */
  async run() {
    const aiff = await openAiff(this.#file);
    if (aiff) {
      const { rate, channels, frames } = aiff;
      const isPartial = await this.#takeStream(aiff, frames / rate);
      return { rate, channels, isPartial, ...(await tagsOf(aiff)) };
    }
    const wav = await openWav(this.#file);
    if (wav) ({ file: this.#file, stated: this.#stated } = wav);
    const links = await linksOf(this.#file);
    /** @type {SourceFacts | null} */
    let facts = null;
    for (const link of links) {
      this.#file = link;
      this.#before = this.#intake.frames;
      const more = await this.#takeFile();
      facts ??= more;
      facts.isPartial = more.isPartial;
      if (more.isPartial) break;
    }
    return /** @type {SourceFacts} */ (facts);
  }

  /** @returns {Promise<SourceFacts>} facts about the file, or about one link of it */
  async #takeFile() {
    const input = new Input({ source: new BlobSource(this.#file), formats: ALL_FORMATS });
    try {
      const track = await findTrack(input);
      if (!track) return await this.#byBrowserOnly();
      return { ...(await this.#takeTrack(input, track)), ...(await tagsOf(input)) };
    } finally {
      input.dispose();
    }
  }

  /** Decode a container that only the browser may support. */
  async #byBrowserOnly() {
    const isPartial = await this.#take(this.#byBrowser(RATE, "notAudio"), 0);
    const { rate, channels } = this.#intake;
    return { rate, channels, isPartial, ...NO_TAGS };
  }

  /** @param {Input} input @param {Track} track */
  async #takeTrack(input, track) {
    const seconds = (await this.#length(track)) ?? 0;
    const lossless = await openLossless(this.#file, track);
    if (lossless) {
      const { rate, channels } = lossless;
      return { rate, channels, isPartial: await this.#takeStream(lossless, seconds) };
    }
    const rate = await track.getSampleRate();
    const channels = await track.getNumberOfChannels();
    await this.#announce(rate, channels, seconds);
    // The length of a film says nothing about the length of its sound.
    const hasFilm = (await input.getVideoTracks()).length > 0;
    const stated = hasFilm ? 0 : seconds * this.#stated;
    return { rate, channels, isPartial: await this.#takeByCodec(track, rate, seconds, stated) };
  }

  /** @param {Track} track @returns {Promise<number | null>} seconds; null if it is not stated */
  async #length(track) {
    const isGuess = (await track.getCodec()) === "mp3" && !(await statesLength(this.#file));
    // The bit rate of the first frame may be that of a silence, so count all frames.
    return isGuess ? track.computeDuration() : track.getDurationFromMetadata();
  }

  /**
   * @param {Track} track @param {number} rate
   * @param {number} seconds of the file @param {number} stated length of the sound; 0 if not stated
   * @returns {Promise<boolean>} whether only a part was taken
   */
  async #takeByCodec(track, rate, seconds, stated) {
    const isMp3 = (await track.getCodec()) === "mp3";
    const fits = seconds <= this.#sink.wholeMinutes * 60;
    const atOnce = () => {
      checkLength(seconds, this.#sink.wholeMinutes);
      return this.#take(this.#byBrowser(rate, "nothingDecoded"), stated);
    };
    if ((isMp3 && fits) || !(await track.canDecode())) return atOnce();
    const part = isMp3 ? await songWithin(this.#file, Math.round(seconds * rate)) : WHOLE;
    try {
      return await this.#take(byWebCodecs(track, part, stated > 0), stated);
    } catch (error) {
      // WebKit's WebCodecs claims to support FLAC, but fails to decode it.
      if (this.#intake.frames > this.#before || !fits || !isDecoderError(error)) throw error;
      return atOnce();
    }
  }

  /**
   * @param {{rate: number, channels: number, blocks: () => Blocks}} stream
   * @param {number} seconds stated length
   * @returns {Promise<boolean>} whether only a part was taken
   */
  async #takeStream({ rate, channels, blocks }, seconds) {
    await this.#announce(rate, channels, seconds);
    return this.#take(withRate(blocks(), rate), seconds);
  }

  /** @param {number} rate @param {number} channels @param {number} seconds */
  async #announce(rate, channels, seconds) {
    if (!(rate > 0)) throw new UserError("nothingDecoded");
    checkLength(seconds, this.#sink.longestMinutes);
    // Ask before decoding: for too many channels it fails with a message for the user.
    await this.#sink.downmix(channels);
    await this.#sink.expect(Math.round((this.#intake.seconds + seconds) * RATE));
  }

  /**
   * @param {AsyncIterable<RatedBlock>} blocks
   * @param {number} seconds expected length; 0 if unknown
   * @returns {Promise<boolean>} whether only a part was taken
   * @throws {UserError}
   */
  async #take(blocks, seconds) {
    try {
      for await (const { planes, rate } of blocks) {
        this.#signal.throwIfAborted();
        await this.#intake.add(planes, rate);
      }
      // Decoders silently skip what they do not understand.
      const taken = (this.#intake.frames - this.#before) / Math.max(1, this.#intake.rate);
      if (taken < seconds - MOST_MISSING_SECONDS) throw new Error("It ends early.");
      return false;
    } catch (error) {
      const stopped = this.#whyStopped(error);
      if (!this.#sink.acceptsPart || stopped.code !== "stoppedDecoding") throw stopped;
      return true;
    }
  }

  /** @param {unknown} error @returns {UserError} the error to show to the user */
  #whyStopped(error) {
    if (error instanceof UserError) return error;
    if (this.#signal.aborted || isOutOfMemory(error)) throw error;
    const { frames, seconds } = this.#intake;
    if (frames === 0) return new UserError("nothingDecoded", {}, error);
    return new UserError("stoppedDecoding", { seconds }, error);
  }

  /**
   * @param {number} rate of the file, in hertz
   * @param {import("./errors.js").Code} refusal error code if the browser cannot decode it
   * @returns {AsyncGenerator<RatedBlock>}
   */
  async *#byBrowser(rate, refusal) {
    const audio = await decodeAtOnce(this.#file, rate, refusal);
    this.#signal.throwIfAborted();
    const channels = Array.from({ length: audio.numberOfChannels }, (_, index) =>
      audio.getChannelData(index),
    );
    for (let start = 0; start < audio.length; start += BLOCK) {
      const planes = channels.map((plane) => plane.subarray(start, start + BLOCK));
      yield { planes, rate: audio.sampleRate };
    }
  }
}

/**
 * @param {Blob} file @param {number} rate of the file, in hertz
 * @param {import("./errors.js").Code} refusal error code if the browser cannot decode it
 * @returns {Promise<AudioBuffer>}
 * @throws {UserError}
 */
async function decodeAtOnce(file, rate, refusal) {
  if (file.size > MOST_BYTES_AT_ONCE) throw new UserError(refusal);
  const possible = rate >= CONTEXT_RATES.lowest && rate <= CONTEXT_RATES.highest;
  const context = new OfflineAudioContext(1, 1, possible ? rate : RATE);
  return context.decodeAudioData(await file.arrayBuffer()).catch((error) => {
    throw new UserError(refusal, {}, error);
  });
}

/** `rate` in hertz. @typedef {{planes: Float32Array[], rate: number}} RatedBlock */

/** @param {Blocks} blocks @param {number} rate @returns {AsyncGenerator<RatedBlock>} */
async function* withRate(blocks, rate) {
  for await (const planes of blocks) yield { planes, rate };
}

/** @param {unknown} error @returns {boolean} whether WebCodecs failed */
function isDecoderError(error) {
  return (
    error instanceof UserError &&
    error.cause instanceof DOMException &&
    error.cause.name === "EncodingError"
  );
}

/**
 * @param {Input} input
 * @returns {Promise<Track | null>} null for a container that only the browser may support
 * @throws {UserError} if the container is supported but has no audio
 */
async function findTrack(input) {
  let track;
  try {
    if (!(await input.canRead())) return null;
    track = await input.getPrimaryAudioTrack();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    // The parser gave up: the file is an unusual variant, or has another format after all.
    console.warn(error);
    return null;
  }
  if (!track) throw new UserError("noTrack");
  return track;
}

/**
 * @param {Track} track @param {Part} part of the stream that is the song
 * @param {boolean} isWhole whether a gap in it means damage
 * @returns {AsyncGenerator<RatedBlock>}
 */
async function* byWebCodecs(track, part, isWhole) {
  let end = Infinity;
  for await (const sample of new AudioSampleSink(track).samples()) {
    try {
      // Samples after a gap would play too early.
      const gap = sample.timestamp - end;
      if (isWhole && gap > MOST_MISSING_SECONDS) throw new Error("It has a gap.");
      end = sample.timestamp + sample.duration;
      yield { planes: planesOf(sample, part), rate: sample.sampleRate };
    } finally {
      sample.close();
    }
  }
}

/**
 * @param {AudioSample} sample @param {Part} part of the stream
 * @returns {Float32Array[]} the channels of the samples within that part
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
