/**
 * Songs and what is finished of them, in folders of files and a catalog that outlive a crash.
 *
 * A song has an entry in the catalog (catalog.js) from the moment it is added: its notes, what is
 * written down when it begins (`About` in protocol.js), and which tasks are finished. Its folder
 * holds samples: a `.f32` file for each plane, and one of `.peaks` beside those that last
 * (peaks.js). A task's data are written and flushed before its entry says so, and temporary planes are
 * deleted after the last task that reads them is in the entry. So whatever moment it ends at, every
 * entry is true, and what it does not tell of is computed again: nothing is added twice, for tasks
 * write, they never add to what is there. Stems that nobody wants are not written.
 *
 * Until it begins there is a copy of its `file`, too, for a tab that is loaded anew has lost the
 * person's.
 *
 * Who works on a song has it alone; one that is finished can be read in several tabs. What is
 * finished is never cleared, and goes only by `remove`. Folders without an entry, and what was read
 * of songs that did not begin, go by `tidy`.
 *
 * Where the files are is the business of a `Root` (storage.js).
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

/** The songs of this browser. One call that touches files at a time: see `oneByOne`. */
export class Songs {
  #root;
  #catalog;
  /** @type {Map<string, SongFiles>} those that are open here */
  #open = new Map();

  /** @param {Root} root @param {Catalog} catalog */
  constructor(root, catalog) {
    this.#root = root;
    this.#catalog = catalog;
  }

  /** @returns {Promise<KeptSong[]>} what is kept */
  async list() {
    const [entries, locked] = await Promise.all([this.#catalog.all(), this.#root.locked()]);
    return entries.map((entry) => this.#kept(entry, locked));
  }

  /** @param {string} id @returns {Promise<KeptSong | null>} what is kept of it */
  async look(id) {
    const [entry, locked] = await Promise.all([this.#catalog.get(id), this.#root.locked()]);
    return entry ? this.#kept(entry, locked) : null;
  }

  /** @param {Entry} entry @param {Set<string>} locked @returns {KeptSong} */
  #kept({ id, about, notes, hasFile, tasks, done }, locked) {
    const isFinished = isWhole({ about, tasks });
    const busy = locked.has(id) && !this.#open.has(id);
    return { id, about, notes, hasFile, done, isFinished, busy };
  }

  /** @returns {Promise<{id: string, about: About}[]>} the songs that have begun, in any tab */
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
   * Have a song for this tab alone.
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

  /** @param {string} id @param {() => void} release @returns {Promise<SongFiles>} which is open */
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
   * Open a finished song to be read, here and in other tabs.
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
   * Copy a part of the file that a song is to be read from.
   *
   * @param {string} id of an open song @param {number} at in bytes @param {Uint8Array} part
   * @returns {Promise<boolean>} false: it has begun, and needs no copy
   */
  keepFile(id, at, part) {
    return this.#song(id).keepFile(at, part);
  }

  /** @param {string} id @returns {Promise<File | null>} that copy, if it is whole */
  async file(id) {
    const entry = await this.#catalog.get(id);
    if (!entry?.hasFile) return null;
    const copy = await (await this.#root.open(id)).file(FILE);
    return copy?.size === entry.notes.size ? new File([copy], entry.notes.file) : null;
  }

  /** @param {string} id of an open song: if it has not begun, it is to be read from the start */
  clear(id) {
    return this.#song(id).clear();
  }

  /**
   * Fail if there is no room for so many bytes more.
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
   * Begin a song that was read, or go on with it.
   *
   * @param {string} id @param {About} about @param {Plan} plan
   * @returns {Promise<number[]>} the tasks that are finished
   * @throws {BusyError} when another tab works on the same
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

  /** @param {string} id of a song that is finished just now: other tabs may have it, too */
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

  /** @param {string} id what is finished stays */
  async close(id) {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  /**
   * @param {string} id
   * @throws {BusyError} another tab has it open
   */
  async remove(id) {
    await this.close(id);
    await this.#take(id);
    try {
      await this.#catalog.change(id, () => undefined);
      this.#song(id).closeFiles();
      // It is gone; of what is left of it, if that is not to be had now, `tidy` takes care.
      await this.#root.remove(id).catch((error) => console.warn(error));
    } finally {
      await this.close(id);
    }
  }

  /**
   * Delete what a crash has left of songs that are gone, and what was read of some in vain.
   *
   * @param {Set<string>} others that are to come into the catalog yet
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
      console.warn(error); // The next visit sees to it.
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

/** These look into the catalog only: they do not wait for samples to be read. */
const AT_ONCE = ["list", "look", "begun", "note"];

/**
 * @param {Songs} songs
 * @returns {(method: keyof Songs, parameters: any[]) => Promise<any>} calls it, each call that
 *   touches files after the last. Each may be made again: nothing is done twice.
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
