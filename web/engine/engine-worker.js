/**
 * One worker with an engine, and the call it is busy with.
 *
 * @module
 */

import { SENTENCES, UserError } from "./errors.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").Notice} Notice */

/**
 * How long an answer may take, in seconds, where nothing better is known: many times what the
 * slowest machine needs, for this is only to keep anybody from waiting for ever.
 */
const PATIENCE_SECONDS = { run: 2700, other: 600 };

const TICK_MS = 5000;
/**
 * The most that one tick counts: a machine that slept was not waiting. Timers of hidden tabs tick
 * each minute.
 */
const LONGEST_TICK_MS = 60_000;

/** Dead after a failure that is not the song's fault. */
export class EngineWorker {
  alive = true;
  /** @type {{resolve: (value: any) => void, reject: (error: unknown) => void,
   *   notice: (notice: Notice) => void, patience: number} | null} */
  #pending = null;
  #calls = 0;
  #waited = 0;
  #lastTick = 0;
  #ticker = 0;
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
   * @param {{transfer?: Transferable[], notice?: (notice: Notice) => void, seconds?: number}}
   *   [options] `seconds`: how long to wait for an answer
   * @returns {Promise<any>} the value that `protocol.js` states
   */
  call(method, argument, { transfer = [], notice = () => {}, seconds } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#pending) throw new Error("The worker answers one call at a time.");
      if (!this.alive) throw new UserError(SENTENCES.died);
      const usual = PATIENCE_SECONDS[method === "run" ? "run" : "other"];
      const patience = (seconds ?? usual) * 1000;
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
    clearInterval(this.#ticker);
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
    clearInterval(this.#ticker);
    this.#waited = 0;
    this.#lastTick = performance.now();
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const now = performance.now();
    this.#waited += Math.min(now - this.#lastTick, LONGEST_TICK_MS);
    this.#lastTick = now;
    const patience = this.#pending?.patience ?? Infinity;
    if (this.#waited > patience) this.end(new UserError(SENTENCES.silent));
  }

  /** @param {unknown} reason rejects the call that is waiting, if any */
  end(reason) {
    if (!this.alive) return;
    this.alive = false;
    clearInterval(this.#ticker);
    this.#worker.terminate();
    this.#pending?.reject(reason);
    this.#pending = null;
  }
}
