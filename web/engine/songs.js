/**
 * Songs and what is finished of them, in folders of files that outlive a crash.
 *
 * A song's folder holds `about.json` (see `About` in protocol.js), a `.f32` file for each plane,
 * and the `journal`: a line for each finished task. A task's data are written and flushed before
 * its line, and temporary planes are deleted after the line of the last task that reads them. So
 * whatever moment it ends at, every line is true, and what has no line is computed again: nothing
 * is added twice, for tasks write, they never add to what is there. A folder without a whole
 * `about.json` is of a song that was still being read, and goes.
 *
 * Where the files are is the business of a `Root`: in the origin-private file system
 * (store-worker.js) or in memory (store.js).
 *
 * @module
 */

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
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
const JOURNAL = "journal";
/** A file that takes no space on the disk, but would need it. */
const PROBE = "probe";
const MIXTURE = "mixture";
const CHANNELS = 2;

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
   * What is kept; what a tab that is gone has left unread is deleted.
   *
   * @returns {Promise<KeptSong[]>}
   */
  async list() {
    const songs = await Promise.all((await this.#root.names()).map((id) => this.#look(id)));
    return songs.filter((song) => song !== null);
  }

  /** @param {string} id @returns {Promise<KeptSong | null>} */
  async #look(id) {
    const folder = await this.#root.open(id);
    const about = aboutOf(await folder.text(ABOUT));
    const release = this.#open.has(id) ? () => {} : await this.#root.lock(id);
    if (about) {
      const lines = linesOf((await folder.text(JOURNAL)) ?? "");
      const done = lines.reduce((sum, { cost }) => sum + cost, 0);
      release?.();
      return { id, about, done, busy: release === null };
    }
    if (release && !this.#open.has(id)) await this.#root.remove(id);
    release?.();
    return null;
  }

  /** @returns {Promise<string>} the id of a new song */
  async create() {
    const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join("-");
    await this.open(id);
    return id;
  }

  /**
   * @param {string} id
   * @throws {BusyError}
   */
  async open(id) {
    const release = await this.#root.lock(id);
    if (!release) throw new BusyError();
    this.#open.set(id, new Song(await this.#root.open(id), release));
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

  /** @param {string} id what is finished stays */
  async close(id) {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  /** @param {string} id */
  async remove(id) {
    await this.close(id);
    await this.#root.remove(id);
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

  /** @param {Float32Array} block */
  async append(block) {
    const file = await this.#file(fileOf(MIXTURE));
    write(file, bytesOf(block), file.getSize());
  }

  /**
   * @param {About} about @param {Plan} plan @param {() => void} release
   * @returns {Promise<number[]>}
   */
  async begin(about, plan, release) {
    this.#releases.push(release);
    if (aboutOf(await this.#folder.text(ABOUT))?.key !== about.key) await this.#reset(about);
    this.#plan = plan;
    const done = new Set((await this.#readJournal()).map(({ task }) => task));
    await this.#findReaders(done);
    return [...done];
  }

  /** @param {About} about all that is kept but the mixture was for something else */
  async #reset(about) {
    for (const name of await this.#folder.names()) {
      if (name !== fileOf(MIXTURE)) await this.#remove(name);
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
      const file = await this.#file(fileOf(range.plane));
      write(file, bytesOf(/** @type {Float32Array} */ (outputs[position])), this.#place(range).at);
      files.add(file);
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

  close() {
    for (const name of [...this.#files.keys()]) this.#closeFile(name);
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
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
