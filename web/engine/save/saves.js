/**
 * The saves of a tab, one after another: what waits, what is at work, what is done.
 *
 * Nothing tells when the browser has copied a file that it was handed. So it is kept until the tab is
 * closed or the person says that it is no longer needed, with one limit: beside the newest one there
 * are `KEPT_BYTES` at most, and where the disk is too full for the next one there is none. Then
 * the oldest goes first.
 *
 * @module
 */

import { hasCode } from "../errors.js";
import { Maker } from "./maker.js";
import { removeAbandoned, TemporaryFiles } from "./temporary.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./maker.js").Download} Download */
/** @typedef {import("./maker.js").Request} Request */

/** Of files that were handed to the browser: some forty songs of FLAC stems. */
const KEPT_BYTES = 4e9;

/**
 * @typedef {object} Save
 * @property {number} id
 * @property {string} name      of the song, until that of the file is known
 * @property {"waiting" | "working" | "done" | "failed"} state
 * @property {number} share     how far it is, from 0 to 1
 * @property {unknown} error    why it failed
 * @property {Download | null} download     once it is done
 */

/**
 * What the class knows besides.
 * @typedef {object} Entry
 * @property {Save} save
 * @property {Request} request
 * @property {AbortController} controller
 * @property {Promise<void>} settled     when nothing of its stems is read any more
 * @property {() => void} release       the stems, which are held until it is done or given up
 */

/**
 * Events, with the save as their `detail`: "change" (it was added, has another state, or is gone),
 * "share" (how far it is), "done" (it is done just now).
 */
export class Saves extends EventTarget {
  /** @type {Map<number, Entry>} in order */
  #entries = new Map();
  #maker;
  #lastId = 0;
  /** @type {Promise<void>} */
  #last = Promise.resolve();

  constructor(files = new TemporaryFiles()) {
    super();
    this.#maker = new Maker(files);
    removeAbandoned().catch((error) => console.warn(error));
  }

  /** @returns {Save[]} in the order in which they were asked for */
  get list() {
    return [...this.#entries.values()].map(({ save }) => save);
  }

  /** Whether some would be lost if the tab were closed. */
  get areAtWork() {
    return this.list.some(({ state }) => state === "waiting" || state === "working");
  }

  /** @param {ReadableStems} stems @returns {boolean} whether something of them is being saved */
  areOf(stems) {
    return [...this.#entries.values()].some(({ save, request }) => {
      return request.stems === stems && (save.state === "waiting" || save.state === "working");
    });
  }

  /** @param {Request} request @returns {Save} */
  add(request) {
    const id = ++this.#lastId;
    /** @type {Save} */
    const save = {
      id,
      name: request.song.name,
      state: "waiting",
      share: 0,
      error: null,
      download: null,
    };
    const controller = new AbortController();
    const settled = this.#last.then(() => this.#work(id));
    const release = hold(request.stems);
    this.#entries.set(id, { save, request, controller, settled, release });
    this.#last = settled;
    this.#tell("change", save);
    return save;
  }

  /**
   * Cancel a save, or let its file go, which is not needed any more.
   *
   * @param {number} id
   * @returns {Promise<void>} when nothing of it is left
   */
  async remove(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    entry.controller.abort();
    this.#tell("change", entry.save);
    await entry.settled;
    entry.release();
    await entry.save.download?.discard();
  }

  /** @param {number} id of one that failed */
  retry(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.add(entry.request);
    void this.remove(id);
  }

  /**
   * Give up what is still to be saved of a song, because it goes.
   *
   * @param {ReadableStems} stems
   * @returns {Promise<void>} when nobody reads them any more
   */
  async giveUp(stems) {
    const entries = [...this.#entries.values()].filter(
      ({ save, request }) => request.stems === stems && save.state !== "done",
    );
    await Promise.all(entries.map(({ save }) => this.remove(save.id)));
  }

  /** @param {number} id */
  async #work(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const { save, request, controller } = entry;
    this.#change(save, { state: "working" });
    const report = (/** @type {number} */ share) => {
      save.share = share;
      this.#tell("share", save);
    };
    try {
      const watch = { report, signal: controller.signal };
      const download = await this.#makeWithRoom(request, watch);
      if (controller.signal.aborted) return await download.discard();
      entry.release();
      this.#change(save, { state: "done", share: 1, name: download.name, download });
      this.#tell("done", save);
      await this.#bound(id);
    } catch (error) {
      if (!controller.signal.aborted) this.#change(save, { state: "failed", error });
    }
  }

  /**
   * @param {Request} request @param {import("./maker.js").Watch} watch
   * @returns {Promise<Download>}
   */
  async #makeWithRoom(request, watch) {
    for (;;) {
      try {
        return await this.#maker.make(request, watch);
      } catch (error) {
        const oldest = hasCode(error, "stemRoom") && this.#kept()[0];
        if (!oldest) throw error;
        await this.remove(oldest.id);
      }
    }
  }

  /** @param {number} newest that stays, whatever its size */
  async #bound(newest) {
    const others = this.#kept().filter(({ id }) => id !== newest);
    let bytes = others.reduce((sum, save) => sum + bytesOf(save), 0);
    for (const save of others) {
      if (bytes <= KEPT_BYTES) return;
      bytes -= bytesOf(save);
      await this.remove(save.id);
    }
  }

  /** @returns {Save[]} those of which there is a file, the oldest first */
  #kept() {
    return this.list.filter(({ download }) => download?.file);
  }

  /** @param {Save} save @param {Partial<Save>} news */
  #change(save, news) {
    Object.assign(save, news);
    this.#tell("change", save);
  }

  /** @param {"change" | "share" | "done"} type @param {Save} save */
  #tell(type, save) {
    this.dispatchEvent(new CustomEvent(type, { detail: save }));
  }
}

/**
 * Stems that can be held stay open while they are saved, whatever the page shows meanwhile.
 *
 * @param {Request["stems"]} stems
 * @returns {() => void} lets them go, once
 */
function hold(stems) {
  stems.hold?.();
  let isHeld = true;
  return () => {
    if (isHeld) stems.close?.().catch((error) => console.warn(error));
    isHeld = false;
  };
}

/** @param {Save} save @returns {number} */
function bytesOf({ download }) {
  return download?.file?.size ?? 0;
}
