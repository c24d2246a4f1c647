/**
 * The engine: the workers of one model at a time, with what has to be fetched before they start.
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
 * How far it is.
 * @typedef {object} Stage
 * @property {"download" | import("./protocol.js").Notice["stage"]} stage
 * @property {number} done      bytes
 * @property {number} total     bytes; 0 where they are not counted
 */

/**
 * @typedef {object} Surroundings
 * @property {string} base                          the site's folder
 * @property {() => Promise<Assets>} readAssets
 * @property {(model: string) => number} workers    how many there may be
 * @property {() => string | null} backend          for Python; null: the best there is
 * @property {() => GraphicsOptions | null} graphics    null: none
 * @property {Promise<import("./store.js").Store>} store
 * @property {() => Promise<void>} serviceWorkerReady
 */

/**
 * One start of it.
 * @typedef {object} Start
 * @property {string} model
 * @property {string | null} backend
 * @property {GraphicsOptions | null} graphics
 * @property {Promise<Separator>} ready
 * @property {AbortController} stopping
 * @property {Pool | null} pool
 */

/**
 * Events: "stage", a `CustomEvent` of a `Stage`, or of null when there is nothing more to wait for;
 * "change", it is up, or not any more, or somebody else computes; "failed", a `CustomEvent` of the
 * error.
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

  /** The model that it has, or will have as soon as it is up; null: none. */
  get model() {
    return this.#start?.model ?? null;
  }

  /** What is known of it; null: it is not up. */
  get info() {
    return this.#info;
  }

  get pool() {
    return this.#start?.pool ?? null;
  }

  /** What it does now, whatever is asked for the next song; null: it was not started. */
  get separator() {
    return this.#start?.ready ?? null;
  }

  /** The graphics card that is in use, or why none is; null where none is to be, or not yet. */
  get graphics() {
    return this.pool?.card ?? this.pool?.refusal ?? null;
  }

  /**
   * Have it up, with a model. Another model, or somebody else who is to compute, is a new start;
   * else workers that have ended are replaced.
   *
   * @param {string} model a key of `Assets.models`
   * @returns {Promise<Separator>}
   * @throws {UserError} which is told by "failed", too
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

  /** As many workers as there may be now. */
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
    start.ready.catch(() => {}); // Whoever waits for it is told.
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
    // Only then are the worker's own requests answered from what was kept.
    if (areKept) await serviceWorkerReady();
    const weights = areKept ? null : await fetchWeights(base, assets, model, report, signal);
    signal.throwIfAborted();
    const pool = await this.#boot(start, { base, assets, model, backend: start.backend, weights });
    const separator = new Separator(pool, await store, assets, model);
    signal.throwIfAborted();
    this.#stage(null);
    return separator;
  }

  /** @param {Start} start @param {import("./protocol.js").BootOptions} options */
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
