/**
 * The page's side of the store: songs are on the disk if the browser has the origin-private file
 * system, otherwise in memory.
 *
 * @module
 */

import { memoryCatalog } from "./catalog.js";
import { hasCode, UserError } from "./errors.js";
import { unlocked } from "./locks.js";
import { Remote } from "./rpc.js";
import { oneByOne, Songs } from "./songs.js";

/** @typedef {import("./protocol.js").Notes} Notes */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./storage.js").Folder} Folder */
/** @typedef {import("./storage.js").Root} Root */
/** @typedef {import("./storage.js").StoredFile} StoredFile */
/** @typedef {keyof Songs} Method */

/** Reserve for tasks that several workers finish out of order, and for the catalog. */
const SPARE_BYTES = 150e6;

/**
 * Size of the pieces in which a file is copied, so that writes of a song in progress do not wait.
 */
const PIECE_BYTES = 1 << 22;

/** The last name is Firefox's error when a file is extended beyond the free space. */
const NAMES_OF_FULL = ["FullError", "QuotaExceededError", "NS_ERROR_FILE_NO_DEVICE_SPACE"];

/**
 * Longest song in minutes. On the disk: the limit of a WAV file of 32-bit floats (4 GiB). In
 * memory: song and stems need 106 MB per minute.
 */
export const LONGEST_MINUTES = { disk: 180, memory: 20 };

/** Channel on which tabs tell each other that stored songs have changed. */
const CHANNEL = "py-demixer songs";

/**
 * The methods are those of `Songs` in songs.js, with errors for the user. Event: "change", when
 * another tab has changed the stored songs.
 */
export class Store extends EventTarget {
  #call;
  /** @type {BroadcastChannel | null} */
  #others = null;
  /** @type {Set<string>} songs locked by another tab, until they are unlocked */
  #awaited = new Set();

  /**
   * @param {boolean} keeps whether songs outlive the tab
   * @param {(method: Method, parameters: any[], transfer: Transferable[]) => Promise<any>} call
   */
  constructor(keeps, call) {
    super();
    this.keeps = keeps;
    this.#call = call;
    if (!keeps) return;
    this.#others = new BroadcastChannel(CHANNEL);
    this.#others.addEventListener("message", () => this.dispatchEvent(new Event("change")));
  }

  get longestMinutes() {
    return this.keeps ? LONGEST_MINUTES.disk : LONGEST_MINUTES.memory;
  }

  /**
   * Refuse a song for which there is no room. `navigator.storage.estimate()` is no help: Chromium
   * reports the same figure on every machine.
   *
   * @param {string} id of an open song
   * @param {number} bytes still to be written
   * @throws {UserError}
   */
  async checkRoom(id, bytes) {
    if (!this.keeps) return;
    const needed = Math.ceil(bytes + SPARE_BYTES);
    try {
      await this.#try("reserve", [id, needed]);
    } catch (error) {
      throw hasCode(error, "full") ? new UserError("noRoom", { bytes: needed }, error) : error;
    }
  }

  /** @returns {Promise<KeptSong[]>} */
  async list() {
    /** @type {KeptSong[]} */
    const songs = await this.#try("list");
    for (const { id, busy } of songs) if (busy) void this.#await(id);
    return songs;
  }

  /** @param {string} id of a song locked by another tab, which may be closed without notice */
  async #await(id) {
    if (this.#awaited.has(id)) return;
    this.#awaited.add(id);
    await unlocked(id);
    this.#awaited.delete(id);
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Promise<{id: string, about: import("./protocol.js").About}[]>} */
  begun() {
    return this.#try("begun");
  }

  /** @param {string} id @returns {Promise<KeptSong | null>} */
  look(id) {
    return this.#try("look", [id]);
  }

  /** @param {string} id @param {Notes} notes @returns {Promise<void>} */
  create(id, notes) {
    return this.#change("create", [id, notes]);
  }

  /** @param {string} id @param {Partial<Notes>} changes @returns {Promise<void>} */
  note(id, changes) {
    return this.#change("note", [id, changes]);
  }

  /** @param {string} id @returns {Promise<void>} */
  open(id) {
    return this.#try("open", [id]);
  }

  /**
   * Copy the song's file, until its separation starts.
   *
   * @param {string} id of an open song @param {File} file @returns {Promise<void>}
   */
  async keepFile(id, file) {
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const part = new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer());
      if (!(await this.#try("keepFile", [id, at, part], [part.buffer]))) return;
    }
  }

  /** @param {string} id @returns {Promise<File | null>} the copy, if it is complete */
  file(id) {
    return this.#try("file", [id]);
  }

  /** @param {string} id @returns {Promise<void>} */
  view(id) {
    return this.#try("view", [id]);
  }

  /** @param {string} id @returns {Promise<void>} */
  clear(id) {
    return this.#try("clear", [id]);
  }

  /** @param {string} id @param {Float32Array} block transferred @returns {Promise<void>} */
  append(id, block) {
    return this.#try("append", [id, block], [block.buffer]);
  }

  /**
   * @param {string} id
   * @param {import("./protocol.js").About} about
   * @param {import("./protocol.js").Plan} plan
   * @returns {Promise<number[]>}
   */
  begin(id, about, plan) {
    return this.#change("begin", [id, about, plan]);
  }

  /**
   * @param {string} id @param {number} index @param {Float32Array[]} outputs transferred
   * @returns {Promise<void>}
   */
  finish(id, index, outputs) {
    return this.#try(
      "finish",
      [id, index, outputs],
      outputs.map(({ buffer }) => buffer),
    );
  }

  /**
   * @param {string} id
   * @param {import("./protocol.js").Range} range
   * @returns {Promise<Float32Array>}
   */
  read(id, range) {
    return this.#try("read", [id, range]);
  }

  /**
   * @param {string} id @param {import("./protocol.js").Range} range @param {number} columns
   * @param {[number, number][]} final ranges of the plane
   * @returns {Promise<Float32Array>} see `Stems` in protocol.js
   */
  peaks(id, range, columns, final) {
    return this.#try("peaks", [id, range, columns, final]);
  }

  /** @param {string} id @returns {Promise<void>} */
  close(id) {
    return this.#change("close", [id]);
  }

  /** @param {string} id @returns {Promise<void>} */
  remove(id) {
    return this.#change("remove", [id]);
  }

  /**
   * @param {Method} method that changes what other tabs see
   * @param {any[]} parameters @returns {Promise<any>}
   */
  async #change(method, parameters) {
    const value = await this.#try(method, parameters);
    this.#others?.postMessage(null);
    return value;
  }

  /**
   * @param {Method} method @param {any[]} [parameters] @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  async #try(method, parameters = [], transfer = []) {
    try {
      return await this.#call(method, parameters, transfer);
    } catch (error) {
      if (error instanceof UserError) throw error;
      const { name } = /** @type {Error} */ (error);
      if (name === "BusyError") throw new UserError("otherTab", {}, error);
      if (name === "GoneError") throw new UserError("songGone", {}, error);
      if (name === "VersionError") throw new UserError("newerStore", {}, error);
      if (NAMES_OF_FULL.includes(name)) throw new UserError("full", {}, error);
      if (error instanceof RangeError) throw new UserError("memory", {}, error);
      throw new UserError("storage", {}, error);
    }
  }
}

/** How often to try starting the store's worker before falling back to memory. */
const TRIES = 3;

/** @returns {Promise<Store>} on the disk if possible */
export async function openStore() {
  const hasFunctions = "locks" in navigator && "getDirectory" in (navigator.storage ?? {});
  for (let left = hasFunctions ? TRIES : 0; left > 0; left--) {
    const worker = new Remote(new URL("store-worker.js", import.meta.url), (message) => {
      return new Error(message);
    });
    try {
      await worker.call("tryFiles", null);
      return new Store(true, (method, parameters, transfer) => {
        return worker.call(method, parameters, { transfer });
      });
    } catch (error) {
      // Some browsers have the functions, but refuse them in private windows.
      console.warn("The browser keeps no files here.", error);
      worker.end(error);
    }
  }
  return new Store(false, oneByOne(new Songs(new MemoryRoot(), memoryCatalog())));
}

/** @implements {Root} */
class MemoryRoot {
  /** @type {Map<string, MemoryFolder>} */
  #folders = new Map();

  async names() {
    return [...this.#folders.keys()];
  }

  /** @param {string} name */
  async open(name) {
    const folder = this.#folders.get(name) ?? new MemoryFolder();
    this.#folders.set(name, folder);
    return folder;
  }

  /** @param {string} name */
  async remove(name) {
    this.#folders.delete(name);
  }

  /** Always granted: no other tab sees this memory. */
  async lock() {
    return () => {};
  }

  /** @returns {Promise<Set<string>>} */
  async locked() {
    return new Set();
  }
}

/** @implements {Folder} */
class MemoryFolder {
  /** @type {Map<string, MemoryFile>} */
  #files = new Map();

  async names() {
    return [...this.#files.keys()];
  }

  /** @param {string} name */
  async open(name) {
    const file = this.#files.get(name) ?? new MemoryFile();
    this.#files.set(name, file);
    return file;
  }

  /** @param {string} name */
  view(name) {
    return this.open(name);
  }

  /** Always null: nothing here outlives the tab. */
  async file() {
    return null;
  }

  /** @param {string} name */
  async remove(name) {
    this.#files.delete(name);
  }
}

/**
 * A file in chunks, so that it grows without being copied.
 *
 * @implements {StoredFile}
 */
class MemoryFile {
  static #chunk = 1 << 20;
  /** @type {Uint8Array[]} */
  #chunks = [];
  #size = 0;

  getSize() {
    return this.#size;
  }

  /** @param {Uint8Array} target @param {{at: number}} options */
  read(target, { at }) {
    const length = Math.max(0, Math.min(target.length, this.#size - at));
    this.#walk(at, length, (chunk, from, to, done) => {
      target.set(chunk.subarray(from, to), done);
    });
    return length;
  }

  /** @param {Uint8Array} source @param {{at: number}} options */
  write(source, { at }) {
    while (this.#chunks.length * MemoryFile.#chunk < at + source.length) {
      this.#chunks.push(new Uint8Array(MemoryFile.#chunk));
    }
    this.#size = Math.max(this.#size, at + source.length);
    this.#walk(at, source.length, (chunk, from, to, done) => {
      chunk.set(source.subarray(done, done + to - from), from);
    });
    return source.length;
  }

  /**
   * @param {number} at @param {number} length
   * @param {(chunk: Uint8Array, from: number, to: number, done: number) => void} visit
   */
  #walk(at, length, visit) {
    for (let done = 0; done < length; ) {
      const position = at + done;
      const from = position % MemoryFile.#chunk;
      const to = Math.min(MemoryFile.#chunk, from + length - done);
      const chunk = this.#chunks[Math.floor(position / MemoryFile.#chunk)];
      visit(/** @type {Uint8Array} */ (chunk), from, to, done);
      done += to - from;
    }
  }

  /** @param {number} size */
  truncate(size) {
    this.#size = size;
  }

  flush() {}

  close() {}
}
