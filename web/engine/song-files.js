/**
 * A song's folder: its samples, their peaks, and its entry in the catalog.
 *
 * See songs.js for the files in it and the order of writing.
 *
 * @module
 */

import { isWhole } from "./catalog.js";
import { patiently } from "./patience.js";
import { columnsOf, PEAK_FRAMES, widen } from "./peaks.js";
import { Final, union } from "./ranges.js";
import { FRAME_BYTES, MIXTURE } from "./song.js";
import { FullError, GoneError } from "./storage.js";

/** @typedef {import("./catalog.js").Catalog} Catalog */
/** @typedef {import("./catalog.js").Entry} Entry */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Range} Range */
/** @typedef {import("./storage.js").Folder} Folder */
/** @typedef {import("./storage.js").ReadableFile} ReadableFile */
/** @typedef {import("./storage.js").StoredFile} StoredFile */

/** The file that the user chose. */
export const FILE = "file";
/** A file to test for free space; it is deleted at once. */
const PROBE = "probe";
const CHANNELS = 2;
/** Number of frames whose peaks are computed at once. */
const PEAKS_AT_ONCE = 1 << 16;
const PEAK_BYTES = 2 * Float32Array.BYTES_PER_ELEMENT;

/** A song's folder; open in this tab only, or read-only in several. */
export class SongFiles {
  #id;
  #folder;
  #catalog;
  /** @type {(() => void)[]} */
  #releases;
  /** @type {Map<string, StoredFile>} */
  #files = new Map();
  /** @type {(name: string) => Promise<ReadableFile>} */
  #openFile;
  /** @type {Plan} before the separation starts, only the mixture */
  #plan = {
    stems: [],
    planes: { [MIXTURE]: { width: CHANNELS, frames: 0, origin: 0, temporary: false } },
    tasks: [],
  };
  /**
   * @type {Map<string, Set<number>>} for each temporary plane, the unfinished tasks that read it
   */
  #readers = new Map();
  /** @type {Set<string>} stems that are not wanted */
  #unwanted = new Set();
  /** Of the wanted stems. */
  #final = new Final([]);

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

  /** @param {() => void} release called when the song is closed */
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

  /** @param {About} about of a song, to be opened read-only */
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
      // The block may be passed again.
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
    this.#final = new Final(about.stems);
    for (const index of done) this.#final.add(plan.tasks[index]?.writes ?? []);
    return [...done];
  }

  /** @param {Entry} entry everything stored except the mixture belongs to another job */
  async #reset(entry) {
    if (isWhole(entry)) throw new Error("What is finished is not begun anew.");
    await this.#change((before) => ({ ...before, tasks: [], done: 0, final: [] }));
    const kept = [fileOf(MIXTURE), peaksOf(MIXTURE), FILE];
    for (const name of await this.#folder.names()) {
      if (!kept.includes(name)) await this.#remove(name);
    }
    for (const name of [fileOf(MIXTURE), peaksOf(MIXTURE)]) (await this.#file(name)).flush();
  }

  /** @returns {Promise<Set<number>>} finished tasks whose data are complete as far as needed */
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

  /** @returns {Promise<Map<string, number>>} size in bytes of each plane */
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
   * Disks lose files, and older versions of the page lost lines of their journals: a task is done
   * again if its output is missing and still has to be read.
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
   * @returns {Promise<boolean>} whether all tasks are now finished
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
    this.#final.add(writes);
    const final = this.#final.list;
    let isLast = false;
    await this.#change((entry) => {
      const after = { ...withTask(entry, index, cost), final };
      isLast = isWhole(after);
      return after;
    });
    // The task is finished even if this fails: leftovers are deleted when the song is resumed.
    await patiently(() => this.#dropRead(index, reads)).catch((error) => console.warn(error));
    return isLast;
  }

  /** @param {number} index of a finished task @param {Range[]} reads */
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

  /** Make the peaks of a plane stored by an older version. @param {string} plane */
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
   * @param {string} plane a lasting one @param {number} start frame
   * @param {Float32Array} samples of the plane from there on
   * @returns {Promise<StoredFile>} the file with its peaks
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
      // A file opened read-only is never written to.
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

/** @param {Float32Array} values @returns {Uint8Array} a view of the same memory */
function bytesOf(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
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
