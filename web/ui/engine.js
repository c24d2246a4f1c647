/**
 * The engine as the page sees it: for one model at a time, with its card and what the footer tells
 * of it.
 *
 * @module
 */

import { allKept, fetchWeights } from "../engine/assets.js";
import { keepAll } from "../engine/keeper.js";
import { Pool } from "../engine/pool.js";
import { Separator } from "../engine/separator.js";
import { checkBrowser } from "../engine/support.js";
import { announce, byId } from "./elements.js";
import { isControlled } from "./offline.js";
import { EngineCard } from "./progress.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("../engine/store.js").Store} Store */

/**
 * @typedef {object} Surroundings
 * @property {string} base                          the site's folder
 * @property {() => Promise<Assets>} readAssets
 * @property {() => string} model                   which is chosen, once the assets are read
 * @property {() => number} workers                 how many there may be
 * @property {() => string | null} backend          for Python
 * @property {() => import("../engine/protocol.js").GraphicsOptions | null} graphics    null: none
 * @property {Promise<Store>} store
 * @property {() => Promise<void>} serviceWorkerReady
 * @property {() => void} onReady
 * @property {(error: unknown) => void} onError     it could not be started
 */

export class Engine {
  #card = new EngineCard();
  #about;
  /** @type {{ready: Promise<Separator>, stopping: AbortController} | null} */
  #started = null;
  /** @type {Pool | null} */
  #pool = null;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#about = surroundings;
  }

  /** Whether it was started, and nothing is known to have gone wrong. */
  get isStarted() {
    return this.#started !== null;
  }

  /**
   * Start it unless it has been started. What goes wrong goes to `onError`, too.
   *
   * @returns {Promise<Separator>}
   */
  start() {
    this.#started ??= this.#begin();
    return this.#started.ready;
  }

  #begin() {
    const stopping = new AbortController();
    const ready = this.#load(stopping.signal);
    ready.catch((error) => {
      if (stopping.signal.aborted) return;
      this.#started = null;
      this.#card.hide();
      this.#about.onError(error);
    });
    return { ready, stopping };
  }

  /** The graphics card that is in use, or why none is; null where none is to be, or not yet. */
  get graphics() {
    return this.#pool?.card ?? this.#pool?.refusal ?? null;
  }

  /** Another model was chosen, or who computes: stop, and start with that. */
  restart() {
    this.#started?.stopping.abort();
    this.#started = null;
    this.#pool = null;
    this.#card.hide();
    showOffline("");
    showVersions(null, null);
    this.start().catch(() => {});
  }

  /** Workers that were stopped are replaced, so that the next song need not wait. */
  refresh() {
    const pool = this.#pool;
    if (!this.isStarted || !pool) return;
    pool.start().then(
      (info) => {
        if (pool !== this.#pool) return;
        showVersions(info, pool.card);
        this.#about.onReady();
      },
      () => {},
    );
  }

  /** As many workers as there may be now. */
  resize() {
    if (this.#pool) this.#pool.size = this.#about.workers();
  }

  /** @param {AbortSignal} signal @returns {Promise<Separator>} */
  async #load(signal) {
    checkBrowser();
    const { base, readAssets, serviceWorkerReady, store } = this.#about;
    const assets = await readAssets();
    signal.throwIfAborted();
    const model = this.#about.model();
    const report = (/** @type {number} */ done, /** @type {number} */ total) => {
      if (done < total && !signal.aborted) this.#card.show("download", done, total);
    };
    const areKept = await keepAll(base, assets, model, report, signal);
    // Only then are the worker's own requests answered from what was kept.
    if (areKept) await serviceWorkerReady();
    const weights = areKept ? null : await fetchWeights(base, assets, model, report, signal);
    signal.throwIfAborted();
    const options = { base, assets, model, backend: this.#about.backend(), weights };
    const { pool, info } = await this.#boot(options, signal);
    const isReady = areKept && isControlled() && (await allKept(base, assets, model));
    const separator = new Separator(pool, await store, assets, model);
    signal.throwIfAborted();
    this.#card.hide();
    announce("The engine is ready.");
    showOffline(isReady ? (assets.models[model]?.title ?? model) : "");
    showVersions(info, pool.card);
    this.#about.onReady();
    return separator;
  }

  /**
   * @param {import("../engine/protocol.js").BootOptions} options @param {AbortSignal} signal
   */
  async #boot(options, signal) {
    const pool = new Pool(options, this.#about.workers(), this.#about.graphics());
    this.#pool = pool;
    signal.addEventListener("abort", () => pool.stop(signal.reason));
    const info = await pool.start(({ stage, done, total }) => {
      if (!signal.aborted) this.#card.show(stage, done, total);
    });
    return { pool, info };
  }
}

/** @param {string} title of the model that works offline; empty: none does */
function showOffline(title) {
  const line = byId("offline", HTMLParagraphElement);
  line.textContent = title && `Ready to work offline with ${title}`;
  line.classList.toggle("ready", title !== "");
}

/**
 * @param {EngineInfo | null} info null: not known yet
 * @param {import("../engine/protocol.js").GraphicsInfo | null} card that is in use
 */
function showVersions(info, card) {
  byId("versions", HTMLParagraphElement).textContent = info
    ? `py-demixer ${info.versions.py_demixer}, Python ${info.versions.python}, ` +
      `NumPy ${info.versions.numpy}, ` +
      (card ? `networks by ${card.name} (WebGPU)` : `matrix products by ${info.backend}`)
    : "";
}
