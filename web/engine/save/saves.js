/**
 * The saves of a tab, made one after another: waiting, in progress and done.
 *
 * Nothing reports when the browser has copied a file passed to it. So the file is kept until the
 * tab is closed or the user says that it is no longer needed, with one limit: beside the newest
 * file at most `KEPT_BYTES` are kept, and none at all if the disk is too full for the next save.
 * The oldest goes first.
 * @module
 */

import { DividedSong } from "../divided.js";
import { hasCode } from "../errors.js";
import { Maker } from "./maker.js";
import { removeAbandoned, TemporaryFiles } from "./temporary.js";

/** @typedef {import("./maker.js").Download} Download */
/** @typedef {import("./maker.js").HeldStems} HeldStems */
/** @typedef {import("./maker.js").Request} Request */
/**
 * A request whose stems are opened when its turn comes, so that those of many songs are not open at
 * once. The stems are closed when it is done.
 *
 * @typedef {Omit<Request, "stems"> & {open: () => Promise<HeldStems>}} LaterRequest
 */

/** Limit for files passed to the browser: some forty songs of FLAC stems. */
export const KEPT_BYTES = 4e9;

/**
 * @typedef {object} Save
 * @property {number} id
 * @property {string} name      name of the song, then of the file once known
 * @property {"waiting" | "working" | "done" | "failed"} state
 * @property {number} share     progress, from 0 to 1
 * @property {unknown} error    why it failed
 * @property {Download | null} download     set when it is done
 */

/**
 * A save with its internal state.
 * @typedef {object} Entry
 * @property {Save} save
 * @property {Request | LaterRequest} request
 * @property {AbortController} controller
 * @property {Promise<void>} settled     settles when reading of its stems has stopped
 * @property {() => void} release       releases the stems, held until it is done or given up
 */

/**
 * Events, with the save as their `detail`: "change" (it was added or removed, or its state has
 * changed), "share" (its progress), "done" (it has just been finished).
 */
export class Saves extends EventTarget {
  /** @type {Map<number, Entry>} in order of creation */
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

  /** @returns {Save[]} in the order of the requests */
  get list() {
    return [...this.#entries.values()].map(({ save }) => save);
  }

  /** Whether closing the tab would lose any. */
  get areAtWork() {
    return this.list.some(({ state }) => state === "waiting" || state === "working");
  }

  /**
   * @param {object} what the stems, or what they are of
   * @returns {boolean} whether something of it is being saved
   */
  areOf(what) {
    return [...this.#entries.values()].some(({ save, request }) => {
      return isOf(request, what) && (save.state === "waiting" || save.state === "working");
    });
  }

  /** @param {Request | LaterRequest} request @returns {Save} */
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
    const release = "stems" in request ? hold(request.stems) : () => {};
    this.#entries.set(id, { save, request, controller, settled, release });
    this.#last = settled;
    this.#tell("change", save);
    return save;
  }

  /**
   * Cancel a save, or delete its file when it is no longer needed.
   *
   * @param {number} id
   * @returns {Promise<void>} resolves when nothing of it is left
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

  /** @param {number} id of a failed save */
  retry(id) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.add(entry.request);
    void this.remove(id);
  }

  /**
   * Give up unfinished saves of a song, because it will be closed.
   *
   * @param {object} what the stems, or what they are of
   * @returns {Promise<void>} resolves when all reading has stopped
   */
  async giveUp(what) {
    const entries = [...this.#entries.values()].filter(
      ({ save, request }) => isOf(request, what) && save.state !== "done",
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
      const download = await this.#makeOpened(request, watch);
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
   * @param {Request | LaterRequest} request @param {import("./maker.js").Watch} watch
   * @returns {Promise<Download>}
   */
  async #makeOpened(request, watch) {
    if ("stems" in request) return this.#makeWithRoom(request, watch);
    const { open, ...rest } = request;
    const stems = await open();
    try {
      return await this.#makeWithRoom({ ...rest, stems }, watch);
    } finally {
      await stems.close?.().catch((error) => console.warn(error));
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

  /** @param {number} newest to keep, whatever its size */
  async #bound(newest) {
    const others = this.#kept().filter(({ id }) => id !== newest);
    let bytes = others.reduce((sum, save) => sum + bytesOf(save), 0);
    for (const save of others) {
      if (bytes <= KEPT_BYTES) return;
      bytes -= bytesOf(save);
      await this.remove(save.id);
    }
  }

  /** @returns {Save[]} saves with a file, oldest first */
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
 * Hold stems open while they are saved, whatever the page shows meanwhile.
 *
 * @param {Request["stems"]} stems
 * @returns {() => void} releases them, once
 */
export function hold(stems) {
  stems.hold?.();
  let isHeld = true;
  return () => {
    if (isHeld) stems.close?.().catch((error) => console.warn(error));
    isHeld = false;
  };
}

/**
 * Make the file of a stem for something else than a save, so that no list shows it.
 *
 * @param {Maker} maker
 * @param {Omit<Request, "what" | "destination">} part  its `source` is the stem
 * @param {AbortSignal} signal
 * @returns {Promise<Download & {file: Blob}>} to be discarded
 * @throws {UserError}
 * @throws {DOMException} AbortError
 */
export async function makeStem(maker, part, signal) {
  const release = hold(part.stems);
  try {
    const request = { ...part, what: /** @type {const} */ ("stem") };
    const destination = { kind: /** @type {const} */ ("download") };
    const made = await maker.make({ ...request, destination }, { report: () => {}, signal });
    return { ...made, file: /** @type {Blob} */ (made.file) };
  } finally {
    release();
  }
}

/** @param {Request | LaterRequest} request @param {object} what @returns {boolean} */
function isOf(request, what) {
  if (request.of === what) return true;
  if (!("stems" in request)) return false;
  const { stems, source, mix } = request;
  if (stems === what) return true;
  if (!(stems instanceof DividedSong)) return false;
  const read = source === undefined ? [...(mix?.channels.keys() ?? [])] : [source];
  return read.some((name) => stems.sources.includes(name) && stems.origin(name).song === what);
}

/** @param {Save} save @returns {number} */
function bytesOf({ download }) {
  return download?.file?.size ?? 0;
}
