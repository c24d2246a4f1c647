/**
 * One worker with an engine, and the calls it is busy with.
 *
 * @module
 */

import { GraphicsError, UserError } from "./errors.js";

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

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {(notice: Notice) => void} notice
 * @property {number} patience      milliseconds
 * @property {number} waited        milliseconds since the call, or since the last notice of it
 */

/** Dead after a failure that is neither the song's fault nor the graphics card's. */
export class EngineWorker {
  alive = true;
  /** @type {Map<number, Pending>} by the call's id */
  #pending = new Map();
  #calls = 0;
  #lastTick = 0;
  #ticker = 0;
  #worker;

  constructor() {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", (event) => this.#receive(event.data));
    for (const type of ["error", "messageerror"]) {
      this.#worker.addEventListener(type, (event) => {
        this.end(new UserError("died", {}, /** @type {ErrorEvent} */ (event).message));
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
      if (!this.alive) throw new UserError("died");
      const usual = PATIENCE_SECONDS[method === "run" ? "run" : "other"];
      const patience = (seconds ?? usual) * 1000;
      const id = ++this.#calls;
      if (this.#pending.size === 0) this.#watch();
      this.#pending.set(id, { resolve, reject, notice, patience, waited: 0 });
      this.#worker.postMessage({ id, method, argument }, transfer);
    });
  }

  /** @param {import("./protocol.js").Reply | Notice} message */
  #receive(message) {
    const call = this.#pending.get(message.id);
    if (!call) return;
    if ("stage" in message) {
      call.waited = 0;
      call.notice(message);
      return;
    }
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) clearInterval(this.#ticker);
    if (message.ok) call.resolve(message.value);
    else call.reject(this.#errorOf(message.error));
  }

  /** @param {import("./protocol.js").Failure} failure @returns {UserError} */
  #errorOf({ kind, code, values, message }) {
    if (kind === "input") return new UserError(code, values, message);
    if (kind === "graphics") return new GraphicsError(code, values, message);
    this.end(new UserError("died"));
    if (code === "fault" || code === "memory") console.error(message);
    return new UserError(code, values, message);
  }

  #watch() {
    this.#lastTick = performance.now();
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const now = performance.now();
    const passed = Math.min(now - this.#lastTick, LONGEST_TICK_MS);
    this.#lastTick = now;
    for (const call of this.#pending.values()) {
      call.waited += passed;
      if (call.waited > call.patience) this.end(new UserError("silent"));
    }
  }

  /** @param {unknown} reason rejects the calls that are waiting */
  end(reason) {
    if (!this.alive) return;
    this.alive = false;
    clearInterval(this.#ticker);
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}
