/**
 * Drives the engine's worker: starts it, feeds it a song, collects the stems, stops it.
 *
 * @module
 */

import { isOutOfMemory, SENTENCES, UserError } from "./errors.js";
import { checkBrowser } from "./support.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./protocol.js").Task} Task */
/** @typedef {import("./decode.js").Song} Song */

/**
 * @typedef {object} Stem
 * @property {string} name
 * @property {Float32Array} left
 * @property {Float32Array} right
 */

/**
 * @typedef {object} Progress
 * @property {number} done              tasks
 * @property {number} total             tasks
 * @property {number | null} secondsLeft    null before the first task is done
 */

/**
 * How long one answer may take before the worker is given up, in minutes: many times what the slowest
 * machine needs, for this is only to keep anybody from waiting for ever.
 */
const PATIENCE_MINUTES = { boot: 10, downmix: 10, open: 10, measure: 10, begin: 10, run: 45 };

/** One worker and the call it is busy with. Dead after a failure that is not the song's fault. */
class EngineWorker {
  alive = true;
  /** @type {{resolve: (value: any) => void, reject: (error: unknown) => void,
   *   notice: (notice: Notice) => void, patience: number} | null} */
  #pending = null;
  #calls = 0;
  #timer = 0;
  #worker;

  constructor() {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", (event) => this.#receive(event.data));
    for (const type of ["error", "messageerror"]) {
      this.#worker.addEventListener(type, (event) => {
        this.end(new UserError(SENTENCES.died, /** @type {ErrorEvent} */ (event).message));
      });
    }
  }

  /**
   * @template {Call["method"]} Method
   * @param {Method} method
   * @param {Extract<Call, {method: Method}>["argument"]} argument
   * @param {{transfer?: Transferable[], notice?: (notice: Notice) => void}} [options]
   * @returns {Promise<any>} the value that `protocol.js` states
   */
  call(method, argument, { transfer = [], notice = () => {} } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#pending) throw new Error("The worker answers one call at a time.");
      const patience = PATIENCE_MINUTES[method] * 60_000;
      this.#pending = { resolve, reject, notice, patience };
      this.#watch();
      this.#worker.postMessage({ id: ++this.#calls, method, argument }, transfer);
    });
  }

  /** @param {import("./protocol.js").Reply | Notice} message */
  #receive(message) {
    if (!this.#pending || message.id !== this.#calls) return;
    if ("stage" in message) {
      this.#watch();
      this.#pending.notice(message);
      return;
    }
    const { resolve, reject } = this.#pending;
    this.#pending = null;
    clearTimeout(this.#timer);
    if (message.ok) resolve(message.value);
    else reject(this.#errorOf(message.error));
  }

  /** @param {import("./protocol.js").Failure} failure @returns {UserError} */
  #errorOf({ kind, message }) {
    if (kind === "input") return new UserError(message);
    this.end(null);
    if (kind === "download") return new UserError(message);
    if (kind === "old") return new UserError(SENTENCES.old, message);
    console.error(message);
    return new UserError(kind === "memory" ? SENTENCES.memory : SENTENCES.fault, message);
  }

  #watch() {
    clearTimeout(this.#timer);
    const patience = this.#pending?.patience;
    this.#timer = window.setTimeout(() => this.end(new UserError(SENTENCES.silent)), patience);
  }

  /** @param {unknown} reason rejects the call that is waiting, if any */
  end(reason) {
    this.alive = false;
    clearTimeout(this.#timer);
    this.#worker.terminate();
    this.#pending?.reject(reason);
    this.#pending = null;
  }
}

/** The engine as the page sees it. A song at a time; any number of songs one after another. */
export class Separator {
  /** @type {EngineWorker | null} */
  #worker = null;
  /** @type {Promise<EngineInfo> | null} */
  #booted = null;
  /** @type {Map<number, Promise<number[][]>>} */
  #matrices = new Map();
  #options;

  /** @param {import("./protocol.js").BootOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Start a worker, unless one runs already.
   *
   * @param {(notice: Notice) => void} [notice]
   * @returns {Promise<EngineInfo>}
   * @throws {UserError}
   */
  start(notice = () => {}) {
    if (!this.running) this.stop();
    this.#booted ??= this.#boot(notice);
    return this.#booted;
  }

  /** @param {(notice: Notice) => void} notice @returns {Promise<EngineInfo>} */
  async #boot(notice) {
    try {
      checkBrowser();
      this.#worker = new EngineWorker();
      return await this.#worker.call("boot", this.#options, { notice });
    } catch (error) {
      this.stop(error);
      const noMemory = error instanceof UserError && error.message === SENTENCES.memory;
      throw noMemory ? new UserError(SENTENCES.engineMemory, error) : error;
    }
  }

  /** @param {unknown} [reason] what a song at work fails with */
  stop(reason) {
    this.#worker?.end(reason);
    this.#worker = null;
    this.#booted = null;
  }

  get running() {
    return this.#worker?.alive ?? false;
  }

  /**
   * @param {number} channels
   * @returns {Promise<number[][]>} (2, channels), from Python, so that page and command line agree
   */
  async downmixMatrix(channels) {
    let matrix = this.#matrices.get(channels);
    if (!matrix) {
      await this.start();
      matrix = /** @type {EngineWorker} */ (this.#worker).call("downmix", channels);
      this.#matrices.set(channels, matrix);
      matrix.catch(() => this.#matrices.delete(channels));
    }
    return matrix;
  }

  /**
   * @param {Song} song
   * @param {(progress: Progress) => void} report
   * @param {AbortSignal} signal ends the worker: start a new one for the next song
   * @returns {Promise<Stem[]>} as long as the song
   * @throws {UserError} a sentence for the person
   * @throws {DOMException} AbortError
   */
  async separate(song, report, signal) {
    const info = await this.start();
    signal.throwIfAborted();
    const abort = () => this.stop(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const worker = /** @type {EngineWorker} */ (this.#worker);
    try {
      const stems = await work(worker, song, info, report);
      signal.throwIfAborted();
      return stems;
    } catch (error) {
      if (isOutOfMemory(error)) throw new UserError(SENTENCES.memory, error);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/**
 * @param {EngineWorker} worker @param {Song} song @param {EngineInfo} info
 * @param {(progress: Progress) => void} report
 * @returns {Promise<Stem[]>}
 */
async function work(worker, song, info, report) {
  const length = song.left.length;
  const stems = info.sources.map((name) => ({
    name,
    left: new Float32Array(length),
    right: new Float32Array(length),
  }));
  await measure(worker, song, info.measure_block);
  /** @type {Task[]} */
  const tasks = await worker.call("begin", null);
  const total = tasks.length;
  report({ done: 0, total, secondsLeft: null });
  const started = performance.now();
  for (const [done, task] of tasks.entries()) {
    const part = planar(song, task.input_start, task.input_length);
    const block = await worker.call(
      "run",
      { index: task.index, part },
      { transfer: [part.buffer] },
    );
    if (block) store(block, stems);
    const seconds = (performance.now() - started) / 1000;
    report({ done: done + 1, total, secondsLeft: (seconds / (done + 1)) * (total - done - 1) });
  }
  return stems;
}

/** @param {EngineWorker} worker @param {Song} song @param {number} frames at once */
async function measure(worker, song, frames) {
  await worker.call("open", null);
  for (let start = 0; start < song.left.length; start += frames) {
    const block = planar(song, start, Math.min(frames, song.left.length - start));
    await worker.call("measure", block, { transfer: [block.buffer] });
  }
}

/**
 * @param {Song} song @param {number} start @param {number} length
 * @returns {Float32Array} (2, length), a copy
 */
function planar({ left, right }, start, length) {
  const part = new Float32Array(2 * length);
  part.set(left.subarray(start, start + length));
  part.set(right.subarray(start, start + length), length);
  return part;
}

/** @param {import("./protocol.js").Block} block @param {Stem[]} stems */
function store({ start, length, audio }, stems) {
  for (const [index, stem] of stems.entries()) {
    const at = 2 * index * length;
    stem.left.set(audio.subarray(at, at + length), start);
    stem.right.set(audio.subarray(at + length, at + 2 * length), start);
  }
}
