/**
 * A file in, a song out, piece by piece: 44.1 kHz, stereo, 32-bit float.
 *
 * Containers are read by Mediabunny, which decodes PCM itself and all else with WebCodecs. Where
 * WebCodecs is missing or does not know the codec, the browser's `decodeAudioData` does it, at the
 * file's own rate, so that all songs in all browsers share one resampler. It also does MP3, as long
 * as the whole song fits in memory: it takes out the silence that an MP3 encoder puts around it, as
 * every browser does it. WebCodecs leaves it in; for long songs gapless.js says what to leave out.
 * AIFF and Apple Lossless, which browsers but Safari refuse, are read by the modules beside it.
 *
 * @module
 */

import { ALL_FORMATS, AudioSampleSink, BlobSource, Input } from "../vendor/mediabunny.mjs";
import { openAiff } from "./decode/aiff.js";
import { songWithin, statesLength } from "./decode/gapless.js";
import { BLOCK, checkLength, Intake, RATE } from "./decode/intake.js";
import { linksOf } from "./decode/links.js";
import { openLossless } from "./decode/lossless.js";
import { tagsOf } from "./decode/tags.js";
import { openWav } from "./decode/wav.js";
import { isOutOfMemory, UserError } from "./errors.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */
/** @typedef {import("mediabunny").AudioSample} AudioSample */
/** @typedef {import("./decode/gapless.js").Part} Part */
/** @typedef {import("./decode/tags.js").Tags} Tags */
/** The song, channel by channel. @typedef {AsyncIterable<Float32Array[]>} Blocks */

/**
 * Who wants the song.
 * @typedef {object} Taker
 * @property {(channels: number) => Promise<number[][]>} downmix    gives (2, channels) factors
 * @property {number} longestMinutes
 * @property {number} wholeMinutes  the longest that may be decoded at once, in memory
 * @property {boolean} takesPart    whether what lies before the damage of a damaged file will do
 * @property {(frames: number) => Promise<void>} expect     told the song's length, if the file
 *   states it and as it states it; may refuse
 * @property {(block: Float32Array) => Promise<void>} take  is given the song, block after block:
 *   any number of frames, interleaved
 */

/**
 * What is known of a file besides its samples.
 * @typedef {{rate: number, channels: number, isPartial: boolean} & Tags} SourceFacts   `rate` in
 *   hertz; `isPartial`: it is damaged, and only what lies before that was taken
 */

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
 * @returns {Promise<SourceFacts>}
 * @throws {UserError} "stoppedDecoding" of a damaged file, unless its part will do, whose length is
 *   in `values.seconds`
 */
export async function decode(file, taker, signal) {
  if (file.size === 0) throw new UserError("empty");
  const intake = new Intake(taker, signal);
  try {
    const facts = await new Decoding(file, taker, signal, intake).run();
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
 * @throws {UserError} nobody finds sound in it
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

/** @param {unknown} error @returns {UserError} that says it */
function forPerson(error) {
  if (error instanceof UserError) return error;
  if (isOutOfMemory(error)) return new UserError("memory", {}, error);
  const gone = error instanceof DOMException && error.name === "NotReadableError";
  return new UserError(gone ? "unreadable" : "nothingDecoded", {}, error);
}

/** Finds out who can read the file, and has it read. */
class Decoding {
  #file;
  #taker;
  #signal;
  #intake;
  /** How long the sound is by the file's header, by how long it is by what there is of it. */
  #stated = 1;
  /** Frames that came in of the links before. */
  #before = 0;

  /** @param {Blob} file @param {Taker} taker @param {AbortSignal} signal @param {Intake} intake */
  constructor(file, taker, signal, intake) {
    this.#file = file;
    this.#taker = taker;
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

  /** @returns {Promise<SourceFacts>} of the file, or of a link of it */
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

  /** A container that only the browser may know. */
  async #byBrowserOnly() {
    const isPartial = await this.#take(this.#byBrowser(RATE, "notAudio"), 0);
    const { rate, channels } = this.#intake;
    return { rate, channels, isPartial, title: null, artist: null, album: null };
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
    // A film's length says nothing about that of its sound.
    const hasFilm = (await input.getVideoTracks()).length > 0;
    const stated = hasFilm ? 0 : seconds * this.#stated;
    return { rate, channels, isPartial: await this.#takeByCodec(track, rate, seconds, stated) };
  }

  /** @param {Track} track @returns {Promise<number | null>} seconds; null: it does not say */
  async #length(track) {
    const isGuess = (await track.getCodec()) === "mp3" && !(await statesLength(this.#file));
    // The bit rate of its first frame may be that of a silence: then all frames are counted.
    return isGuess ? track.computeDuration() : track.getDurationFromMetadata();
  }

  /**
   * @param {Track} track @param {number} rate
   * @param {number} seconds of the file @param {number} stated of the sound; 0: it does not say
   * @returns {Promise<boolean>} whether only a part was taken
   */
  async #takeByCodec(track, rate, seconds, stated) {
    const isMp3 = (await track.getCodec()) === "mp3";
    const fits = seconds <= this.#taker.wholeMinutes * 60;
    const atOnce = () => {
      checkLength(seconds, this.#taker.wholeMinutes);
      return this.#take(this.#byBrowser(rate, "nothingDecoded"), stated);
    };
    if ((isMp3 && fits) || !(await track.canDecode())) return atOnce();
    const part = isMp3 ? await songWithin(this.#file, Math.round(seconds * rate)) : WHOLE;
    try {
      return await this.#take(byWebCodecs(track, part, stated > 0), stated);
    } catch (error) {
      // WebKit's WebCodecs promises FLAC, but gives an error in its place.
      if (this.#intake.frames > this.#before || !fits || !isDecoderError(error)) throw error;
      return atOnce();
    }
  }

  /**
   * @param {{rate: number, channels: number, blocks: () => Blocks}} stream
   * @param {number} seconds that it states
   * @returns {Promise<boolean>} whether only a part was taken
   */
  async #takeStream({ rate, channels, blocks }, seconds) {
    await this.#announce(rate, channels, seconds);
    return this.#take(withRate(blocks(), rate), seconds);
  }

  /** @param {number} rate @param {number} channels @param {number} seconds */
  async #announce(rate, channels, seconds) {
    if (!(rate > 0)) throw new UserError("nothingDecoded");
    checkLength(seconds, this.#taker.longestMinutes);
    // Asked for before decoding: it refuses more channels than can be mixed down, with a sentence.
    await this.#taker.downmix(channels);
    await this.#taker.expect(Math.round((this.#intake.seconds + seconds) * RATE));
  }

  /**
   * @param {AsyncIterable<RatedBlock>} blocks
   * @param {number} seconds that there should be; 0: nobody knows
   * @returns {Promise<boolean>} whether only a part was taken
   * @throws {UserError}
   */
  async #take(blocks, seconds) {
    try {
      for await (const { planes, rate } of blocks) {
        this.#signal.throwIfAborted();
        await this.#intake.add(planes, rate);
      }
      // Decoders skip what they do not understand, without a word.
      const taken = (this.#intake.frames - this.#before) / Math.max(1, this.#intake.rate);
      if (taken < seconds - MOST_MISSING_SECONDS) throw new Error("It ends early.");
      return false;
    } catch (error) {
      const stopped = this.#whyStopped(error);
      if (!this.#taker.takesPart || stopped.code !== "stoppedDecoding") throw stopped;
      return true;
    }
  }

  /** @param {unknown} error @returns {UserError} for the person */
  #whyStopped(error) {
    if (error instanceof UserError) return error;
    if (this.#signal.aborted || isOutOfMemory(error)) throw error;
    const { frames, seconds } = this.#intake;
    if (frames === 0) return new UserError("nothingDecoded", {}, error);
    return new UserError("stoppedDecoding", { seconds }, error);
  }

  /**
   * @param {number} rate of the file, in hertz
   * @param {import("./errors.js").Code} refusal what to say when the browser cannot
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
 * @param {import("./errors.js").Code} refusal what to say when the browser cannot
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

/** @param {unknown} error @returns {boolean} whether WebCodecs is what failed */
function isDecoderError(error) {
  return (
    error instanceof UserError &&
    error.cause instanceof DOMException &&
    error.cause.name === "EncodingError"
  );
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
 * @param {Track} track @param {Part} part of the stream that is the song
 * @param {boolean} isWhole whether a gap in it is damage
 * @returns {AsyncGenerator<RatedBlock>}
 */
async function* byWebCodecs(track, part, isWhole) {
  let end = Infinity;
  for await (const sample of new AudioSampleSink(track).samples()) {
    try {
      // What comes after a gap would sound too early.
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
