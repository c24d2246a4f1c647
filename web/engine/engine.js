/**
 * The engine: the workers of one model at a time, and the downloads that they need.
 *
 * @module
 */

import { fetchWeights } from "./assets.js";
import { keepAll } from "./keeper.js";
import { Pool } from "./pool.js";
import { Separator } from "./separator.js";
import { checkBrowser } from "./support.js";

/** @typedef {import("./protocol.js").Assets} Assets */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").GraphicsOptions} GraphicsOptions */

/**
 * Progress of a start.
 * @typedef {object} Stage
 * @property {"download" | import("./protocol.js").Notice["stage"]} stage
 * @property {number} done      bytes
 * @property {number} total     bytes; 0 if not counted
 */

/**
 * @typedef {object} Surroundings
 * @property {string} base                          the site's folder
 * @property {() => Promise<Assets>} readAssets
 * @property {(model: string) => number} workers    the most that may run
 * @property {() => string | null} backend          for Python; null: the fastest available
 * @property {() => GraphicsOptions | null} graphics    null: none
 * @property {Promise<import("./store.js").Store>} store
 * @property {() => Promise<void>} serviceWorkerReady
 */

/**
 * One start of the engine.
 * @typedef {object} Start
 * @property {string} model
 * @property {string | null} backend
 * @property {GraphicsOptions | null} graphics
 * @property {Promise<Separator>} ready
 * @property {AbortController} stopping
 * @property {Pool | null} pool
 */

/**
 * Events: "stage", a `CustomEvent` with a `Stage`, or with null when nothing is pending any more;
 * "change", when the engine has started or stopped, or something else computes; "failed", a
 * `CustomEvent` with the error.
 */
export class Engine extends EventTarget {
  #about;
  /** @type {Start | null} */
  #start = null;
  /** @type {EngineInfo | null} */
  #info = null;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    super();
    this.#about = surroundings;
  }

  /** The model that is loaded or being loaded; null: none. */
  get model() {
    return this.#start?.model ?? null;
  }

  /** Facts about the running engine; null if it is not running. */
  get info() {
    return this.#info;
  }

  get pool() {
    return this.#start?.pool ?? null;
  }

  /** The separator of the current start, whatever the next song needs; null if not started. */
  get separator() {
    return this.#start?.ready ?? null;
  }

  /** The card in use, or the reason why none is; null if none is wanted, or none was opened yet. */
  get graphics() {
    return this.pool?.card ?? this.pool?.refusal ?? null;
  }

  /**
   * Start the engine with a model. Another model, backend or graphics setting means a new start;
   * otherwise only workers that have ended are replaced.
   *
   * @param {string} model a key of `Assets.models`
   * @returns {Promise<Separator>}
   * @throws {UserError} also dispatched as "failed"
   */
  async use(model) {
    const { backend, graphics } = this.#about;
    const wanted = { model, backend: backend(), graphics: graphics() };
    if (!this.#start || !isSame(this.#start, wanted)) this.#begin(wanted);
    const start = /** @type {Start} */ (this.#start);
    try {
      const separator = await start.ready;
      await this.#refresh(start);
      return separator;
    } catch (error) {
      if (start === this.#start) this.#fail(error);
      throw error;
    }
  }

  /** Adjust the number of workers to the current limit. */
  resize() {
    if (this.#start?.pool) this.#start.pool.size = this.#about.workers(this.#start.model);
  }

  /** @param {Pick<Start, "model" | "backend" | "graphics">} wanted */
  #begin(wanted) {
    this.#start?.stopping.abort();
    this.#setInfo(null);
    this.#stage(null);
    const stopping = new AbortController();
    const start = /** @type {Start} */ ({ ...wanted, stopping, pool: null });
    start.ready = this.#load(start);
    start.ready.catch(() => {}); // Those who await it see the error.
    this.#start = start;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#start = null;
    this.#setInfo(null);
    this.#stage(null);
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }

  /** @param {Start} start */
  async #refresh(start) {
    const info = await start.pool?.start();
    if (start === this.#start) this.#setInfo(info ?? null);
  }

  /** @param {EngineInfo | null} info */
  #setInfo(info) {
    this.#info = info;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Stage | null} stage */
  #stage(stage) {
    this.dispatchEvent(new CustomEvent("stage", { detail: stage }));
  }

  /** @param {Start} start @returns {Promise<Separator>} */
  async #load(start) {
    const { model, stopping } = start;
    const { signal } = stopping;
    checkBrowser();
    const { base, readAssets, serviceWorkerReady, store } = this.#about;
    const assets = await readAssets();
    signal.throwIfAborted();
    const report = (/** @type {number} */ done, /** @type {number} */ total) => {
      if (done < total && !signal.aborted) this.#stage({ stage: "download", done, total });
    };
    const areKept = await keepAll(base, assets, model, report, signal);
    // Only then does the service worker answer the worker's own requests from the cache.
    if (areKept) await serviceWorkerReady();
    const weights = areKept ? null : await fetchWeights(base, assets, model, report, signal);
    signal.throwIfAborted();
    const pool = await this.#boot(start, { base, assets, model, backend: start.backend, weights });
    const separator = new Separator(pool, await store, assets, model);
    signal.throwIfAborted();
    this.#stage(null);
    return separator;
  }

  /**
   * @param {Start} start
   * @param {Omit<import("./protocol.js").BootOptions, "opensCard">} options
   */
  async #boot(start, options) {
    const { signal } = start.stopping;
    const pool = new Pool(options, this.#about.workers(start.model), start.graphics);
    start.pool = pool;
    signal.addEventListener("abort", () => pool.stop(signal.reason));
    await pool.start(({ stage, done, total }) => {
      if (!signal.aborted) this.#stage({ stage, done, total });
    });
    return pool;
  }
}

/**
 * @param {Start} start @param {Pick<Start, "model" | "backend" | "graphics">} wanted
 * @returns {boolean}
 */
function isSame({ model, backend, graphics }, wanted) {
  return (
    model === wanted.model && backend === wanted.backend && graphics === wanted.graphics
  );
}
