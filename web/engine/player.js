/**
 * Plays all stems of a song together, while the song may still be at work.
 *
 * Pieces of a second are read from the store a few seconds ahead and scheduled on the audio clock,
 * each on the frame after the last one's end: what is heard is what is in the store, to the sample,
 * and only seconds of it are in memory. What plays without a break is a `Run`. It ends with a short
 * fade where the person pauses or jumps, and at the edge of what is final, from where the next one
 * goes on.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Stems} Stems */
/**
 * @typedef {"paused" | "playing" | "buffering"} State buffering: waits for stems to become final
 */

/**
 * A stem's place in the mixer.
 * @typedef {object} Channel
 * @property {number} volume    0 to 1
 * @property {boolean} muted
 * @property {boolean} solo     while any stem has it, only those that have it are heard
 */

const PIECE_SECONDS = 1;
/** More than what timers of a tab in the background are held up. */
const AHEAD_SECONDS = 4;
/** Long enough not to click, short enough not to be heard as a fade. */
const FADE_SECONDS = 0.01;
/**
 * What a change takes at most, besides the buffer of the audio device, to reach the audio thread.
 */
const DELAY_SECONDS = 0.02;
/**
 * What that buffer is taken for where the browser says 0: Firefox does, and goes in steps of 20 ms.
 */
const USUAL_BUFFER_SECONDS = 0.05;

export class Player extends EventTarget {
  #stems;
  #context;
  /** @type {Map<string, Channel & {gain: GainNode}>} */
  #channels;
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

  /**
   * Events: "state" when `state` has changed; "error", a `CustomEvent` with the error as its
   * detail, when stems could not be read.
   *
   * @param {Stems} stems
   * @param {BaseAudioContext} context at the rate of the stems; closed after `close`
   */
  constructor(stems, context) {
    super();
    this.#stems = stems;
    this.#context = context;
    this.#channels = new Map(stems.sources.map((source) => [source, openChannel(context)]));
    stems.addEventListener("final", this.#onFinal);
    this.#rest();
  }

  get state() {
    return this.#state;
  }

  /** @returns {number} the frame that is heard now, or where play will begin */
  get position() {
    return this.#run?.frameAt(this.#context.currentTime) ?? this.#start;
  }

  play() {
    if (this.#state !== "paused") return;
    if (this.#start >= this.#stems.length) this.#moveTo(0);
    if (this.#context instanceof AudioContext) void this.#context.resume();
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
    void this.fill();
  }

  /** @param {string} source @returns {Readonly<Channel>} */
  channel(source) {
    const channel = this.#channels.get(source);
    if (!channel) throw new Error(`There is no stem ${source}.`);
    return channel;
  }

  /** @param {string} source @param {Partial<Channel>} change */
  setChannel(source, change) {
    Object.assign(this.channel(source), change);
    for (const [name, { volume, gain }] of this.#channels) {
      approach(gain.gain, this.isHeard(name) ? volume : 0, this.#soon());
    }
  }

  /** @param {string} source @returns {boolean} whether the mixer lets it through */
  isHeard(source) {
    const { muted, solo } = this.channel(source);
    return !muted && (solo || ![...this.#channels.values()].some((channel) => channel.solo));
  }

  /** @returns {Map<string, number>} the volumes of the stems that are heard */
  volumes() {
    const heard = [...this.#channels].filter(([source]) => this.isHeard(source));
    return new Map(heard.map(([source, { volume }]) => [source, volume]));
  }

  /**
   * Schedule what is final, up to some seconds ahead. Called whenever there may be more to do.
   *
   * @returns {Promise<void>} settled when no more can be done for now
   */
  fill() {
    this.#filling ??= this.#work();
    return this.#filling;
  }

  /** @returns {Promise<void>} settled when nothing is read any more */
  async close() {
    this.#stems.removeEventListener("final", this.#onFinal);
    this.#halt();
    this.#setState("paused");
    await this.#filling;
    this.#closed = true;
    this.#rest();
  }

  #onFinal = () => {
    void this.fill();
  };

  async #work() {
    await null; // so that `#filling` is there before it is taken away
    try {
      for (let length = this.#next(); length > 0; length = this.#next()) {
        if (!(await this.#append(length))) break;
      }
    } catch (error) {
      if (this.#state === "paused") return;
      this.pause();
      this.dispatchEvent(new CustomEvent("error", { detail: error }));
    } finally {
      this.#filling = null;
    }
  }

  /** @returns {number} how many frames to schedule next; 0: none for now */
  #next() {
    if (this.#state === "paused") return 0;
    const run = this.#run;
    const { rate } = this.#stems;
    if (run && run.end - this.position >= AHEAD_SECONDS * rate) return 0;
    const start = run?.end ?? this.#start;
    const most = Math.min(PIECE_SECONDS * rate, this.#stems.length - start);
    const length = Math.min(most, finalFrames(this.#stems, start));
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
    this.#run ??= this.#begin();
    const run = this.#run;
    const { sources, rate } = this.#stems;
    const parts = await Promise.all(
      sources.map((source) => this.#stems.read(source, run.end, length)),
    );
    if (run !== this.#run) return true;
    return run.append(
      parts.map((part) => audioBuffer(part, rate)),
      this.#soon(),
    );
  }

  /** @returns {Run} */
  #begin() {
    this.#setState("playing");
    const outputs = [...this.#channels.values()].map(({ gain }) => gain);
    const run = new Run(this.#context, outputs, this.#start, this.#stems.length);
    this.#runs.add(run);
    run.addEventListener("piece", () => this.#onPiece(run));
    return run;
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
    if (run.end < this.#stems.length) return;
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

  /** @param {number} frame */
  #moveTo(frame) {
    this.#start = frame;
    this.#stems.playhead = frame;
  }

  /** Let the audio device go if there is nothing to hear, not even a fade. */
  #rest() {
    const context = this.#context;
    if (this.#state !== "paused" || this.#runs.size > 0) return;
    if (!(context instanceof AudioContext) || context.state === "closed") return;
    void (this.#closed ? context.close() : context.suspend());
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

/**
 * A stretch that plays without a break. Event: "piece" whenever a piece has ended.
 */
class Run extends EventTarget {
  /** Where the last scheduled piece ends, in frames of the song. */
  end;
  #start;
  #context;
  #songLength;
  /** @type {GainNode[]} one for each stem, for the fades */
  #fades;
  /** @type {number | null} when it begins, in frames of the context; null before the first piece */
  #zero = null;
  /** @type {Set<AudioBufferSourceNode>} */
  #voices = new Set();

  /**
   * @param {BaseAudioContext} context
   * @param {AudioNode[]} outputs one for each stem
   * @param {number} start frame of the song
   * @param {number} songLength frames
   */
  constructor(context, outputs, start, songLength) {
    super();
    this.#context = context;
    this.#start = start;
    this.end = start;
    this.#songLength = songLength;
    this.#fades = outputs.map((output) => {
      const fade = new GainNode(context, { gain: start === 0 ? 1 : 0 });
      fade.connect(output);
      return fade;
    });
  }

  /** @returns {boolean} whether nothing is scheduled, or it has all been played */
  get isSilent() {
    return this.#voices.size === 0;
  }

  /** @param {number} time of the context, in seconds @returns {number} the song's frame then */
  frameAt(time) {
    if (this.#zero === null) return this.#start;
    const frame = this.#start + Math.round(time * this.#context.sampleRate) - this.#zero;
    return Math.min(Math.max(frame, this.#start), this.end);
  }

  /**
   * @param {number} length frames that could be scheduled next
   * @returns {number} as many of them, or a few less, as leave an exact place for what follows
   */
  fit(length) {
    if (this.#zero === null || this.end + length === this.#songLength) return length;
    const end = this.#zero + this.end - this.#start;
    while (length > 0 && !isExact(end + length, this.#context.sampleRate)) length--;
    return length;
  }

  /**
   * Schedule the piece that follows.
   *
   * @param {AudioBuffer[]} buffers one for each stem
   * @param {number} soon the earliest time, in seconds, for which something can be scheduled
   * @returns {boolean} false when the run will have faded out before
   */
  append(buffers, soon) {
    const rate = this.#context.sampleRate;
    const length = buffers[0]?.length ?? 0;
    if (this.#zero === null) {
      this.#zero = Math.round(soon * rate);
      while (!isExact(this.#zero, rate) || !isExact(this.#zero + length, rate)) this.#zero++;
      if (this.#start > 0) this.#fade(0, 1, this.#zero / rate);
    } else if (soon > this.#timeOf(this.end) - FADE_SECONDS) {
      return false;
    } else {
      this.#cancelFade();
    }
    this.#schedule(buffers, this.#timeOf(this.end));
    this.end += length;
    if (this.end < this.#songLength) this.#fade(1, 0, this.#timeOf(this.end) - FADE_SECONDS);
    return true;
  }

  /** @param {number} time in seconds; it fades out from there */
  stop(time) {
    if (this.isSilent || time > this.#timeOf(this.end) - FADE_SECONDS) return;
    // Its first fade is not cut short: half a ramp would be a step.
    const from = Math.max(time, this.#timeOf(this.#start) + FADE_SECONDS);
    for (const { gain } of this.#fades) {
      gain.cancelScheduledValues(from);
      approach(gain, 0, from);
    }
    for (const voice of this.#voices) voice.stop(from + FADE_SECONDS);
  }

  /** @param {number} frame of the song @returns {number} when it is heard, in seconds */
  #timeOf(frame) {
    return (/** @type {number} */ (this.#zero) + frame - this.#start) / this.#context.sampleRate;
  }

  /** @param {AudioBuffer[]} buffers @param {number} time in seconds */
  #schedule(buffers, time) {
    for (const [index, buffer] of buffers.entries()) {
      const voice = new AudioBufferSourceNode(this.#context, { buffer });
      voice.connect(/** @type {GainNode} */ (this.#fades[index]));
      voice.addEventListener("ended", () => this.#onEnded(voice), { once: true });
      voice.start(time);
      this.#voices.add(voice);
    }
  }

  /** @param {AudioBufferSourceNode} voice */
  #onEnded(voice) {
    voice.disconnect();
    this.#voices.delete(voice);
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

  /** The run goes on: take back the fade at its end. */
  #cancelFade() {
    const time = this.#timeOf(this.end) - FADE_SECONDS;
    for (const { gain } of this.#fades) gain.cancelScheduledValues(time);
  }
}

/** @param {BaseAudioContext} context @returns {Channel & {gain: GainNode}} */
function openChannel(context) {
  const gain = new GainNode(context);
  gain.connect(context.destination);
  return { volume: 1, muted: false, solo: false, gain };
}

/**
 * Times are given in seconds. One that is a frame only but for rounding would be taken as lying
 * between two frames, and the samples would be interpolated.
 *
 * @param {number} frame @param {number} rate
 * @returns {boolean} whether a frame's time is that frame to the last bit
 */
function isExact(frame, rate) {
  return (frame / rate) * rate === frame;
}

/**
 * @param {AudioParam} parameter
 * @param {number} value
 * @param {number} time in seconds, from which on
 */
function approach(parameter, value, time) {
  // Begins at whatever the value is then, and has come as near as 16 bits can tell after a fade.
  parameter.setTargetAtTime(value, time, FADE_SECONDS / 11);
}

/**
 * @param {Stems} stems
 * @param {number} start
 * @returns {number} how many frames from there are final
 */
function finalFrames(stems, start) {
  const range = stems.finalRanges().find(([first, stop]) => first <= start && start < stop);
  return range ? range[1] - start : 0;
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
