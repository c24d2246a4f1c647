/**
 * Songs and their finished work, in folders of files and a catalog that survive a crash.
 *
 * A song has an entry in the catalog (catalog.js) from the moment it is added: its notes, the
 * record written when its separation starts (`About` in protocol.js), and the finished tasks. Its
 * folder holds samples: a `.f32` file for each plane, and a `.peaks` file beside each lasting one
 * (peaks.js). The data of a task are written and flushed before its entry records it, and temporary
 * planes are deleted only after the last task that reads them has been recorded. So every entry is
 * true at whatever moment the process ends, and tasks not recorded are computed again. Nothing is
 * added twice, because tasks overwrite data and never add to them. Unwanted stems are not written.
 *
 * Until the separation starts there is a copy of the song's `file` too, because a reloaded tab has
 * lost access to the user's file.
 *
 * Work on a song needs an exclusive lock; several tabs can read a finished song. Finished work is
 * deleted only by `remove`. Folders without an entry, and samples of songs that did not start, are
 * deleted by `tidy`.
 *
 * A `Root` (storage.js) decides where the files are.
 *
 * @module
 */

import { isWhole } from "./catalog.js";
import { patiently } from "./patience.js";
import { FILE, SongFiles } from "./song-files.js";
import { BusyError, GoneError } from "./storage.js";

/** @typedef {import("./catalog.js").Catalog} Catalog */
/** @typedef {import("./catalog.js").Entry} Entry */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Notes} Notes */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Range} Range */
/** @typedef {import("./storage.js").Root} Root */

/** The songs of this browser. Only one call at a time may touch files: see `oneByOne`. */
export class Songs {
  #root;
  #catalog;
  /** @type {Map<string, SongFiles>} songs that are open in this tab */
  #open = new Map();

  /** @param {Root} root @param {Catalog} catalog */
  constructor(root, catalog) {
    this.#root = root;
    this.#catalog = catalog;
  }

  /** @returns {Promise<KeptSong[]>} all songs */
  async list() {
    const [entries, locked] = await Promise.all([this.#catalog.all(), this.#root.locked()]);
    return entries.map((entry) => this.#kept(entry, locked));
  }

  /** @param {string} id @returns {Promise<KeptSong | null>} the song, if it exists */
  async look(id) {
    const [entry, locked] = await Promise.all([this.#catalog.get(id), this.#root.locked()]);
    return entry ? this.#kept(entry, locked) : null;
  }

  /** @param {Entry} entry @param {Set<string>} locked @returns {KeptSong} */
  #kept({ id, about, notes, hasFile, tasks, done, final = [] }, locked) {
    const isFinished = isWhole({ about, tasks });
    const busy = locked.has(id) && !this.#open.has(id);
    return { id, about, notes, hasFile, done, final, isFinished, busy };
  }

  /** @returns {Promise<{id: string, about: About}[]>} songs that have started, in any tab */
  async begun() {
    const entries = await this.#catalog.all();
    return entries.flatMap(({ id, about }) => (about ? [{ id, about }] : []));
  }

  /**
   * @param {string} id of a new song, or of one that is to be read from another file
   * @param {Notes} notes
   */
  async create(id, notes) {
    await this.#take(id);
    await this.#catalog.change(id, (entry) => {
      const fresh = { id, notes, about: null, hasFile: false, tasks: [], done: 0 };
      return entry?.about ? entry : fresh;
    });
  }

  /**
   * @param {string} id @param {Partial<Notes>} changes
   * @throws {GoneError}
   */
  async note(id, changes) {
    await this.#catalog.change(id, (entry) => {
      if (!entry) throw new GoneError();
      return { ...entry, notes: { ...entry.notes, ...changes } };
    });
  }

  /**
   * Lock a song for this tab.
   *
   * @param {string} id of a song that may be open here already
   * @throws {BusyError}
   * @throws {GoneError}
   */
  async open(id) {
    if (!(await this.#catalog.get(id))) throw new GoneError();
    await this.#take(id);
  }

  /** @param {string} id */
  async #take(id) {
    if (this.#open.has(id)) return;
    const release = await this.#root.lock(id, "exclusive");
    if (!release) throw new BusyError();
    await this.#keep(id, release);
  }

  /** @param {string} id @param {() => void} release @returns {Promise<SongFiles>} the open song */
  async #keep(id, release) {
    try {
      const song = new SongFiles(id, await this.#root.open(id), this.#catalog, release);
      this.#open.set(id, song);
      return song;
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Open a song for reading, here and in other tabs. What is not finished is not in its files.
   *
   * @param {string} id
   * @throws {BusyError}
   * @throws {GoneError}
   */
  async view(id) {
    if (this.#open.has(id)) return;
    const entry = await this.#catalog.get(id);
    if (!entry?.about) throw new GoneError();
    const release = await this.#root.lock(id, "shared");
    if (!release) throw new BusyError();
    const song = await this.#keep(id, release);
    song.view(entry.about);
  }

  /**
   * Copy a part of the song's file.
   *
   * @param {string} id of an open song @param {number} at in bytes @param {Uint8Array} part
   * @returns {Promise<boolean>} false if it has started and needs no copy
   */
  keepFile(id, at, part) {
    return this.#song(id).keepFile(at, part);
  }

  /** @param {string} id @returns {Promise<File | null>} the copy, if it is complete */
  async file(id) {
    const entry = await this.#catalog.get(id);
    if (!entry?.hasFile) return null;
    const copy = await (await this.#root.open(id)).file(FILE);
    return copy?.size === entry.notes.size ? new File([copy], entry.notes.file) : null;
  }

  /** @param {string} id of an open song; deletes its samples unless it has started */
  clear(id) {
    return this.#song(id).clear();
  }

  /**
   * Fail if there is no room for this many more bytes.
   *
   * @param {string} id @param {number} bytes
   */
  reserve(id, bytes) {
    return this.#song(id).reserve(bytes);
  }

  /** @param {string} id @param {Float32Array} block the next frames of the mixture */
  append(id, block) {
    return this.#song(id).append(block);
  }

  /**
   * Start the separation of a song that was read, or resume it.
   *
   * @param {string} id @param {About} about @param {Plan} plan
   * @returns {Promise<number[]>} the finished tasks
   * @throws {BusyError} if another tab works on the same song
   */
  async begin(id, about, plan) {
    const song = this.#song(id);
    const release = await this.#root.lock(about.key, "exclusive");
    if (!release) throw new BusyError();
    try {
      const done = await song.begin(about, plan);
      song.hold(release);
      return done;
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * @param {string} id
   * @param {number} index of the task
   * @param {Float32Array[]} outputs what it writes
   */
  async finish(id, index, outputs) {
    const isLast = await this.#song(id).finish(index, outputs);
    if (isLast) await this.#share(id);
  }

  /** @param {string} id of a song that has just been finished; lets other tabs read it */
  async #share(id) {
    await this.close(id);
    await patiently(() => this.view(id)).catch((error) => console.warn(error));
  }

  /**
   * @param {string} id
   * @param {Range} range
   * @returns {Promise<Float32Array>} (length, width), a copy
   */
  read(id, range) {
    return this.#song(id).read(range);
  }

  /**
   * @param {string} id @param {Range} range @param {number} columns
   * @param {[number, number][]} final ranges of the plane
   * @returns {Promise<Float32Array>} see `Stems` in protocol.js
   */
  peaks(id, range, columns, final) {
    return this.#song(id).peaks(range, columns, final);
  }

  /** @param {string} id of a song; finished work stays */
  async close(id) {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  /**
   * @param {string} id
   * @throws {BusyError} if another tab has it open
   */
  async remove(id) {
    await this.close(id);
    await this.#take(id);
    try {
      await this.#catalog.change(id, () => undefined);
      this.#song(id).closeFiles();
      // The song is gone; if its folder cannot be deleted now, `tidy` does it later.
      await this.#root.remove(id).catch((error) => console.warn(error));
    } finally {
      await this.close(id);
    }
  }

  /**
   * Delete leftovers of deleted songs after a crash, and samples of songs that did not start.
   *
   * @param {Set<string>} others songs that are not yet in the catalog
   */
  async tidy(others) {
    const entries = await this.#catalog.all();
    const begun = new Set(entries.filter(({ about }) => about).map(({ id }) => id));
    for (const id of await this.#root.names()) {
      if (!begun.has(id) && !others.has(id)) await this.#tidyFolder(id);
    }
  }

  /** @param {string} id */
  async #tidyFolder(id) {
    if (this.#open.has(id) || (await this.#root.locked()).has(id)) return;
    try {
      await this.#take(id);
      if (await this.#catalog.get(id)) await this.clear(id);
      else await this.#root.remove(id);
    } catch (error) {
      console.warn(error); // The next visit tries again.
    } finally {
      await this.close(id);
    }
  }

  /** @param {string} id @returns {SongFiles} */
  #song(id) {
    const song = this.#open.get(id);
    if (!song) throw new Error(`The song ${id} is not open.`);
    return song;
  }
}

/** These methods only read or write the catalog, so they do not wait for samples. */
const AT_ONCE = ["list", "look", "begun", "note"];

/**
 * @param {Songs} songs
 * @returns {(method: keyof Songs, parameters: any[]) => Promise<any>} calls a method; calls that
 *   touch files run one after another. Each call can be repeated: nothing is done twice.
 */
export function oneByOne(songs) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (method, parameters) => {
    const call = /** @type {(...given: any[]) => Promise<unknown>} */ (songs[method]);
    const attempt = () => patiently(() => call.apply(songs, parameters));
    if (AT_ONCE.includes(method)) return attempt();
    const answer = last.then(attempt);
    last = answer.catch(() => {});
    return answer;
  };
}
