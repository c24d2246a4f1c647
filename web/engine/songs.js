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
 * Where the files are is the business of a `Root`: in the origin-private file system
 * (store-worker.js) or in memory (store.js).
 *
 * @module
 */

import { patiently } from "./patience.js";
import { columnsOf, PEAK_FRAMES, widen } from "./peaks.js";
import { union } from "./ranges.js";

/** @typedef {import("./catalog.js").Catalog} Catalog */
/** @typedef {import("./catalog.js").Entry} Entry */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Notes} Notes */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Range} Range */

/**
 * @typedef {object} ReadableFile
 * @property {() => number} getSize                          bytes
 * @property {(target: Uint8Array, options: {at: number}) => number | Promise<number>} read   how
 *   many bytes were read
 * @property {() => void} close
 */

/**
 * @typedef {object} WritableFile
 * @property {(source: Uint8Array, options: {at: number}) => number} write    how many were written
 * @property {(size: number) => void} truncate
 * @property {() => void} flush     returns when what was written is safe
 * @typedef {ReadableFile & WritableFile} StoredFile
 */

/**
 * @typedef {object} Folder
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<StoredFile>} open    makes it where there is none
 * @property {(name: string) => Promise<ReadableFile>} view  one that other tabs may read, too
 * @property {(name: string) => Promise<File | null>} file   to be read later
 * @property {(name: string) => Promise<void>} remove        nothing happens where there is none
 */

/**
 * @typedef {object} Root
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<Folder>} open        makes it where there is none
 * @property {(name: string) => Promise<void>} remove        nothing happens where there is none
 * @property {(name: string, mode: LockMode) => Promise<(() => void) | null>} lock    against other
 *   tabs; null: one has it
 * @property {() => Promise<Set<string>>} locked     what a tab has alone, this one or another
 */

/** What the person has chosen. */
export const FILE = "file";
/** A file that takes no space on the disk, but would need it. */
const PROBE = "probe";
const MIXTURE = "mixture";
const CHANNELS = 2;
/** Frames of which peaks are made in one piece. */
const PEAKS_AT_ONCE = 1 << 16;
const FRAME_BYTES = CHANNELS * Float32Array.BYTES_PER_ELEMENT;
const PEAK_BYTES = 2 * Float32Array.BYTES_PER_ELEMENT;

/** Another tab has the song. */
export class BusyError extends Error {
  /** @override */
  name = "BusyError";
}

/** There is no such song any more. */
export class GoneError extends Error {
  /** @override */
  name = "GoneError";
}

/** There is no room for what was to be written. */
export class FullError extends Error {
  /** @override */
  name = "FullError";
}

/** The songs of this browser. One call that touches files at a time: see `oneByOne`. */
export class Songs {
  #root;
  #catalog;
  /** @type {Map<string, Song>} those that are open here */
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

  /** @param {string} id @param {() => void} release @returns {Promise<Song>} which is open */
  async #keep(id, release) {
    try {
      const song = new Song(id, await this.#root.open(id), this.#catalog, release);
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

  /** @param {string} id @returns {Song} */
  #song(id) {
    const song = this.#open.get(id);
    if (!song) throw new Error(`The song ${id} is not open.`);
    return song;
  }
}

/** A song's folder, which no other tab has open, or all of them only to read. */
class Song {
  #id;
  #folder;
  #catalog;
  /** @type {(() => void)[]} */
  #releases;
  /** @type {Map<string, StoredFile>} */
  #files = new Map();
  /** @type {(name: string) => Promise<ReadableFile>} */
  #openFile;
  /** @type {Plan} until it begins there is the mixture alone */
  #plan = {
    stems: [],
    planes: { [MIXTURE]: { width: CHANNELS, frames: 0, origin: 0, temporary: false } },
    tasks: [],
  };
  /** @type {Map<string, Set<number>>} by temporary plane: the tasks that are still to read it */
  #readers = new Map();
  /** @type {Set<string>} stems that nobody wants */
  #unwanted = new Set();

  /**
   * @param {string} id @param {Folder} folder @param {Catalog} catalog @param {() => void} release
   */
  constructor(id, folder, catalog, release) {
    this.#id = id;
    this.#folder = folder;
    this.#catalog = catalog;
    this.#releases = [release];
    this.#openFile = (name) => folder.open(name);
  }

  /** @param {() => void} release what it has besides, until it is closed */
  hold(release) {
    this.#releases.push(release);
  }

  /** @param {number} bytes */
  async reserve(bytes) {
    const file = await this.#file(PROBE);
    try {
      file.truncate(bytes);
    } finally {
      await this.#remove(PROBE);
    }
  }

  /** @param {About} about of what is finished: it is only read */
  view({ stems, measured: { length: frames } }) {
    const plane = { width: CHANNELS, frames, origin: 0, temporary: false };
    const planes = Object.fromEntries([MIXTURE, ...stems].map((name) => [name, plane]));
    this.#plan = { stems, planes, tasks: [] };
    this.#openFile = (name) => this.#folder.view(name);
  }

  /** @param {number} at @param {Uint8Array} part @returns {Promise<boolean>} */
  async keepFile(at, part) {
    if (this.#plan.tasks.length > 0) return false;
    const file = await this.#file(FILE);
    file.truncate(at);
    write(file, part, at);
    const { notes } = await this.#entry();
    if (at + part.length === notes.size) {
      file.flush();
      await this.#change((entry) => ({ ...entry, hasFile: true }));
    }
    return true;
  }

  async clear() {
    if ((await this.#entry()).about) return;
    this.closeFiles();
    for (const name of await this.#folder.names()) {
      if (name !== FILE) await this.#folder.remove(name);
    }
  }

  /** @param {Float32Array} block */
  async append(block) {
    const file = await this.#file(fileOf(MIXTURE));
    const size = file.getSize();
    try {
      write(file, bytesOf(block), size);
      await this.#widenPeaks(MIXTURE, size / FRAME_BYTES, block);
    } catch (error) {
      // It may be given once more.
      file.truncate(size);
      throw error;
    }
  }

  /** @param {About} about @param {Plan} plan @returns {Promise<number[]>} */
  async begin(about, plan) {
    const entry = await this.#entry();
    if (entry.about?.key !== about.key) await this.#reset(entry);
    await this.#change((before) => ({ ...before, about, hasFile: false }));
    this.#plan = plan;
    this.#unwanted = new Set(plan.stems.filter((stem) => !about.stems.includes(stem)));
    await this.#remove(FILE);
    const done = await this.#findDone();
    await this.#findReaders(done);
    return [...done];
  }

  /** @param {Entry} entry all that is kept but the mixture is of something else */
  async #reset(entry) {
    if (isWhole(entry)) throw new Error("What is finished is not begun anew.");
    await this.#change((before) => ({ ...before, tasks: [], done: 0 }));
    const kept = [fileOf(MIXTURE), peaksOf(MIXTURE), FILE];
    for (const name of await this.#folder.names()) {
      if (!kept.includes(name)) await this.#remove(name);
    }
    for (const name of [fileOf(MIXTURE), peaksOf(MIXTURE)]) (await this.#file(name)).flush();
  }

  /** @returns {Promise<Set<number>>} the finished tasks, of which all is there that is needed */
  async #findDone() {
    const finished = new Set(numbersIn((await this.#entry()).tasks));
    const done = this.#withoutLost(finished, await this.#temporarySizes());
    if (done.size < finished.size) {
      const costs = [...done].map((index) => this.#plan.tasks[index]?.cost ?? 0);
      const cost = costs.reduce((sum, one) => sum + one, 0);
      await this.#change((entry) => ({ ...entry, tasks: union([...done].map(only)), done: cost }));
    }
    return done;
  }

  /** @returns {Promise<Map<string, number>>} bytes by plane */
  async #temporarySizes() {
    const there = new Set(await this.#folder.names());
    const sizes = new Map();
    for (const [plane, { temporary }] of Object.entries(this.#plan.planes)) {
      const name = fileOf(plane);
      if (temporary && there.has(name)) sizes.set(plane, (await this.#file(name)).getSize());
    }
    return sizes;
  }

  /**
   * Disks lose files, and older versions of the page have lost lines of their journals: a task is
   * done again if somebody is still to read what it wrote, and that is not there.
   *
   * @param {Set<number>} done @param {Map<string, number>} sizes of the temporary planes
   * @returns {Set<number>}
   */
  #withoutLost(done, sizes) {
    const lasting = new Set(done);
    const needed = new Set();
    for (const [index, { reads, writes }] of [...this.#plan.tasks.entries()].reverse()) {
      const isLost = writes.some((range) => {
        const { at, size } = this.#place(range);
        return needed.has(range.plane) && at + size > (sizes.get(range.plane) ?? 0);
      });
      if (isLost) lasting.delete(index);
      if (lasting.has(index)) continue;
      for (const { plane } of reads) if (this.#plan.planes[plane]?.temporary) needed.add(plane);
    }
    return lasting;
  }

  /** @param {Set<number>} done */
  async #findReaders(done) {
    this.#readers.clear();
    for (const [index, { reads }] of this.#plan.tasks.entries()) {
      for (const { plane } of reads) {
        if (!this.#plan.planes[plane]?.temporary) continue;
        if (!this.#readers.has(plane)) this.#readers.set(plane, new Set());
        if (!done.has(index)) this.#readers.get(plane)?.add(index);
      }
    }
    const there = new Set(await this.#folder.names());
    for (const [plane, tasks] of this.#readers) {
      if (tasks.size === 0 && there.has(fileOf(plane))) await this.#remove(fileOf(plane));
    }
  }

  /**
   * @param {number} index @param {Float32Array[]} outputs
   * @returns {Promise<boolean>} whether all tasks are finished now
   */
  async finish(index, outputs) {
    const { reads, writes, cost } = /** @type {import("./protocol.js").Task} */ (
      this.#plan.tasks[index]
    );
    const files = new Set();
    for (const [position, range] of writes.entries()) {
      if (this.#unwanted.has(range.plane)) continue;
      const file = await this.#file(fileOf(range.plane));
      const output = /** @type {Float32Array} */ (outputs[position]);
      write(file, bytesOf(output), this.#place(range).at);
      files.add(file);
      if (this.#plan.stems.includes(range.plane)) {
        files.add(await this.#widenPeaks(range.plane, range.start, output));
      }
    }
    for (const file of files) file.flush();
    let isLast = false;
    await this.#change((entry) => {
      const after = withTask(entry, index, cost);
      isLast = isWhole(after);
      return after;
    });
    // The task is finished, whatever becomes of this: what is left goes when the song goes on.
    await patiently(() => this.#dropRead(index, reads)).catch((error) => console.warn(error));
    return isLast;
  }

  /** @param {number} index of a task that is finished @param {Range[]} reads */
  async #dropRead(index, reads) {
    for (const { plane } of reads) {
      const left = this.#readers.get(plane);
      left?.delete(index);
      if (left?.size === 0) await this.#remove(fileOf(plane));
    }
  }

  /** @returns {Promise<Entry>} @throws {GoneError} */
  async #entry() {
    const entry = await this.#catalog.get(this.#id);
    if (!entry) throw new GoneError();
    return entry;
  }

  /** @param {(entry: Entry) => Entry} change */
  #change(change) {
    return this.#catalog.change(this.#id, (entry) => {
      if (!entry) throw new GoneError();
      return change(entry);
    });
  }

  /** @param {Range} range @returns {Promise<Float32Array>} */
  async read(range) {
    const { at, size } = this.#place(range);
    const values = new Float32Array(size / Float32Array.BYTES_PER_ELEMENT);
    const file = await this.#file(fileOf(range.plane));
    if ((await file.read(bytesOf(values), { at })) !== size) {
      throw new Error(`The plane ${range.plane} ends before ${range.start + range.length}.`);
    }
    return values;
  }

  /** @param {Range} range @param {number} columns @param {[number, number][]} final */
  peaks({ plane, start, length }, columns, final) {
    return columnsOf({ start, length }, columns, final, {
      samples: (from, count) => this.read({ plane, start: from, length: count }),
      blocks: (from, count) => this.#readPeaks(plane, from, count),
    });
  }

  /** @param {string} plane @param {number} first block @param {number} count */
  async #readPeaks(plane, first, count) {
    const name = peaksOf(plane);
    if ((await this.#file(name)).getSize() === 0) {
      this.#closeFile(name);
      await this.#makePeaks(plane);
    }
    const blocks = new Float32Array(2 * count);
    await (await this.#file(name)).read(bytesOf(blocks), { at: first * PEAK_BYTES });
    return blocks;
  }

  /** Of what an older version of the page has stored. @param {string} plane */
  async #makePeaks(plane) {
    const frames = (await this.#file(fileOf(plane))).getSize() / FRAME_BYTES;
    const blocks = new Float32Array(2 * Math.ceil(frames / PEAK_FRAMES));
    for (let start = 0; start < frames; start += PEAKS_AT_ONCE) {
      const length = Math.min(PEAKS_AT_ONCE, frames - start);
      const samples = await this.read({ plane, start, length });
      const [first, last] = [start, start + length].map((at) => Math.ceil(at / PEAK_FRAMES));
      widen(blocks.subarray(2 * (first ?? 0), 2 * (last ?? 0)), 0, samples);
    }
    const file = await this.#folder.open(peaksOf(plane));
    try {
      write(file, bytesOf(blocks), 0);
      file.flush();
    } finally {
      file.close();
    }
  }

  /**
   * @param {string} plane that lasts @param {number} start frame
   * @param {Float32Array} samples that it has from there on
   * @returns {Promise<StoredFile>} that has its peaks
   */
  async #widenPeaks(plane, start, samples) {
    const file = await this.#file(peaksOf(plane));
    const first = Math.floor(start / PEAK_FRAMES);
    const last = Math.ceil((start + samples.length / CHANNELS) / PEAK_FRAMES);
    const blocks = new Float32Array(2 * (last - first));
    await file.read(bytesOf(blocks), { at: first * PEAK_BYTES });
    widen(blocks, start - first * PEAK_FRAMES, samples);
    write(file, bytesOf(blocks), first * PEAK_BYTES);
    return file;
  }

  /** @param {Range} range @returns {{at: number, size: number}} in bytes */
  #place({ plane, start, length }) {
    const stated = this.#plan.planes[plane];
    if (!stated) throw new Error(`There is no plane ${plane}.`);
    const frame = stated.width * Float32Array.BYTES_PER_ELEMENT;
    return { at: (start - stated.origin) * frame, size: length * frame };
  }

  /** @param {string} name @returns {Promise<StoredFile>} */
  async #file(name) {
    let file = this.#files.get(name);
    if (!file) {
      // One that is only read is never written to.
      file = /** @type {StoredFile} */ (await this.#openFile(name));
      this.#files.set(name, file);
    }
    return file;
  }

  /** @param {string} name */
  async #remove(name) {
    this.#closeFile(name);
    await this.#folder.remove(name);
  }

  /** @param {string} name */
  #closeFile(name) {
    this.#files.get(name)?.close();
    this.#files.delete(name);
  }

  closeFiles() {
    for (const name of [...this.#files.keys()]) this.#closeFile(name);
  }

  close() {
    this.closeFiles();
    for (const release of this.#releases) release();
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

/** @param {StoredFile} file @param {Uint8Array} bytes @param {number} at */
function write(file, bytes, at) {
  if (file.write(bytes, { at }) !== bytes.length) throw new FullError();
}

/** @param {string} plane @returns {string} */
export function fileOf(plane) {
  return `${encodeURIComponent(plane)}.f32`;
}

/** @param {string} plane @returns {string} */
function peaksOf(plane) {
  return `${encodeURIComponent(plane)}.peaks`;
}

/** @param {Float32Array} values @returns {Uint8Array} the same memory */
function bytesOf(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** @param {Pick<Entry, "about" | "tasks">} entry @returns {boolean} whether all is finished */
function isWhole({ about, tasks }) {
  const count = tasks.reduce((sum, [start, stop]) => sum + stop - start, 0);
  return about !== null && count === about.tasks;
}

/** @param {Entry} entry @param {number} index of a task @param {number} cost @returns {Entry} */
function withTask(entry, index, cost) {
  const isThere = entry.tasks.some(([start, stop]) => start <= index && index < stop);
  if (isThere) return entry;
  return { ...entry, tasks: union([...entry.tasks, only(index)]), done: entry.done + cost };
}

/** @param {[number, number][]} ranges @returns {number[]} */
function numbersIn(ranges) {
  return ranges.flatMap(([start, stop]) => {
    return Array.from({ length: stop - start }, (_, i) => start + i);
  });
}

/** @param {number} index @returns {[number, number]} */
function only(index) {
  return [index, index + 1];
}
