/**
 * Plays a click at given times of the audio clock.
 *
 * @module
 */

/** The click: a decaying sine. */
const CLICK = { hertz: 1500, seconds: 0.03, decay: 0.006, level: 0.5 };

export class Metronome {
  #context;
  #output;
  #sound;
  /** @type {Map<AudioBufferSourceNode, number>} each with the time when it begins */
  #voices = new Map();

  /** @param {BaseAudioContext} context @param {AudioNode} output */
  constructor(context, output) {
    this.#context = context;
    this.#output = output;
    const samples = click(context.sampleRate);
    const { length } = samples;
    this.#sound = new AudioBuffer({ length, sampleRate: context.sampleRate });
    this.#sound.copyToChannel(samples, 0);
  }

  /**
   * @param {number[]} times in seconds, from `soon` on
   * @param {number} soon clicks from then on that are not among `times` are not played
   */
  schedule(times, soon) {
    for (const [voice, time] of this.#voices) if (time >= soon) this.#drop(voice);
    for (const time of times) this.#play(time);
  }

  /** @param {number} time */
  #play(time) {
    const voice = new AudioBufferSourceNode(this.#context, { buffer: this.#sound });
    voice.connect(this.#output);
    voice.addEventListener("ended", () => this.#drop(voice), { once: true });
    voice.start(time);
    this.#voices.set(voice, time);
  }

  /** @param {AudioBufferSourceNode} voice */
  #drop(voice) {
    voice.disconnect();
    this.#voices.delete(voice);
  }
}

/** @param {number} rate hertz @returns {Float32Array<ArrayBuffer>} the samples of a click */
export function click(rate) {
  const { hertz, seconds, decay, level } = CLICK;
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, frame) => {
    const time = frame / rate;
    return level * Math.exp(-time / decay) * Math.cos(2 * Math.PI * hertz * time);
  });
}
