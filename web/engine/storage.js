/**
 * What songs are stored in: files in folders below a root, which tabs lock; and how it fails.
 *
 * The root is in the origin-private file system (store-worker.js) or in memory (store.js).
 *
 * @module
 */

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
