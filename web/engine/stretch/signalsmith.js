/**
 * Signalsmith Stretch, one stereo stream of it.
 *
 * The library is taken for what it does best, and to the frame: other speeds at the same pitch. Its
 * own transposition is up to 0.8 % off below 250 Hz (measured on sines), which a bass player hears:
 * so `stream.js` changes the pitch by sampling what was stretched. The package's AudioWorklet is
 * not taken either: it loads itself from a blob: URL, which a strict Content-Security-Policy
 * forbids, and copies wrong samples where one buffer ends and the next begins. Below half of the
 * speed the library makes phases up by chance: here the chance is always the same, so that a song
 * that is saved twice is the same twice.
 *
 * @module
 */

import openModule from "../../vendor/signalsmith-stretch.mjs";

/** Of what the library seeds its random numbers with. */
const CHANCE = { getRandomValues: (/** @type {Uint8Array} */ bytes) => bytes.fill(1) };

/** The library's own choice. */
const BLOCK_SECONDS = 0.12;
const INTERVAL_SECONDS = 0.03;

/**
 * Far below the last bit of 24. In digital silence the library drops what it has not given out yet,
 * which at twice the speed and more is the end of what came before.
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
    // The work of a block is spread over the time until the next one: no peaks on the audio thread.
    module._configure(2, block, interval, true);
    /** What the library needs before the place where it begins, in frames. */
    this.history = block + interval;
    /** How far ahead of what comes out it has to be fed: frames of the input, and of the output. */
    this.inputLatency = module._inputLatency();
    this.outputLatency = module._outputLatency();
    this.#capacity = this.history;
    this.#address = module._setBuffers(2, this.#capacity);
  }

  /** @param {number} rate hertz @returns {Promise<Signalsmith>} */
  static async open(rate) {
    return new Signalsmith(await openModule({ random: CHANCE }), rate);
  }

  /** @returns {Float32Array[]} left and right: to be filled before `seek` or `process` */
  get inputs() {
    this.#look();
    return this.#inputs;
  }

  /** @returns {Float32Array[]} left and right: what `process` has given */
  get outputs() {
    this.#look();
    return this.#outputs;
  }

  /** @param {number} speed at which it is to go on after the `history` that is in `inputs` */
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

  /** Memory that grows is another buffer. */
  #look() {
    const { buffer } = this.#module.HEAP8;
    if (this.#inputs[0]?.buffer === buffer) return;
    const view = (/** @type {number} */ index) =>
      new Float32Array(buffer, this.#address + 4 * this.#capacity * index, this.#capacity);
    this.#inputs = [view(0), view(1)];
    this.#outputs = [view(2), view(3)];
  }
}
