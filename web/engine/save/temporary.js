/**
 * Temporary files in the origin-private file system, so that downloads need not fit in memory.
 *
 * Each tab has a folder of its own and holds a lock of that name as long as it lives, so a free
 * lock marks the leftovers of a closed tab.
 *
 * @module
 */

const FOLDER = "downloads";

/** Browsers' errors for a file that is open. */
const IN_USE = ["NoModificationAllowedError", "InvalidModificationError"];
const PATIENCE_MS = 3000;
const PAUSE_MS = 100;

export class TemporaryFiles {
  /** @type {Promise<FileSystemDirectoryHandle | null> | null} */
  #folder = null;

  /**
   * @returns {Promise<FileSystemFileHandle | null>} a new, empty file; null if there can be none
   */
  async create() {
    this.#folder ??= openFolder().catch((error) => {
      console.warn("The browser keeps no files here: downloads are made in memory.", error);
      return null;
    });
    const folder = await this.#folder;
    return folder && folder.getFileHandle(crypto.randomUUID(), { create: true });
  }

  /** @param {FileSystemFileHandle} file made by `create` */
  async remove(file) {
    const folder = await this.#folder;
    if (folder) await patiently(() => folder.removeEntry(file.name));
  }
}

/** Delete the leftovers of closed tabs. */
export async function removeAbandoned() {
  if (!arePossible()) return;
  const { held = [] } = await navigator.locks.query();
  const alive = new Set(held.map(({ name }) => name));
  const parent = await openParent();
  for await (const name of parent.keys()) {
    if (!alive.has(lockName(name))) await parent.removeEntry(name, { recursive: true });
  }
}

/**
 * Retry deleting: the files of a worker that was ended are freed slightly later.
 *
 * @param {() => Promise<void>} remove
 */
export async function patiently(remove) {
  for (let waited = 0; ; waited += PAUSE_MS) {
    try {
      return await remove();
    } catch (error) {
      const { name } = /** @type {Error} */ (error);
      if (name === "NotFoundError") return;
      if (!IN_USE.includes(name) || waited >= PATIENCE_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * @returns {boolean} whether the browser supports such files; it may still refuse them in a private
 *   window
 */
function arePossible() {
  return "locks" in navigator && "getDirectory" in (navigator.storage ?? {});
}

/**
 * @returns {Promise<FileSystemDirectoryHandle | null>} this tab's folder; null if there can be none
 */
async function openFolder() {
  if (!arePossible()) return null;
  const parent = await openParent();
  const name = crypto.randomUUID();
  await new Promise((locked) => {
    void navigator.locks.request(lockName(name), () => {
      locked(null);
      return new Promise(() => {});
    });
  });
  return parent.getDirectoryHandle(name, { create: true });
}

/** @returns {Promise<FileSystemDirectoryHandle>} */
async function openParent() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/** @param {string} folder @returns {string} */
function lockName(folder) {
  return `py-demixer ${FOLDER} ${folder}`;
}
