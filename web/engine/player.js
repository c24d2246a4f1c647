/**
 * Plays all stems of a song together, even while the song is still being separated.
 *
 * Pieces of one second are read from the store a few seconds ahead and scheduled on the audio
 * clock, each on the frame after the end of the last one: playback matches the store sample for
 * sample, and only seconds of it are in memory. A `Run` is what plays without a break. It ends with
 * a short fade when the user pauses or jumps, and at the edge of what is final, where the next run
 * starts. The original plays along with the stems, so that the user can switch between them at any
 * frame.
 *
 * @module
 */

import { Device } from "./device.js";
import { framesOf, Loudness } from "./loudness.js";
import { Metronome } from "./metronome.js";
import { Mixer } from "./mixer.js";
import { Route } from "./route.js";
import { DirectDeck, Run } from "./run.js";
import { MIXTURE } from "./song.js";
import { Strips } from "./strips.js";
import { StretchedDeck, Stretcher } from "./stretch/deck.js";
import { clamp, isPlain, tempoOf } from "./stretch/tempo.js";

/** @typedef {import("./beats.js").Beats} Beats */
/** @typedef {import("./mixer.js").Heard} Heard */
/** @typedef {import("./mixer.js").Level} Level */
/** @typedef {import("./presets.js").PresetName} PresetName */
/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./route.js").Loop} Loop */
/** @typedef {import("./route.js").Stretch} Stretch */
/** @typedef {import("./stretch/tempo.js").Tempo} Tempo */
/** @typedef {import("./strips.js").Channel} Channel */
/**
 * @typedef {"paused" | "playing" | "buffering"} State buffering: waiting for stems to become final
 */

/**
 * The settings stored with a song, as plain JSON.
 * @typedef {import("./strips.js").StripSettings & {loop: Loop | null, clicks: Clicks} & Tempo}
 *   PlayerSettings
 */

/**
 * What is clicked: nothing, the beats, or also a bar of four beats before playback begins.
 * @typedef {"off" | "beats" | "countIn"} Clicks
 */

/**
 * The audible mix, for saving. `channels`: of the stems that are heard.
 * @typedef {{channels: Map<string, {volume: number, pan: number}>, master: number} & Tempo} Mix
 */

const PIECE_SECONDS = 1;
/** Beats that are counted before playback begins. */
const COUNTED = 4;
/** The first of them is not the first thing that is heard of a device that has just been opened. */
const COUNT_LEAD_SECONDS = 0.1;
/** Longer than the throttled timers of a background tab are delayed. */
const AHEAD_SECONDS = 4;
const SHORTEST_LOOP_SECONDS = 0.1;
/** Measure the loudness again when the number of final frames has grown by this factor. */
const MUCH_MORE = 1.25;

export class Player extends EventTarget {
  #stems;
  #context;
  #device;
  #mixer;
  #strips;
  #metronome;
  /** @type {Beats | null} */
  #beats = null;
  /** @type {Clicks} */
  #clicks = "off";
  /** Whether the next run begins because the user has pressed play. */
  #isFromUser = false;
  /** @type {Heard} */
  #heard = "stems";
  /** @type {Readonly<Loop> | null} */
  #loop = null;
  #route;
  /** @type {Loudness} */
  #loudness;
  /** @type {Promise<void> | null} */
  #measuring = null;
  /** @type {Promise<void> | null} the switch to `heard` in progress */
  #switching = null;
  /** @type {Readonly<Tempo>} */
  #tempo = tempoOf({});
  /** The tempo requested last, while the library is still loading. */
  #wantedTempo = this.#tempo;
  /** @type {Stretcher | null} */
  #stretcher = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {State} */
  #state = "paused";
  /** @type {Run | null} the run that plays, or is about to */
  #run = null;
  /** @type {Set<Run>} that run and those that are fading out */
  #runs = new Set();
  /** Where the next run begins, in frames. */
  #start = 0;
  /** @type {Promise<void> | null} the work of `fill` in progress */
  #filling = null;
  #closed = false;

  /**
   * Events: "state" when `state` changes; "seek" when the user jumps; "mix" when anything else
   * changes that affects the sound; "loop" when `loop` changes; "beats" when `beats` does; "error",
   * a `CustomEvent` with the error as its detail, when stems could not be read.
   *
   * @param {Stems} stems
   * @param {BaseAudioContext} context at the rate of the stems; closed after `close`
   */
  constructor(stems, context) {
    super();
    this.#stems = stems;
    this.#context = context;
    // After an incoming call the user has to press play again.
    this.#device = new Device(context, () => this.pause());
    this.#mixer = new Mixer(context, stems.sources);
    this.#strips = new Strips(stems.sources);
    this.#metronome = new Metronome(context, this.#mixer.clicks);
    this.#route = new Route(stems, null);
    this.#loudness = new Loudness(stems.sources);
    stems.addEventListener("final", this.#onFinal);
    this.#rest();
  }

  get state() {
    return this.#state;
  }

  /** Hertz. */
  get rate() {
    return this.#stems.rate;
  }

  /**
   * @returns {number} the frame that is heard now, or where playback will start; samples still on
   *   their way to wireless headphones do not count as heard
   */
  get position() {
    return this.#run?.frameAt(this.#device.heard) ?? this.#start;
  }

  play() {
    if (this.#state !== "paused") return;
    if (this.#start >= this.#stems.length) this.#moveTo(0);
    this.#device.wake();
    this.#setState("playing");
    this.#isFromUser = true;
    void this.fill();
  }

  pause() {
    if (this.#state === "paused") return;
    this.#halt();
    this.#isFromUser = false;
    this.#setState("paused");
    this.#rest();
  }

  /** @param {number} frame where to continue; work near it now comes first */
  seek(frame) {
    this.#halt();
    this.#moveTo(Math.min(Math.max(Math.round(frame), 0), this.#stems.length - 1));
    this.dispatchEvent(new Event("seek"));
    void this.fill();
  }

  /**
   * @returns {Readonly<Loop> | null} [start, stop) in frames, repeated once playback reaches it
   */
  get loop() {
    return this.#loop;
  }

  /** A loop is at least 0.1 s long. A playhead outside the loop jumps to its start. */
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

  /** @returns {Beats | null} the song's beats, if they are known */
  get beats() {
    return this.#beats;
  }

  set beats(beats) {
    this.#beats = beats;
    this.#click();
    this.dispatchEvent(new Event("beats"));
  }

  /** @returns {Clicks} */
  get clicks() {
    return this.#clicks;
  }

  set clicks(clicks) {
    this.#clicks = clicks;
    this.#click();
    this.dispatchEvent(new Event("mix"));
  }

  /** @param {string} source @returns {Readonly<Channel>} */
  channel(source) {
    return this.#strips.channel(source);
  }

  /** @param {string} source @param {Partial<Channel>} change */
  setChannel(source, change) {
    this.#strips.setChannel(source, change);
    this.#changeMix();
  }

  /** @returns {number} overall volume, 0 to 1 */
  get master() {
    return this.#strips.master;
  }

  set master(gain) {
    this.#strips.master = gain;
    this.#changeMix();
  }

  /** @returns {Heard} the mix of the stems, or the original at the same loudness */
  get heard() {
    return this.#heard;
  }

  set heard(heard) {
    if (heard === this.#heard) return;
    this.#heard = heard;
    this.dispatchEvent(new Event("mix"));
    this.#switching = this.#changeHeard();
  }

  /** @returns {PresetName} preset in use; "own" once the user has changed something */
  get presetName() {
    return this.#strips.presetName;
  }

  /** @param {PresetName} name one of `presets` for these stems; "own": the user's mix */
  preset(name) {
    this.#strips.preset(name);
    this.#changeMix();
  }

  /** @param {string} source @returns {boolean} whether the stem is audible in the mix */
  isHeard(source) {
    return this.#strips.isHeard(source);
  }

  /** @returns {Mix} the audible mix of the stems */
  mix() {
    return { channels: this.#strips.heard(), master: this.master, ...this.#tempo };
  }

  get speed() {
    return this.#tempo.speed;
  }

  get semitones() {
    return this.#tempo.semitones;
  }

  /**
   * Play slower or faster at the same pitch, or higher or lower at the same speed. The library for
   * this is loaded on first use; at speed 1 and 0 semitones the samples stay unchanged.
   *
   * @param {Partial<Tempo>} change speed: 0.5 to 1.5; semitones: -12 to 12
   * @returns {Promise<void>} settles when the tempo is in effect
   * @throws {UserError} if the library could not be loaded; the tempo stays as it was
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
    else if (!wasPlain) await this.#run?.setTempo(wanted, this.#device.soon());
    this.#click();
    this.dispatchEvent(new Event("mix"));
  }

  /**
   * @param {string} source or "master" @returns {Level} its current level after the fader
   */
  level(source) {
    const level = this.#mixer.level(source);
    return this.#runs.size > 0 ? level : { peak: 0, rms: 0 };
  }

  /** @returns {PlayerSettings} */
  get settings() {
    return {
      ...this.#strips.settings,
      loop: this.#loop && [...this.#loop],
      clicks: this.#clicks,
      ...this.#tempo,
    };
  }

  /** Invalid values fall back to their defaults. */
  set settings(settings) {
    const { loop, clicks, speed, semitones, ...strips } = settings ?? {};
    this.#strips.settings = strips;
    this.#changeMix();
    const isLoop = Array.isArray(loop) && loop.length === 2 && loop.every(Number.isFinite);
    this.loop = isLoop ? loop : null;
    this.clicks = clicks === "beats" || clicks === "countIn" ? clicks : "off";
    const tempo = tempoOf({ speed, semitones });
    this.setTempo(tempo).catch((error) => this.#tell(error));
  }

  /**
   * Schedule what is final, up to some seconds ahead. Called whenever there may be more to do.
   *
   * @returns {Promise<void>} settles when nothing more can be scheduled for now, and the switch to
   *   `heard` is done
   */
  async fill() {
    this.#filling ??= this.#work();
    await Promise.all([this.#filling, this.#switching]);
  }

  /** @returns {Promise<void>} settles when all reading has stopped */
  async close() {
    this.#stems.removeEventListener("final", this.#onFinal);
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

  async #work() {
    await null; // so that `#filling` is set before it is cleared
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
    // A run continues right up to the edge; it starts only with a whole piece.
    if (run) return run.fit(length);
    if (length === most) return length;
    this.#setState("buffering");
    return 0;
  }

  /**
   * @param {number} length frames
   * @returns {Promise<boolean>} false if they came too late, so the run ends first
   */
  async #append(length) {
    const route = this.#route;
    const stretches = route.from(this.#run?.end ?? this.#start, length);
    const hasStems = route.finalFrames(stretches) === length;
    const isNew = this.#run === null;
    const run = (this.#run ??= this.#begin());
    const parts = await Promise.all(
      [...this.#stems.sources, MIXTURE].map((source) =>
        hasStems || source === MIXTURE ? route.read(source, stretches) : null,
      ),
    );
    if (run !== this.#run || route !== this.#route) return true;
    run.hasStems &&= hasStems;
    const { start, length: last } = /** @type {Stretch} */ (stretches.at(-1));
    const soon = this.#device.soon();
    const isThere = await run.append(parts, stretches, route.after(start + last), soon);
    // What a run begins with may be due by now; later on, that has been scheduled before.
    if (run === this.#run) this.#click(isNew ? soon : undefined);
    return isThere;
  }

  /**
   * Click the beats that are scheduled, and no others.
   *
   * @param {number} [time] from when on, in seconds
   */
  #click(time = this.#device.soon()) {
    const beats = this.#clicks !== "off" && this.#state !== "paused" ? this.#beats : null;
    // A beat on the first frame of a run is not missed, however its time is rounded.
    const soon = time - 1 / this.#stems.rate;
    this.#metronome.schedule((beats && this.#run?.timesOf(beats, soon)) ?? [], soon);
  }

  /** @returns {import("./run.js").CountIn | null} what to count before the next run */
  #countIn() {
    const isWanted = this.#isFromUser && this.#clicks === "countIn";
    this.#isFromUser = false;
    const next = isWanted ? this.#beats?.next(this.#start) : null;
    if (!next) return null;
    const second = this.#stems.rate * this.#tempo.speed;
    const [until, apart] = [(next.beat - this.#start) / second, next.interval / second];
    const clicks = Array.from({ length: COUNTED }, (_, index) => (COUNTED - index) * apart - until);
    return { seconds: Math.max(0, COUNTED * apart - until + COUNT_LEAD_SECONDS), clicks };
  }

  /** @returns {Run} */
  #begin() {
    this.#setState("playing");
    const fades = this.#mixer.inputs.map((input) => {
      const fade = new GainNode(this.#context);
      fade.connect(input);
      return fade;
    });
    const { length } = this.#stems;
    const run = new Run(this.#newDeck(fades), fades, this.#start, length, this.#countIn());
    this.#runs.add(run);
    run.addEventListener("piece", () => this.#onPiece(run));
    return run;
  }

  /** @param {GainNode[]} outputs @returns {import("./run.js").Deck} */
  #newDeck(outputs) {
    if (!this.#stretcher || isPlain(this.#tempo)) return new DirectDeck(this.#context, outputs);
    return new StretchedDeck(this.#stretcher, outputs, this.#tempo);
  }

  /** @returns {Promise<void>} settles when it is open; can be tried again */
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

  /** @param {Run} run whose piece has been played, or has faded out */
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

  /** @param {Run} run that has played to its end */
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

  /** End the current run, if any, and remember its position. */
  #halt() {
    const run = this.#run;
    if (!run) return;
    this.#run = null;
    const time = this.#device.soon();
    // What was being counted is counted again.
    this.#isFromUser ||= run.isCounting(time);
    this.#start = run.frameAt(time);
    run.stop(time);
    if (run.isSilent) this.#runs.delete(run);
    this.#click();
  }

  /** Continue from here with a new run. */
  #restart() {
    this.#halt();
    void this.fill();
  }

  /** @param {number} frame */
  #moveTo(frame) {
    this.#start = frame;
    this.#stems.playhead = frame;
  }

  /** @param {Readonly<Loop>} loop @returns {Loop} within the song, and long enough */
  #loopWithin([from, to]) {
    const { length, rate } = this.#stems;
    const shortest = Math.min(Math.ceil(SHORTEST_LOOP_SECONDS * rate), length);
    const start = clamp(Math.round(Math.min(from, to)), 0, length - shortest, 0);
    return [start, clamp(Math.round(Math.max(from, to)), start + shortest, length, length)];
  }

  /** Apply the channel settings to the mixer. */
  #changeMix() {
    const time = this.#device.soon();
    for (const source of this.#stems.sources) {
      const { volume, pan } = this.channel(source);
      this.#mixer.place(source, { volume: this.isHeard(source) ? volume : 0, pan }, time);
    }
    this.#mixer.setMaster(this.master, time);
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
    const gain = this.#loudness.gainFor(this.#strips.heard());
    this.#mixer.hear(this.#heard, gain, this.#device.soon());
  }

  /** @returns {Promise<void>} settles when the loudness is measured, or has failed */
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

  /** @param {unknown} error */
  #tell(error) {
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }

  /** Release the audio device if nothing is audible, not even a fade. */
  #rest() {
    const isHeard = this.#runs.size > 0 && this.#device.isRunning;
    if (this.#state === "paused" && !isHeard) this.#device.rest(this.#closed);
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
