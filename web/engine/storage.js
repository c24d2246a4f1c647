/**
 * Interface to the storage of songs: files in folders below a root, locks between tabs, and errors.
 *
 * The root is in the origin-private file system (store-worker.js) or in memory (store.js).
 *
 * @module
 */

/**
 * @typedef {object} ReadableFile
 * @property {() => number} getSize                          bytes
 * @property {(target: Uint8Array, options: {at: number}) => number | Promise<number>} read
 *   returns the number of bytes read
 * @property {() => void} close
 */

/**
 * @typedef {object} WritableFile
 * @property {(source: Uint8Array, options: {at: number}) => number} write    returns bytes written
 * @property {(size: number) => void} truncate
 * @property {() => void} flush     returns when all writes are on the disk
 * @typedef {ReadableFile & WritableFile} StoredFile
 */

/**
 * @typedef {object} Folder
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<StoredFile>} open    creates a missing file
 * @property {(name: string) => Promise<ReadableFile>} view  a file that other tabs may read too
 * @property {(name: string) => Promise<File | null>} file   to be read later
 * @property {(name: string) => Promise<void>} remove        ignores a missing file
 */

/**
 * @typedef {object} Root
 * @property {() => Promise<string[]>} names
 * @property {(name: string) => Promise<Folder>} open        creates a missing folder
 * @property {(name: string) => Promise<void>} remove        ignores a missing folder
 * @property {(name: string, mode: LockMode) => Promise<(() => void) | null>} lock    locks out
 *   other tabs; returns null if another tab has the lock
 * @property {() => Promise<Set<string>>} locked     names locked exclusively by any tab
 */

/** Another tab has the song. */
export class BusyError extends Error {
  /** @override */
  name = "BusyError";
}

/** The song does not exist any more. */
export class GoneError extends Error {
  /** @override */
  name = "GoneError";
}

/** There is not enough space to write. */
export class FullError extends Error {
  /** @override */
  name = "FullError";
}
