/**
 * Songs and what is finished of them, in folders of files that outlive a crash.
 *
 * A song's folder holds `notes.0` and `notes.1` (see `Notes` in protocol.js) from the moment it is
 * added, and from the moment it begins `about.json` (`About`), a `.f32` file for each plane, one
 * of `.peaks` beside those that last (peaks.js), and the `journal`: a line for each finished task.
 * A task's data are written and flushed before its line, and temporary planes are deleted after the
 * line of the last task that reads them. So whatever moment it ends at, every line is true, and what
 * has no line is computed again: nothing is added twice, for tasks write, they never add to what is
 * there. Stems that nobody wants are not written.
 *
 * Until it begins there is a copy of its `file`, too, for a tab that is loaded anew has lost the
 * person's. It is whole if it is as long as the notes say.
 *
 * Notes change, so there are two files of them: the older one is written anew, and whatever moment
 * that ends at, one of them is whole. Of a song that no tab is at and that has no whole
 * `about.json` nothing but the notes and the copy is left. A folder that has not even notes goes.
 *
 * Where the files are is the business of a `Root`: in the origin-private file system
 * (store-worker.js) or in memory (store.js).
 *
 * @module
 */

import { columnsOf, PEAK_FRAMES, widen } from "./peaks.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Notes} Notes */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Range} Range */

/**
 * @typedef {object} StoredFile
 * @property {() => number} getSize                          bytes
 * @property {(target: Uint8Array, options: {at: number}) => number} read     how many bytes were
 *   read
 * @property {(source: Uint8Array, options: {at: number}) => number} write    how many were written
 * @property {(size: number) => void} truncate
 * @property {() => void} flush     returns when what was written is safe
 * @property {() => void} close
 */

/**
 * @typedef {object} Folder
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<StoredFile>} open    makes it where there is none
 * @property {(name: string) => Promise<string | null>} text  of a file that may be open elsewhere
 * @property {(name: string) => Promise<number>} size         in bytes, of such a file
 * @property {(name: string) => Promise<File | null>} file    such a file, to be read later
 * @property {(name: string) => Promise<void>} remove        nothing happens where there is none
 */

/**
 * @typedef {object} Root
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<Folder>} open        makes it where there is none
 * @property {(name: string) => Promise<void>} remove
 * @property {(name: string) => Promise<(() => void) | null>} lock    against other tabs; null: one
 *   has it
 */

const ABOUT = "about.json";
/** The one with the greater turn is the newer one. */
const NOTES = ["notes.0", "notes.1"];
/** What the person has chosen. */
const FILE = "file";
const JOURNAL = "journal";
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

/** There is no room for what was to be written. */
export class FullError extends Error {
  /** @override */
  name = "FullError";
}

/** The songs of this browser. One call at a time: see `oneByOne`. */
export class Songs {
  #root;
  /** @type {Map<string, Song>} those that are open here */
  #open = new Map();

  /** @param {Root} root */
  constructor(root) {
    this.#root = root;
  }

  /**
   * What is kept. What a tab that is gone had read of a song goes.
   *
   * @returns {Promise<KeptSong[]>}
   */
  async list() {
    const songs = await Promise.all((await this.#root.names()).map((id) => this.look(id)));
    return songs.filter((song) => song !== null);
  }

  /** @param {string} id @returns {Promise<KeptSong | null>} what is kept of it */
  async look(id) {
    const folder = await this.#root.open(id);
    const isOurs = this.#open.has(id);
    const release = isOurs ? () => {} : await this.#root.lock(id);
    try {
      const about = aboutOf(await folder.text(ABOUT));
      const { notes } = await readNotes(folder);
      if (!about && release && !isOurs) {
        const going = notes ? empty(folder) : this.#root.remove(id);
        // A tab that is just being closed may have it open for a moment: the next visit sees to it.
        await going.catch((error) => console.warn(error));
      }
      if (!about && !notes) return null;
      const lines = linesOf((await folder.text(JOURNAL)) ?? "");
      const done = lines.reduce((sum, { cost }) => sum + cost, 0);
      const isFinished = about !== null && lines.length === (about.tasks ?? Infinity);
      const bytes = await bytesIn(folder);
      const file = about || !notes ? null : await wholeFile(folder, notes);
      const busy = release === null;
      return { id, about, notes: notes ?? null, file, done, isFinished, bytes, busy };
    } finally {
      release?.();
    }
  }

  /** @returns {Promise<{id: string, about: About}[]>} the songs that have begun, in any tab */
  async begun() {
    const ids = await this.#root.names();
    const found = ids.map(async (id) => {
      const about = aboutOf(await (await this.#root.open(id)).text(ABOUT));
      return about ? [{ id, about }] : [];
    });
    return (await Promise.all(found)).flat();
  }

  /** @param {string} id of a new song @param {Notes} notes */
  async create(id, notes) {
    await this.open(id);
    await this.note(id, notes);
  }

  /** @param {string} id @param {Notes} notes that take the place of what there is */
  async note(id, notes) {
    const names = await this.#root.names();
    if (!names.includes(id)) throw new Error(`There is no song ${id}.`);
    const folder = await this.#root.open(id);
    const { turn } = await readNotes(folder);
    const file = await folder.open(/** @type {string} */ (NOTES[(turn + 1) % 2]));
    try {
      file.truncate(0);
      write(file, new TextEncoder().encode(JSON.stringify({ turn: turn + 1, notes })), 0);
      file.flush();
    } finally {
      file.close();
    }
  }

  /**
   * @param {string} id of a song that may be open here already
   * @throws {BusyError}
   */
  async open(id) {
    if (this.#open.has(id)) return;
    const release = await this.#root.lock(id);
    if (!release) throw new BusyError();
    this.#open.set(id, new Song(await this.#root.open(id), release));
  }

  /**
   * Open a finished song to be read.
   *
   * @param {string} id @param {string[]} stems that it has @param {number} frames
   * @throws {BusyError}
   */
  async view(id, stems, frames) {
    await this.open(id);
    this.#song(id).view(stems, frames);
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

  /** @param {string} id of an open song: it is to be read from the start */
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
    const release = await this.#root.lock(about.key);
    if (!release) throw new BusyError();
    return this.#song(id).begin(about, plan, release);
  }

  /**
   * @param {string} id
   * @param {number} index of the task
   * @param {Float32Array[]} outputs what it writes
   */
  finish(id, index, outputs) {
    return this.#song(id).finish(index, outputs);
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
    await this.open(id);
    try {
      this.#song(id).closeFiles();
      await this.#root.remove(id);
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

/** A song's folder, which no other tab has open. */
class Song {
  #folder;
  /** @type {(() => void)[]} */
  #releases;
  /** @type {Map<string, StoredFile>} */
  #files = new Map();
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

  /** @param {Folder} folder @param {() => void} release */
  constructor(folder, release) {
    this.#folder = folder;
    this.#releases = [release];
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

  /** @param {string[]} stems @param {number} frames */
  view(stems, frames) {
    const plane = { width: CHANNELS, frames, origin: 0, temporary: false };
    const planes = Object.fromEntries([MIXTURE, ...stems].map((name) => [name, plane]));
    this.#plan = { stems, planes, tasks: [] };
  }

  /** @param {number} at @param {Uint8Array} part @returns {Promise<boolean>} */
  async keepFile(at, part) {
    if (this.#plan.tasks.length > 0) return false;
    const file = await this.#file(FILE);
    file.truncate(at);
    write(file, part, at);
    return true;
  }

  /** Nothing but the notes and the copy of its file is left. */
  async clear() {
    this.closeFiles();
    await empty(this.#folder);
  }

  /** @param {Float32Array} block */
  async append(block) {
    const file = await this.#file(fileOf(MIXTURE));
    const size = file.getSize();
    write(file, bytesOf(block), size);
    await this.#widenPeaks(MIXTURE, size / FRAME_BYTES, block);
  }

  /**
   * @param {About} about @param {Plan} plan @param {() => void} release
   * @returns {Promise<number[]>}
   */
  async begin(about, plan, release) {
    this.#releases.push(release);
    if (aboutOf(await this.#folder.text(ABOUT))?.key !== about.key) await this.#reset(about);
    this.#plan = plan;
    this.#unwanted = new Set(plan.stems.filter((stem) => !(about.stems?.includes(stem) ?? true)));
    const done = new Set((await this.#readJournal()).map(({ task }) => task));
    await this.#findReaders(done);
    return [...done];
  }

  /** @param {About} about all that is kept but the mixture was for something else */
  async #reset(about) {
    const kept = [fileOf(MIXTURE), peaksOf(MIXTURE), ...NOTES];
    for (const name of await this.#folder.names()) {
      if (!kept.includes(name)) await this.#remove(name);
    }
    (await this.#file(fileOf(MIXTURE))).flush();
    const file = await this.#file(ABOUT);
    write(file, new TextEncoder().encode(JSON.stringify(about)), 0);
    file.flush();
    this.#closeFile(ABOUT);
  }

  /**
   * @returns {Promise<{task: number, cost: number}[]>} its lines; half a line at the end is cut off
   */
  async #readJournal() {
    const journal = await this.#file(JOURNAL);
    const bytes = new Uint8Array(journal.getSize());
    journal.read(bytes, { at: 0 });
    const lines = linesOf(new TextDecoder().decode(bytes));
    journal.truncate(lines.reduce((sum, line) => sum + textOf(line).length, 0));
    return lines;
  }

  /** @param {Set<number>} done */
  async #findReaders(done) {
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

  /** @param {number} index @param {Float32Array[]} outputs */
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
    const journal = await this.#file(JOURNAL);
    write(journal, textOf({ task: index, cost }), journal.getSize());
    journal.flush();
    for (const { plane } of reads) {
      const left = this.#readers.get(plane);
      if (left?.delete(index) && left.size === 0) await this.#remove(fileOf(plane));
    }
  }

  /** @param {Range} range @returns {Promise<Float32Array>} */
  async read(range) {
    const { at, size } = this.#place(range);
    const values = new Float32Array(size / Float32Array.BYTES_PER_ELEMENT);
    const file = await this.#file(fileOf(range.plane));
    if (file.read(bytesOf(values), { at }) !== size) {
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
    const file = await this.#file(peaksOf(plane));
    if (file.getSize() === 0) await this.#makePeaks(plane);
    const blocks = new Float32Array(2 * count);
    file.read(bytesOf(blocks), { at: first * PEAK_BYTES });
    return blocks;
  }

  /** Of what an older version of the page has stored. @param {string} plane */
  async #makePeaks(plane) {
    const frames = (await this.#file(fileOf(plane))).getSize() / FRAME_BYTES;
    for (let start = 0; start < frames; start += PEAKS_AT_ONCE) {
      const length = Math.min(PEAKS_AT_ONCE, frames - start);
      await this.#widenPeaks(plane, start, await this.read({ plane, start, length }));
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
    file.read(bytesOf(blocks), { at: first * PEAK_BYTES });
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
      file = await this.#folder.open(name);
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

/**
 * @param {Songs} songs
 * @returns {(method: keyof Songs, parameters: any[]) => Promise<any>} calls it, each call after the
 *   last
 */
export function oneByOne(songs) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (method, parameters) => {
    const call = /** @type {(...given: any[]) => Promise<unknown>} */ (songs[method]);
    const answer = last.then(() => call.apply(songs, parameters));
    last = answer.catch(() => {});
    return answer;
  };
}

/** @param {StoredFile} file @param {Uint8Array} bytes @param {number} at */
function write(file, bytes, at) {
  if (file.write(bytes, { at }) !== bytes.length) throw new FullError();
}

/** @param {string} plane @returns {string} */
function fileOf(plane) {
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

/** @param {{task: number, cost: number}} line @returns {Uint8Array} as it is in the journal */
function textOf({ task, cost }) {
  return new TextEncoder().encode(`${JSON.stringify({ task, cost })}\n`);
}

/**
 * @param {string} journal
 * @returns {{task: number, cost: number}[]} up to the first that is not whole
 */
function linesOf(journal) {
  const lines = [];
  for (const text of journal.split("\n").slice(0, -1)) {
    try {
      lines.push(JSON.parse(text));
    } catch {
      break;
    }
  }
  return lines;
}

/** @param {string | null} text @returns {About | null} null where it is not there as a whole */
function aboutOf(text) {
  return parsed(text);
}

/** @param {string | null} text @returns {any} null where it is not there as a whole */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {Folder} folder of a song
 * @returns {Promise<{turn: number, notes?: Notes}>} the newest that are whole
 */
async function readNotes(folder) {
  const all = await Promise.all(NOTES.map(async (name) => parsed(await folder.text(name))));
  const whole = all.filter((one) => one !== null).sort((one, other) => other.turn - one.turn);
  return whole[0] ?? { turn: 0 };
}

/** @param {Folder} folder of which nothing but the notes and the copy of its file is left */
async function empty(folder) {
  for (const name of await folder.names()) {
    if (![...NOTES, FILE].includes(name)) await folder.remove(name);
  }
}

/**
 * @param {Folder} folder @param {Notes} notes
 * @returns {Promise<File | null>} the copy of its file
 */
async function wholeFile(folder, { file: name, size }) {
  const copy = await folder.file(FILE);
  return copy && copy.size === size ? new File([copy], name) : null;
}

/** @param {Folder} folder @returns {Promise<number>} */
async function bytesIn(folder) {
  const sizes = (await folder.names()).map((name) => folder.size(name));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
