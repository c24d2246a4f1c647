/**
 * One stereo stream of Signalsmith Stretch.
 *
 * The library is used for what it does best, accurate to the frame: other speeds at the same pitch.
 * Its own transposition is up to 0.8 % off below 250 Hz (measured on sines), which a bass player
 * hears, so `stream.js` changes the pitch by resampling the stretched signal. The package's
 * AudioWorklet is not used either: it loads itself from a blob: URL, which a strict
 * Content-Security-Policy forbids, and copies wrong samples at the boundary between buffers. Below
 * half speed the library randomises phases: here the random numbers are always the same, so that
 * saving a song twice gives the same result.
 * @module
 */

import openModule from "../../vendor/signalsmith-stretch.mjs";

/** Seed for the library's random numbers. */
const CHANCE = { getRandomValues: (/** @type {Uint8Array} */ bytes) => bytes.fill(1) };

/** The library's own defaults. */
const BLOCK_SECONDS = 0.12;
const INTERVAL_SECONDS = 0.03;

/**
 * Far below the last bit of 24. In digital silence the library drops pending output, which at
 * double speed and above is the end of the preceding sound.
 */
const NEVER_SILENT = 1e-8;

export class Signalsmith {
  #module;
  #capacity;
  #address;
  /** @type {Float32Array[]} */
  #inputs = [];
  /** @type {Float32Array[]} */
  #outputs = [];

  /**
   * @param {import("../../vendor/signalsmith-stretch.mjs").SignalsmithModule} module
   * @param {number} rate hertz
   */
  constructor(module, rate) {
    this.#module = module;
    const [block, interval] = [
      Math.round(BLOCK_SECONDS * rate),
      Math.round(INTERVAL_SECONDS * rate),
    ];
    // Spread the work of a block over the time until the next: no load peaks on the audio thread.
    module._configure(2, block, interval, true);
    /** Frames that the library needs before its starting point. */
    this.history = block + interval;
    /** How far the input is ahead of the output: in frames of the input, and of the output. */
    this.inputLatency = module._inputLatency();
    this.outputLatency = module._outputLatency();
    this.#capacity = this.history;
    this.#address = module._setBuffers(2, this.#capacity);
  }

  /** @param {number} rate hertz @returns {Promise<Signalsmith>} */
  static async open(rate) {
    return new Signalsmith(await openModule({ random: CHANCE }), rate);
  }

  /** @returns {Float32Array[]} left and right: to be filled before `begin` or `process` */
  get inputs() {
    this.#look();
    return this.#inputs;
  }

  /** @returns {Float32Array[]} left and right: the output of `process` */
  get outputs() {
    this.#look();
    return this.#outputs;
  }

  /** @param {number} speed speed for what follows the `history` in `inputs` */
  begin(speed) {
    this.#module._reset();
    this.#disturb(this.history);
    this.#module._seek(this.history, speed);
  }

  /** @param {number} taken frames of the inputs @param {number} given frames of the outputs */
  process(taken, given) {
    this.#disturb(taken);
    this.#module._process(taken, given);
  }

  /** @param {number} length frames of the inputs */
  #disturb(length) {
    const left = /** @type {Float32Array} */ (this.inputs[0]);
    for (let i = 0; i < length; i++) left[i] = /** @type {number} */ (left[i]) + NEVER_SILENT;
  }

  /** Renew the views: the buffer changes when memory grows. */
  #look() {
    const { buffer } = this.#module.HEAP8;
    if (this.#inputs[0]?.buffer === buffer) return;
    const view = (/** @type {number} */ index) =>
      new Float32Array(buffer, this.#address + 4 * this.#capacity * index, this.#capacity);
    this.#inputs = [view(0), view(1)];
    this.#outputs = [view(2), view(3)];
  }
}
