/**
 * Plays all stems of a song together, while the song may still be at work.
 *
 * Pieces of a second are read from the store a few seconds ahead and scheduled on the audio clock,
 * each on the frame after the last one's end: what is heard is what is in the store, to the sample,
 * and only seconds of it are in memory. What plays without a break is a `Run`. It ends with a short
 * fade where the person pauses or jumps, and at the edge of what is final, from where the next one
 * goes on. The original runs along with the stems, so that one can change between them at any
 * frame.
 *
 * @module
 */

import { framesOf, Loudness } from "./loudness.js";
import { Mixer, ORIGINAL } from "./mixer.js";
import { presets } from "./presets.js";
import { Route } from "./route.js";
import { DirectDeck, Run } from "./run.js";
import { StretchedDeck, Stretcher } from "./stretch/deck.js";
import { clamp, isPlain, tempoOf } from "./stretch/tempo.js";

/** @typedef {import("./mixer.js").Heard} Heard */
/** @typedef {import("./mixer.js").Level} Level */
/** @typedef {import("./presets.js").PresetName} PresetName */
/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./route.js").Loop} Loop */
/** @typedef {import("./route.js").Stretch} Stretch */
/** @typedef {import("./stretch/tempo.js").Tempo} Tempo */
/**
 * @typedef {"paused" | "playing" | "buffering"} State buffering: waits for stems to become final
 */

/**
 * A stem's place in the mixer.
 * @typedef {object} Channel
 * @property {number} volume    0 to 1.5
 * @property {number} pan       -1 (left) to 1 (right), see pan.js
 * @property {boolean} muted
 * @property {boolean} solo     while any stem has it, only those that have it are heard
 */

/**
 * What is heard, for saving.
 * @typedef {object} Mix
 * @property {Map<string, {volume: number, pan: number}>} channels  the stems that are heard
 * @property {number} master
 * @property {number} speed
 * @property {number} semitones
 */

/**
 * What is kept with a song: plain JSON.
 * @typedef {object} PlayerSettings
 * @property {Record<string, Channel>} channels
 * @property {Record<string, Channel>} own  the mix behind the preset "own"
 * @property {PresetName} preset
 * @property {number} master
 * @property {Loop | null} loop
 * @property {number} speed
 * @property {number} semitones
 */

const PIECE_SECONDS = 1;
/** More than what timers of a tab in the background are held up. */
const AHEAD_SECONDS = 4;
/**
 * What a change takes at most, besides the buffer of the audio device, to reach the audio thread.
 */
const DELAY_SECONDS = 0.02;
/**
 * What that buffer is taken for where the browser says 0: Firefox does, and goes in steps of 20 ms.
 */
const USUAL_BUFFER_SECONDS = 0.05;

const SHORTEST_LOOP_SECONDS = 0.1;
const LOUDEST = 1.5;
/** Loudness is measured anew when so many times as many frames are final. */
const MUCH_MORE = 1.25;

/** @type {Readonly<Channel>} */
const UNTOUCHED = { volume: 1, pan: 0, muted: false, solo: false };

export class Player extends EventTarget {
  #stems;
  #context;
  #mixer;
  /** @type {Map<string, Channel>} */
  #channels;
  #master = 1;
  /** @type {Heard} */
  #heard = "stems";
  /** @type {PresetName} */
  #preset = "all";
  /** @type {Map<string, Channel>} the mix that a preset has taken the place of */
  #own;
  /** @type {Readonly<Loop> | null} */
  #loop = null;
  #route;
  /** @type {Loudness} */
  #loudness;
  /** @type {Promise<void> | null} */
  #measuring = null;
  /** @type {Promise<void> | null} the way to what `heard` says */
  #switching = null;
  /** @type {Readonly<Tempo>} */
  #tempo = tempoOf({});
  /** What the person asked for last, while the library is still being loaded. */
  #wantedTempo = this.#tempo;
  /** @type {Stretcher | null} */
  #stretcher = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {State} */
  #state = "paused";
  /** @type {Run | null} what plays, or is about to */
  #run = null;
  /** @type {Set<Run>} that and what is fading out */
  #runs = new Set();
  /** Where the next run begins, in frames. */
  #start = 0;
  /** @type {Promise<void> | null} the work of `fill` */
  #filling = null;
  #closed = false;
  /** @type {Promise<void> | null} the audio device's way to sound, which only the person may open */
  #waking = null;

  /**
   * Events: "state" when `state` has changed; "seek" when the person has jumped; "mix" when
   * anything else has that decides what is heard; "loop" when `loop` has; "error", a `CustomEvent`
   * with the error as its detail, when stems could not be read.
   *
   * @param {Stems} stems
   * @param {BaseAudioContext} context at the rate of the stems; closed after `close`
   */
  constructor(stems, context) {
    super();
    this.#stems = stems;
    this.#context = context;
    this.#mixer = new Mixer(context, stems.sources);
    this.#channels = new Map(stems.sources.map((source) => [source, { ...UNTOUCHED }]));
    this.#own = this.#snapshot();
    this.#route = new Route(stems, null);
    this.#loudness = new Loudness(stems.sources);
    stems.addEventListener("final", this.#onFinal);
    context.addEventListener("statechange", this.#onDevice);
    this.#rest();
  }

  get state() {
    return this.#state;
  }

  /**
   * @returns {number} the frame that is heard now, or where play will begin: what is on its way to
   *   wireless headphones is not heard yet
   */
  get position() {
    const { currentTime } = this.#context;
    const late = this.#context instanceof AudioContext ? this.#context.outputLatency || 0 : 0;
    return this.#run?.frameAt(currentTime - late) ?? this.#start;
  }

  play() {
    if (this.#state !== "paused") return;
    if (this.#start >= this.#stems.length) this.#moveTo(0);
    this.#wake();
    this.#setState("playing");
    void this.fill();
  }

  pause() {
    if (this.#state === "paused") return;
    this.#halt();
    this.#setState("paused");
    this.#rest();
  }

  /** @param {number} frame to go on from; work near it is done first from now on */
  seek(frame) {
    this.#halt();
    this.#moveTo(Math.min(Math.max(Math.round(frame), 0), this.#stems.length - 1));
    this.dispatchEvent(new Event("seek"));
    void this.fill();
  }

  /**
   * @returns {Readonly<Loop> | null} [start, stop) in frames, played again and again once reached
   */
  get loop() {
    return this.#loop;
  }

  /** A loop is at least 0.1 s long. Whoever is outside of it goes to its start. */
  set loop(loop) {
    const before = this.#route;
    this.#loop = loop && this.#loopWithin(loop);
    this.#route = new Route(this.#stems, this.#loop);
    this.dispatchEvent(new Event("loop"));
    const { position } = this;
    if (this.#loop && (position < this.#loop[0] || this.#loop[1] <= position)) {
      this.seek(this.#loop[0]);
      return;
    }
    const ahead = this.#run?.aheadOf(this.#context.currentTime) ?? 0;
    const isStraight = [before, this.#route].every((route) => route.isStraight(position, ahead));
    if (this.#run && !isStraight) this.#restart();
  }

  /** @param {string} source @returns {Readonly<Channel>} */
  channel(source) {
    const channel = this.#channels.get(source);
    if (!channel) throw new Error(`There is no stem ${source}.`);
    return channel;
  }

  /** @param {string} source @param {Partial<Channel>} change */
  setChannel(source, change) {
    this.#channels.set(source, channelOf({ ...this.channel(source), ...change }));
    this.#preset = "own";
    this.#changeMix();
  }

  /** @returns {number} 0 to 1, for all that is heard */
  get master() {
    return this.#master;
  }

  set master(gain) {
    this.#master = clamp(gain, 0, 1, 1);
    this.#changeMix();
  }

  /** @returns {Heard} the stems as the mixer has them, or the original, made as loud as they are */
  get heard() {
    return this.#heard;
  }

  set heard(heard) {
    if (heard === this.#heard) return;
    this.#heard = heard;
    this.dispatchEvent(new Event("mix"));
    this.#switching = this.#changeHeard();
  }

  /** @returns {PresetName} what the mixer is set to; "own" once the person has moved something */
  get presetName() {
    return this.#preset;
  }

  /** @param {PresetName} name that `presets` has for these stems; "own": as the person had it */
  preset(name) {
    const preset = presets(this.#stems.sources).find((one) => one.name === name);
    if (!preset) throw new Error(`There is no preset ${name} for these stems.`);
    if (this.#preset === "own") this.#own = this.#snapshot();
    this.#preset = name;
    for (const [source, channel] of this.#own) {
      const muted = preset.heard?.includes(source) === false;
      this.#channels.set(source, preset.heard ? { ...UNTOUCHED, muted } : { ...channel });
    }
    this.#changeMix();
  }

  /** @param {string} source @returns {boolean} whether the mixer lets it through */
  isHeard(source) {
    const { muted, solo } = this.channel(source);
    return !muted && (solo || ![...this.#channels.values()].some((channel) => channel.solo));
  }

  /** @returns {Mix} what is heard of the stems */
  mix() {
    const heard = [...this.#channels].filter(([source]) => this.isHeard(source));
    const channels = new Map(heard.map(([source, { volume, pan }]) => [source, { volume, pan }]));
    return { channels, master: this.#master, ...this.#tempo };
  }

  get speed() {
    return this.#tempo.speed;
  }

  get semitones() {
    return this.#tempo.semitones;
  }

  /**
   * Play slower or faster at the same pitch, or higher or lower at the same speed. The library for
   * it is loaded when it is first needed; at speed 1 and 0 semitones the samples are left alone.
   *
   * @param {Partial<Tempo>} change speed: 0.5 to 1.5; semitones: -12 to 12
   * @returns {Promise<void>} settled when it is so
   * @throws {UserError} the library could not be loaded: everything stays as it was
   */
  async setTempo(change) {
    const wanted = tempoOf({ ...this.#wantedTempo, ...change });
    this.#wantedTempo = wanted;
    try {
      if (!isPlain(wanted)) await this.#openStretcher();
    } catch (error) {
      this.#wantedTempo = this.#tempo;
      throw error;
    }
    if (wanted !== this.#wantedTempo || this.#closed) return;
    const wasPlain = isPlain(this.#tempo);
    this.#tempo = wanted;
    if (wasPlain !== isPlain(wanted)) this.#restart();
    else if (!wasPlain) await this.#run?.setTempo(wanted, this.#soon());
    this.dispatchEvent(new Event("mix"));
  }

  /**
   * @param {string} source or "master" @returns {Level} of what is heard of it now, after its fader
   */
  level(source) {
    const level = this.#mixer.level(source);
    return this.#runs.size > 0 ? level : { peak: 0, rms: 0 };
  }

  /** @returns {PlayerSettings} */
  get settings() {
    return {
      channels: Object.fromEntries(this.#snapshot()),
      own: Object.fromEntries(this.#preset === "own" ? this.#snapshot() : this.#own),
      preset: this.#preset,
      master: this.#master,
      loop: this.#loop && [...this.#loop],
      ...this.#tempo,
    };
  }

  /** Whatever of it cannot be is left as it is untouched. */
  set settings(settings) {
    const { channels, own, preset, master, loop, speed, semitones } = settings ?? {};
    for (const source of this.#stems.sources) {
      this.#channels.set(source, channelOf(channels?.[source]));
      this.#own.set(source, channelOf(own?.[source]));
    }
    const isKnown = presets(this.#stems.sources).some(({ name }) => name === preset);
    this.#preset = isKnown ? preset : "own";
    this.#master = clamp(master, 0, 1, 1);
    this.#changeMix();
    const isLoop = Array.isArray(loop) && loop.length === 2 && loop.every(Number.isFinite);
    this.loop = isLoop ? loop : null;
    const tempo = tempoOf({ speed, semitones });
    this.setTempo(tempo).catch((error) => this.#tell(error));
  }

  /**
   * Schedule what is final, up to some seconds ahead. Called whenever there may be more to do.
   *
   * @returns {Promise<void>} settled when no more can be done for now, and what `heard` says is
   *   heard
   */
  async fill() {
    this.#filling ??= this.#work();
    await Promise.all([this.#filling, this.#switching]);
  }

  /** @returns {Promise<void>} settled when nothing is read any more */
  async close() {
    this.#stems.removeEventListener("final", this.#onFinal);
    this.#context.removeEventListener("statechange", this.#onDevice);
    this.#halt();
    this.#setState("paused");
    this.#closed = true;
    await Promise.allSettled([this.#filling, this.#switching]);
    this.#stretcher?.close();
    this.#rest();
  }

  #onFinal = () => {
    void this.fill();
  };

  /**
   * A call has come in, or headphones were pulled out: the person presses play when it is over.
   * A rendering that is suspended, an `OfflineAudioContext`, is none of this.
   */
  #onDevice = () => {
    const isSilent = this.#context instanceof AudioContext && this.#context.state !== "running";
    if (isSilent && !this.#waking) this.pause();
  };

  #wake() {
    const context = this.#context;
    if (!(context instanceof AudioContext)) return;
    // It is refused while the device belongs to somebody else.
    this.#waking ??= context
      .resume()
      .catch((error) => console.warn(error))
      .finally(() => {
        this.#waking = null;
        this.#onDevice();
      });
  }

  async #work() {
    await null; // so that `#filling` is there before it is taken away
    try {
      for (let length = this.#next(); length > 0; length = this.#next()) {
        if (!(await this.#append(length))) break;
      }
    } catch (error) {
      if (this.#state === "paused") return;
      this.pause();
      this.#tell(error);
    } finally {
      this.#filling = null;
    }
  }

  /** @returns {number} how many frames to schedule next; 0: none for now */
  #next() {
    if (this.#state === "paused") return 0;
    const run = this.#run;
    const { rate } = this.#stems;
    if (run && run.aheadOf(this.#context.currentTime) >= AHEAD_SECONDS * rate) return 0;
    const stretches = this.#route.from(run?.end ?? this.#start, PIECE_SECONDS * rate);
    const most = sumOf(stretches);
    const length = this.#heard === "stems" ? this.#route.finalFrames(stretches) : most;
    // What has begun goes on up to the edge; it begins only with a whole piece.
    if (run) return run.fit(length);
    if (length === most) return length;
    this.#setState("buffering");
    return 0;
  }

  /**
   * @param {number} length frames
   * @returns {Promise<boolean>} false when they came too late, so that the run ends before them
   */
  async #append(length) {
    const route = this.#route;
    const stretches = route.from(this.#run?.end ?? this.#start, length);
    const hasStems = route.finalFrames(stretches) === length;
    const run = (this.#run ??= this.#begin());
    const parts = await Promise.all(
      [...this.#stems.sources, ORIGINAL].map((source) =>
        hasStems || source === ORIGINAL ? route.read(source, stretches) : null,
      ),
    );
    if (run !== this.#run || route !== this.#route) return true;
    run.hasStems &&= hasStems;
    const { start, length: last } = /** @type {Stretch} */ (stretches.at(-1));
    return run.append(parts, stretches, route.after(start + last), this.#soon());
  }

  /** @returns {Run} */
  #begin() {
    this.#setState("playing");
    const fades = this.#mixer.inputs.map((input) => {
      const fade = new GainNode(this.#context);
      fade.connect(input);
      return fade;
    });
    const run = new Run(this.#newDeck(fades), fades, this.#start, this.#stems.length);
    this.#runs.add(run);
    run.addEventListener("piece", () => this.#onPiece(run));
    return run;
  }

  /** @param {GainNode[]} outputs @returns {import("./run.js").Deck} */
  #newDeck(outputs) {
    if (!this.#stretcher || isPlain(this.#tempo)) return new DirectDeck(this.#context, outputs);
    return new StretchedDeck(this.#stretcher, outputs, this.#tempo);
  }

  /** @returns {Promise<void>} settled when there is one; it can be tried again */
  #openStretcher() {
    this.#opening ??= Stretcher.open(this.#context, this.#stems.sources.length + 1)
      .then((stretcher) => {
        this.#stretcher = stretcher;
      })
      .catch((error) => {
        this.#opening = null;
        throw error;
      });
    return this.#opening;
  }

  /** @param {Run} run of which a piece has been played, or faded out */
  #onPiece(run) {
    if (run.isSilent) this.#runs.delete(run);
    if (run !== this.#run) {
      this.#rest();
      return;
    }
    this.#stems.playhead = this.position;
    if (run.isSilent) this.#finish(run);
    void this.fill();
  }

  /** @param {Run} run that has been played to its end */
  #finish(run) {
    this.#run = null;
    this.#start = run.end;
    if (run.end < this.#stems.length) {
      this.#stems.playhead = this.#route.wanted(run.end);
      return;
    }
    this.#setState("paused");
    this.#rest();
  }

  /** End the run, if there is one, and remember where. */
  #halt() {
    const run = this.#run;
    if (!run) return;
    this.#run = null;
    const time = this.#soon();
    this.#start = run.frameAt(time);
    run.stop(time);
    if (run.isSilent) this.#runs.delete(run);
  }

  /** Go on from here with another run. */
  #restart() {
    this.#halt();
    void this.fill();
  }

  /** @param {number} frame */
  #moveTo(frame) {
    this.#start = frame;
    this.#stems.playhead = frame;
  }

  /** @param {Readonly<Loop>} loop @returns {Loop} what of it is in the song, and long enough */
  #loopWithin([from, to]) {
    const { length, rate } = this.#stems;
    const shortest = Math.min(Math.ceil(SHORTEST_LOOP_SECONDS * rate), length);
    const start = clamp(Math.round(Math.min(from, to)), 0, length - shortest, 0);
    return [start, clamp(Math.round(Math.max(from, to)), start + shortest, length, length)];
  }

  /** Let the mixer do what the channels say. */
  #changeMix() {
    const time = this.#soon();
    for (const [source, { volume, pan }] of this.#channels) {
      this.#mixer.place(source, { volume: this.isHeard(source) ? volume : 0, pan }, time);
    }
    this.#mixer.setMaster(this.#master, time);
    if (this.#heard === "original") this.#hear();
    this.dispatchEvent(new Event("mix"));
  }

  async #changeHeard() {
    const isOld = framesOf(this.#stems.finalRanges()) > MUCH_MORE * this.#loudness.frames;
    if (this.#heard === "original" && isOld) await this.#measure();
    this.#hear();
    if (this.#heard === "stems" && this.#run?.hasStems === false) this.#restart();
    void this.fill();
  }

  #hear() {
    this.#mixer.hear(this.#heard, this.#loudness.gainFor(this.mix().channels), this.#soon());
  }

  /** @returns {Promise<void>} settled when the loudness of what is final is known, or cannot be */
  #measure() {
    this.#measuring ??= Loudness.measure(this.#stems)
      .then((loudness) => {
        this.#loudness = loudness;
      })
      .catch((error) => this.#tell(error))
      .finally(() => {
        this.#measuring = null;
      });
    return this.#measuring;
  }

  /** @returns {Map<string, Channel>} */
  #snapshot() {
    return new Map([...this.#channels].map(([source, channel]) => [source, { ...channel }]));
  }

  /** @param {unknown} error */
  #tell(error) {
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }

  /** Let the audio device go if there is nothing to hear, not even a fade. */
  #rest() {
    const context = this.#context;
    // A clock that stands ends no fade.
    const isHeard = this.#runs.size > 0 && context.state === "running";
    if (this.#state !== "paused" || isHeard) return;
    if (!(context instanceof AudioContext) || context.state === "closed") return;
    const resting = this.#closed ? context.close() : context.suspend();
    resting.catch((error) => console.warn(error));
  }

  /** @returns {number} the earliest time, in seconds, for which something can be scheduled */
  #soon() {
    const { currentTime } = this.#context;
    if (!(this.#context instanceof AudioContext)) return currentTime;
    return currentTime + (this.#context.baseLatency || USUAL_BUFFER_SECONDS) + DELAY_SECONDS;
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event("state"));
  }
}

/** @param {Stretch[]} stretches @returns {number} frames */
function sumOf(stretches) {
  return stretches.reduce((sum, { length }) => sum + length, 0);
}

/** @param {Partial<Channel> | undefined} given, perhaps by an old file @returns {Channel} */
function channelOf(given) {
  return {
    volume: clamp(given?.volume, 0, LOUDEST, UNTOUCHED.volume),
    pan: clamp(given?.pan, -1, 1, UNTOUCHED.pan),
    muted: given?.muted === true,
    solo: given?.solo === true,
  };
}
