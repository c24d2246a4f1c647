/**
 * Playback without a break: frames in playing order, on the audio clock.
 *
 * A run fades in unless it starts at the beginning of the song, and fades out where it is stopped
 * or has nothing more to play. A deck produces the sound: `DirectDeck` plays the samples unchanged,
 * `StretchedDeck` (stretch/deck.js) plays them at another speed or pitch.
 *
 * @module
 */

import { approach, FADE_SECONDS } from "./mixer.js";

/** @typedef {import("./route.js").Stretch} Stretch */
/** @typedef {import("./stretch/tempo.js").Tempo} Tempo */

/**
 * Plays the pieces that are appended, one after the other.
 * @typedef {object} DeckMembers
 * @property {boolean} isExact      plays the samples unchanged, so the song's own beginning and end
 *   need no fade
 * @property {boolean} isSilent     nothing is scheduled, or it has all been played
 * @property {boolean} hasBegun     something has been scheduled
 * @property {number} margin        seconds before the end of what is scheduled, after which it is
 *   too late to append
 * @property {(time: number) => number} offsetAt    frames played by a time in seconds
 * @property {(offset: number) => number} timeOf    time in seconds when that many frames have been
 *   played
 * @property {(length: number, isLast: boolean) => number} fit  that many frames, or slightly fewer
 *   so that the next piece can follow
 * @property {(parts: (Float32Array | null)[], soon: number) => Promise<void>} append  interleaved
 *   samples for each output, null: silence; `soon` is the earliest time for the first sample
 * @property {(tempo: Tempo, soon: number) => Promise<void>} setTempo   takes effect as soon as
 *   possible
 * @property {(time: number) => void} stop          plays nothing from that time on
 *
 * Events: "piece" when an appended piece has been played.
 * @typedef {EventTarget & DeckMembers} Deck
 */

/**
 * Beats that are counted before a run begins.
 * @typedef {{seconds: number, clicks: number[]}} CountIn   `seconds`: how long it takes; `clicks`:
 *   when, in seconds before the run begins
 */

/** How far back positions can be queried: longer than the latency of any audio device. */
const REMEMBERED_SECONDS = 2;

/** Event: "piece" when a piece has ended. */
export class Run extends EventTarget {
  /** The frame of the song that follows what is scheduled. */
  end;
  /** Whether all of it has the stems, not just the original. */
  hasStems = true;
  #deck;
  #start;
  #songLength;
  #fades;
  #countIn;
  /** Number of frames scheduled. */
  #scheduled = 0;
  /** @type {(Stretch & {offset: number})[]} scheduled stretches that may still be audible */
  #stretches = [];

  /**
   * @param {Deck} deck
   * @param {GainNode[]} fades between the deck and the mixer
   * @param {number} start frame of the song
   * @param {number} songLength frames
   * @param {CountIn | null} [countIn]
   */
  constructor(deck, fades, start, songLength, countIn = null) {
    super();
    this.#countIn = countIn;
    this.#deck = deck;
    this.#fades = fades;
    this.#start = start;
    this.end = start;
    this.#songLength = songLength;
    for (const { gain } of fades) gain.value = this.#fadesIn ? 0 : 1;
    deck.addEventListener("piece", () => this.#onPiece());
  }

  /** @returns {boolean} whether nothing is scheduled, or it has all been played */
  get isSilent() {
    return this.#deck.isSilent;
  }

  /**
   * @param {number} time of the context, in seconds @returns {number} frame of the song at that
   *   time
   */
  frameAt(time) {
    const offset = Math.round(this.#deck.offsetAt(time));
    const heard = this.#stretches.findLast((stretch) => stretch.offset <= offset);
    if (!heard) return this.#start;
    return heard.start + Math.min(offset - heard.offset, heard.length);
  }

  /** @param {number} time in seconds @returns {boolean} whether it is in the count-in */
  isCounting(time) {
    return this.#countIn !== null && (!this.#deck.hasBegun || time < this.#deck.timeOf(0));
  }

  /** @param {number} time in seconds @returns {number} number of frames scheduled after it */
  aheadOf(time) {
    return this.#scheduled - this.#deck.offsetAt(time);
  }

  /**
   * @param {import("./beats.js").Beats} beats of the song
   * @param {number} from time in seconds
   * @returns {number[]} when those of them that are scheduled will be played, and the clicks of the
   *   count-in, in seconds, from that time on
   */
  timesOf(beats, from) {
    const deck = this.#deck;
    if (!deck.hasBegun) return [];
    const times = (this.#countIn?.clicks ?? []).map((before) => deck.timeOf(0) - before);
    for (const { start, length, offset } of this.#stretches) {
      for (const beat of beats.within(start, start + length)) {
        times.push(deck.timeOf(offset + beat - start));
      }
    }
    return times.filter((time) => time >= from);
  }

  /**
   * @param {number} length frames available next @returns {number} how many of them to schedule
   */
  fit(length) {
    return this.#deck.fit(length, this.end + length === this.#songLength);
  }

  /**
   * Schedule the next frames.
   *
   * @param {(Float32Array | null)[]} parts interleaved, for each output
   * @param {Stretch[]} stretches their place in the song
   * @param {number} end the frame that follows them
   * @param {number} soon the earliest time, in seconds, that can be scheduled
   * @returns {Promise<boolean>} false if the run will have faded out by then
   */
  async append(parts, stretches, end, soon) {
    const deck = this.#deck;
    const isFirst = !deck.hasBegun;
    if (!isFirst) {
      if (soon > deck.timeOf(this.#scheduled) - deck.margin) return false;
      this.#cancelFade();
    }
    this.#forget(soon - REMEMBERED_SECONDS);
    for (const { start, length } of stretches) {
      this.#stretches.push({ start, length, offset: this.#scheduled });
      this.#scheduled += length;
    }
    this.end = end;
    const appended = deck.append(parts, soon + (isFirst ? (this.#countIn?.seconds ?? 0) : 0));
    if (isFirst && this.#fadesIn) this.#fade(0, 1, deck.timeOf(0));
    this.#fadeOut();
    await appended;
    return true;
  }

  /** @param {Tempo} tempo @param {number} soon the earliest time, in seconds */
  async setTempo(tempo, soon) {
    if (!this.#deck.hasBegun || soon > this.#end - this.#deck.margin) return;
    this.#cancelFade();
    const taken = this.#deck.setTempo(tempo, soon);
    this.#fadeOut();
    await taken;
  }

  /** @param {number} time start of the fade-out, in seconds */
  stop(time) {
    if (this.isSilent || time > this.#end - FADE_SECONDS) return;
    const begin = this.#deck.timeOf(0);
    if (time <= begin) return this.#deck.stop(time);
    // Do not cut the first fade short: half a ramp would be a step.
    const from = Math.max(time, begin + FADE_SECONDS);
    for (const { gain } of this.#fades) {
      gain.cancelScheduledValues(from);
      approach(gain, 0, from);
    }
    this.#deck.stop(from + FADE_SECONDS);
  }

  get #fadesIn() {
    return this.#start > 0 || !this.#deck.isExact;
  }

  /** @returns {number} time in seconds when everything has been played */
  get #end() {
    return this.#deck.timeOf(this.#scheduled);
  }

  #onPiece() {
    if (this.isSilent) for (const fade of this.#fades) fade.disconnect();
    this.dispatchEvent(new Event("piece"));
  }

  /** @param {number} from @param {number} to @param {number} time in seconds */
  #fade(from, to, time) {
    for (const { gain } of this.#fades) {
      gain.setValueAtTime(from, time);
      gain.linearRampToValueAtTime(to, time + FADE_SECONDS);
    }
  }

  /** Fade out at the end of what is scheduled, unless the song ends there. */
  #fadeOut() {
    const isSongEnd = this.end === this.#songLength && this.#deck.isExact;
    if (!isSongEnd) this.#fade(1, 0, this.#end - FADE_SECONDS);
  }

  /** Cancel the fade at the end, because the run continues. */
  #cancelFade() {
    for (const { gain } of this.#fades) gain.cancelScheduledValues(this.#end - FADE_SECONDS);
  }

  /** @param {number} time time in seconds; drop everything played before it */
  #forget(time) {
    const offset = this.#deck.offsetAt(time);
    this.#stretches = this.#stretches.filter((it) => it.offset + it.length > offset);
  }
}

/**
 * Plays the samples unchanged, bit for bit.
 *
 * @implements {Deck}
 */
export class DirectDeck extends EventTarget {
  isExact = true;
  margin = FADE_SECONDS;
  #context;
  #outputs;
  /** @type {number | null} start in frames of the context; null before the first piece */
  #zero = null;
  /** Number of frames scheduled. */
  #scheduled = 0;
  /** @type {Set<AudioBufferSourceNode>} */
  #voices = new Set();

  /** @param {BaseAudioContext} context @param {AudioNode[]} outputs */
  constructor(context, outputs) {
    super();
    this.#context = context;
    this.#outputs = outputs;
  }

  get isSilent() {
    return this.#voices.size === 0;
  }

  get hasBegun() {
    return this.#zero !== null;
  }

  /** @param {number} time */
  offsetAt(time) {
    if (this.#zero === null) return 0;
    const offset = Math.round(time * this.#context.sampleRate) - this.#zero;
    return Math.min(Math.max(offset, 0), this.#scheduled);
  }

  /** @param {number} offset */
  timeOf(offset) {
    return (/** @type {number} */ (this.#zero) + offset) / this.#context.sampleRate;
  }

  /** @param {number} length @param {boolean} isLast */
  fit(length, isLast) {
    if (this.#zero === null || isLast) return length;
    const end = this.#zero + this.#scheduled;
    while (length > 0 && !isExact(end + length, this.#context.sampleRate)) length--;
    return length;
  }

  /** @param {(Float32Array | null)[]} parts @param {number} soon */
  async append(parts, soon) {
    const rate = this.#context.sampleRate;
    const length = (parts.find((part) => part)?.length ?? 0) / 2;
    if (this.#zero === null) {
      this.#zero = Math.round(soon * rate);
      while (!isExact(this.#zero, rate) || !isExact(this.#zero + length, rate)) this.#zero++;
    }
    const time = this.timeOf(this.#scheduled);
    for (const [index, part] of parts.entries()) {
      const output = /** @type {AudioNode} */ (this.#outputs[index]);
      if (part) this.#play(audioBuffer(part, rate), output, time);
    }
    this.#scheduled += length;
  }

  async setTempo() {
    throw new Error("Samples that are played as they are have one tempo.");
  }

  /** @param {number} time */
  stop(time) {
    for (const voice of this.#voices) voice.stop(time);
  }

  /** @param {AudioBuffer} buffer @param {AudioNode} output @param {number} time in seconds */
  #play(buffer, output, time) {
    const voice = new AudioBufferSourceNode(this.#context, { buffer });
    voice.connect(output);
    voice.addEventListener("ended", () => this.#onEnded(voice), { once: true });
    voice.start(time);
    this.#voices.add(voice);
  }

  /** @param {AudioBufferSourceNode} voice */
  #onEnded(voice) {
    voice.disconnect();
    this.#voices.delete(voice);
    this.dispatchEvent(new Event("piece"));
  }
}

/**
 * Whether a frame's time in seconds converts back to exactly that frame. If rounding puts the time
 * between two frames, the browser interpolates the samples.
 *
 * @param {number} frame @param {number} rate
 * @returns {boolean}
 */
function isExact(frame, rate) {
  return (frame / rate) * rate === frame;
}

/** @param {Float32Array} interleaved stereo @param {number} sampleRate @returns {AudioBuffer} */
function audioBuffer(interleaved, sampleRate) {
  const length = interleaved.length / 2;
  const buffer = new AudioBuffer({ numberOfChannels: 2, length, sampleRate });
  for (const channel of [0, 1]) {
    const plane = buffer.getChannelData(channel);
    for (let i = 0; i < length; i++) {
      plane[i] = /** @type {number} */ (interleaved[2 * i + channel]);
    }
  }
  return buffer;
}
