/**
 * Temporary files in the origin-private file system: what is to be downloaded need not fit in memory.
 *
 * Each tab has a folder of its own and holds a lock of that name as long as it lives, so what a closed tab
 * has left is known by its lock being free.
 *
 * @module
 */

const FOLDER = "downloads";

export class TemporaryFiles {
  /** @type {Promise<FileSystemDirectoryHandle> | null} */
  #folder = null;

  /** @returns {boolean} whether this browser has such files that can be written here */
  static get arePossible() {
    return (
      "locks" in navigator &&
      "getDirectory" in navigator.storage &&
      "createWritable" in FileSystemFileHandle.prototype
    );
  }

  /** @returns {Promise<FileSystemFileHandle>} a new, empty file */
  async create() {
    this.#folder ??= openFolder();
    return (await this.#folder).getFileHandle(crypto.randomUUID(), { create: true });
  }

  /** @param {FileSystemFileHandle} file made by `create` */
  async remove(file) {
    await (await this.#folder)?.removeEntry(file.name);
  }
}

/** Delete what tabs that are gone have left. */
export async function removeAbandoned() {
  if (!TemporaryFiles.arePossible) return;
  const { held = [] } = await navigator.locks.query();
  const alive = new Set(held.map(({ name }) => name));
  const parent = await openParent();
  for await (const name of parent.keys()) {
    if (!alive.has(lockName(name))) await parent.removeEntry(name, { recursive: true });
  }
}

/** @returns {Promise<FileSystemDirectoryHandle>} this tab's */
async function openFolder() {
  const name = crypto.randomUUID();
  await new Promise((locked) => {
    void navigator.locks.request(lockName(name), () => {
      locked(null);
      return new Promise(() => {});
    });
  });
  return (await openParent()).getDirectoryHandle(name, { create: true });
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
