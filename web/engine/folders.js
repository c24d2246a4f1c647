/**
 * Folders of songs in the origin-private file system, for `Songs` in songs.js.
 *
 * @module
 */

import { lock, locked } from "./locks.js";

/** @typedef {import("./storage.js").Folder} Folder */
/** @typedef {import("./storage.js").ReadableFile} ReadableFile */
/** @typedef {import("./storage.js").Root} Root */

/** @implements {Root} */
export class PrivateFiles {
  #handle;
  lock = lock;
  locked = locked;

  /** @param {FileSystemDirectoryHandle} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  names() {
    return namesIn(this.#handle);
  }

  /** @param {string} name */
  async open(name) {
    return new PrivateFolder(await this.#handle.getDirectoryHandle(name, { create: true }));
  }

  /** @param {string} name */
  async remove(name) {
    await ifThere(this.#handle.removeEntry(name, { recursive: true }));
  }
}

/** @implements {Folder} */
class PrivateFolder {
  #handle;

  /** @param {FileSystemDirectoryHandle} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  names() {
    return namesIn(this.#handle);
  }

  /** @param {string} name */
  async open(name) {
    const file = await this.#handle.getFileHandle(name, { create: true });
    return file.createSyncAccessHandle();
  }

  /** @param {string} name */
  async view(name) {
    return new ViewedFile((await this.file(name)) ?? new File([], name));
  }

  /** @param {string} name */
  async file(name) {
    const file = await ifThere(this.#handle.getFileHandle(name));
    return file && file.getFile();
  }

  /** @param {string} name */
  async remove(name) {
    await ifThere(this.#handle.removeEntry(name));
  }
}

/**
 * A file read without an access handle, so that several tabs can have it open.
 *
 * @implements {ReadableFile}
 */
class ViewedFile {
  #file;

  /** @param {File} file */
  constructor(file) {
    this.#file = file;
  }

  getSize() {
    return this.#file.size;
  }

  /** @param {Uint8Array} target @param {{at: number}} options */
  async read(target, { at }) {
    const bytes = new Uint8Array(await this.#file.slice(at, at + target.length).arrayBuffer());
    target.set(bytes);
    return bytes.length;
  }

  close() {}
}

/** @param {FileSystemDirectoryHandle} folder @returns {Promise<string[]>} */
export async function namesIn(folder) {
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

/**
 * @template Value
 * @param {Promise<Value>} promise
 * @returns {Promise<Value | null>} null if there is no such file
 */
export async function ifThere(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return null;
    throw error;
  }
}
