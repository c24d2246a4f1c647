/**
 * Remote calls: the only way in which the page and its workers communicate.
 *
 * The page posts `{id, method, argument}`; the worker posts any number of `{id, notice}` and then
 * one `{id, ok, value}` or `{id, ok, error}`. For the methods, their arguments and values, see
 * protocol.js.
 *
 * Comlink does most of this and was considered. But calls wait for ever if a worker has died, was
 * ended or gives no answer, which the engine has to survive; a notice needs a message channel of
 * its own for each call; and only the name, message and stack of an error arrive, while the page
 * needs its code.
 *
 * @module
 */

import { GraphicsError, UserError } from "./errors.js";

/** @typedef {import("./errors.js").Notice} Notice */

const TICK_MS = 5000;
/**
 * The most time that one tick counts: sleep of the machine is not waiting time. Timers of hidden
 * tabs tick once a minute.
 */
const LONGEST_TICK_MS = 60_000;

/**
 * An error in transit. `notice`: of a `UserError`; `isOfCard`: it is a `GraphicsError`.
 * @typedef {{name: string, message: string, notice: Notice | null, isOfCard: boolean}} Failure
 */

/**
 * @typedef {{id: number, notice: any}
 *   | {id: number, ok: true, value: any}
 *   | {id: number, ok: false, error: Failure}} Answer
 */

/**
 * @typedef {object} CallOptions
 * @property {Transferable[]} [transfer]    objects in the argument to transfer
 * @property {(notice: any) => void} [notice]   called with progress
 * @property {number} [seconds]     time to wait for an answer or a notice; default: for ever
 */

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {(notice: any) => void} notice
 * @property {number} patience      milliseconds
 * @property {number} waited        milliseconds since the call or its last notice
 */

/** A worker that answers calls: see `serve`. */
export class Remote {
  /** Whether it can be called. */
  alive = true;
  /** @type {Map<number, Pending>} by id of the call */
  #pending = new Map();
  #calls = 0;
  #lastTick = 0;
  #ticker = 0;
  #worker;
  #gone;

  /**
   * @param {URL} url URL of the worker's module
   * @param {(message: string) => Error} gone makes the error for calls when the worker dies
   */
  constructor(url, gone) {
    this.#gone = gone;
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", (event) => this.#receive(event.data));
    for (const type of ["error", "messageerror"]) {
      this.#worker.addEventListener(type, (event) => {
        this.end(gone(/** @type {ErrorEvent} */ (event).message));
      });
    }
  }

  /**
   * @param {string} method @param {unknown} argument @param {CallOptions} [options]
   * @returns {Promise<any>} the value listed in protocol.js
   */
  call(method, argument, { transfer = [], notice = () => {}, seconds = Infinity } = {}) {
    return new Promise((resolve, reject) => {
      if (!this.alive) throw this.#gone("");
      const id = ++this.#calls;
      if (seconds < Infinity) this.#watch();
      this.#pending.set(id, { resolve, reject, notice, patience: seconds * 1000, waited: 0 });
      this.#worker.postMessage({ id, method, argument }, transfer);
    });
  }

  /** @param {Answer} answer */
  #receive(answer) {
    const call = this.#pending.get(answer.id);
    if (!call) return;
    if ("notice" in answer) {
      call.waited = 0;
      call.notice(answer.notice);
      return;
    }
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) this.#rest();
    if (answer.ok) call.resolve(answer.value);
    else call.reject(errorOf(answer.error));
  }

  #watch() {
    if (this.#ticker !== 0) return;
    this.#lastTick = performance.now();
    this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
  }

  #rest() {
    clearInterval(this.#ticker);
    this.#ticker = 0;
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
    this.#rest();
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

/** @param {Failure} failure @returns {Error} the error as thrown, as far as the page needs it */
function errorOf({ name, message, notice, isOfCard }) {
  if (!notice) return Object.assign(new Error(message), { name });
  const Kind = isOfCard ? GraphicsError : UserError;
  return new Kind(notice.code, notice.values, message);
}

/**
 * Answer the calls of the page. A worker calls this once.
 *
 * @param {(method: any, argument: any, notice: (notice: any) => void) => unknown} answer
 *   returns the value or a promise of it, or throws
 * @param {(value: any) => Float32Array[]} [samples] finds the arrays in the value to transfer
 */
export function serve(answer, samples = samplesIn) {
  const scope = /** @type {import("./worker-scope.js").Scope} */ (/** @type {unknown} */ (self));
  addEventListener("message", async (/** @type {MessageEvent} */ event) => {
    const { id, method, argument } = event.data;
    try {
      const value = await answer(method, argument, (notice) => {
        scope.postMessage({ id, notice }, []);
      });
      const transfer = samples(value).map(({ buffer }) => buffer);
      scope.postMessage({ id, ok: true, value }, transfer);
    } catch (error) {
      scope.postMessage({ id, ok: false, error: failureOf(error) }, []);
    }
  });
}

/** @param {unknown} value @returns {Float32Array[]} the value itself, or its items */
function samplesIn(value) {
  return [value].flat().filter((array) => array instanceof Float32Array);
}

/** @param {unknown} error @returns {Failure} */
function failureOf(error) {
  if (error instanceof UserError) {
    const { name, code, notice, cause } = error;
    const message = cause === undefined ? code : String(cause);
    return { name, message, notice, isOfCard: error instanceof GraphicsError };
  }
  const { name, stack, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message: stack ?? message, notice: null, isOfCard: false };
}
