/**
 * The one place that has the songs' files open, in the origin-private file system: its handles are
 * exclusive, and only workers may have them. Messages: see `protocol.js`.
 */

import { serve } from "./rpc.js";
import { oneByOne, Songs } from "./songs.js";

/** @typedef {import("./songs.js").Folder} Folder */
/** @typedef {import("./songs.js").Root} Root */

const FOLDER = "songs";
/** A tab that is just being closed or reloaded still has its locks and files for a moment. */
const PATIENCE_MS = 1500;
const PAUSE_MS = 100;

/** @implements {Root} */
class PrivateFiles {
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
    return new PrivateFolder(await this.#handle.getDirectoryHandle(name, { create: true }));
  }

  /** @param {string} name */
  remove(name) {
    return this.#handle.removeEntry(name, { recursive: true });
  }

  /** @param {string} name @returns {Promise<(() => void) | null>} */
  lock(name) {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const held = () => new Promise((release) => resolve(() => release(null)));
      navigator.locks.request(`py-demixer ${FOLDER} ${name}`, { signal }, held).catch((error) => {
        if (signal.aborted) resolve(null);
        else reject(error);
      });
    });
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
    for (let waited = 0; ; waited += PAUSE_MS) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        const inUse =
          error instanceof DOMException && error.name === "NoModificationAllowedError";
        if (!inUse || waited >= PATIENCE_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** @param {string} name */
  async text(name) {
    return (await this.file(name))?.text() ?? null;
  }

  /** @param {string} name */
  async size(name) {
    return (await this.file(name))?.size ?? 0;
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

/** @param {FileSystemDirectoryHandle} folder @returns {Promise<string[]>} */
async function namesIn(folder) {
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

/**
 * @template Value
 * @param {Promise<Value>} promise
 * @returns {Promise<Value | null>} null where there is no such file
 */
async function ifThere(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return null;
    throw error;
  }
}

async function openSongs() {
  const root = await navigator.storage.getDirectory();
  await tryFile(root);
  return new Songs(new PrivateFiles(await root.getDirectoryHandle(FOLDER, { create: true })));
}

/**
 * Some browsers have folders here, but no file that can be written to (WebKitGTK 2.50): better to
 * know it now than in the middle of a song.
 *
 * @param {FileSystemDirectoryHandle} folder
 */
async function tryFile(folder) {
  const name = `probe ${crypto.randomUUID()}`;
  const file = await folder.getFileHandle(name, { create: true });
  try {
    (await file.createSyncAccessHandle()).close();
  } finally {
    await folder.removeEntry(name);
  }
}

/** @type {Promise<ReturnType<typeof oneByOne>> | null} */
let calls = null;

serve(async (method, parameters) => {
  // Not before there is a call that would hear of it if that fails.
  calls ??= openSongs().then(oneByOne);
  return (await calls)(method, parameters);
});
