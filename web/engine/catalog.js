/**
 * The catalog of songs: one entry for each song, in a database (IndexedDB, via `idb`) or in memory.
 *
 * An entry changes as a whole or not at all, and a change is on the disk when `change` resolves.
 * All entries are read in one go, whatever else is being done with songs.
 *
 * @module
 */

import { openDB } from "../vendor/idb.mjs";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Notes} Notes */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {Notes} notes
 * @property {About | null} about       null before the separation has started
 * @property {boolean} hasFile          whether there is a complete copy of the song's file
 * @property {[number, number][]} tasks     finished tasks: [start, stop), sorted, disjoint
 * @property {number} done              total cost of those tasks
 * @property {[number, number][]} [final]   where all wanted stems are final, in frames; entries of
 *   older versions of the page do not have it before they are continued
 */

/**
 * @typedef {object} Catalog
 * @property {() => Promise<Entry[]>} all
 * @property {(id: string) => Promise<Entry | undefined>} get
 * @property {(id: string, change: Change) => Promise<void>} change
 *
 * Returns the new entry; undefined deletes it.
 * @typedef {(entry: Entry | undefined) => Entry | undefined} Change
 */

const DATABASE = "py-demixer";
const ENTRIES = "songs";

/**
 * Format of everything that is stored, files and entries. A new format gets a greater number, and
 * `upgrade` converts to it. Before format 1 there was no database: see old-songs.js.
 */
const FORMAT = 1;

/** @returns {Catalog} a catalog on the disk */
export function diskCatalog() {
  /** @type {Promise<import("idb").IDBPDatabase> | null} */
  let opened = null;
  const forget = () => (opened = null);
  const open = () => {
    opened ??= openDB(DATABASE, FORMAT, {
      upgrade: (database) => void database.createObjectStore(ENTRIES, { keyPath: "id" }),
      // A newer version of the page, in another tab, is about to upgrade the format.
      blocking: (_current, _blocked, event) => {
        /** @type {IDBDatabase} */ (event.target).close();
        forget();
      },
      terminated: forget,
    });
    opened.catch(forget);
    return opened;
  };
  return {
    all: () => inOne(open(), "readonly", async (entries) => entries.getAll()),
    get: (id) => inOne(open(), "readonly", async (entries) => entries.get(id)),
    change: (id, change) =>
      inOne(open(), "readwrite", async (entries) => {
        const entry = change(await entries.get(id));
        await (entry ? entries.put(entry) : entries.delete(id));
      }),
  };
}

/**
 * @template {"readonly" | "readwrite"} Mode
 * @template Value
 * @param {Promise<import("idb").IDBPDatabase>} opened @param {Mode} mode
 * @param {(entries: import("idb").IDBPObjectStore<unknown, ["songs"], "songs", Mode>) =>
 *   Promise<Value>} work
 * @returns {Promise<Value>} resolves when the transaction has completed
 */
async function inOne(opened, mode, work) {
  // Files are deleted on the strength of what is written here, so it must survive a power failure.
  const options = /** @type {const} */ ({ durability: "strict" });
  const { store, done } = (await opened).transaction(ENTRIES, mode, options);
  const [value] = await Promise.all([work(store), done]);
  return value;
}

/** @returns {Catalog} a catalog that is lost when the page closes */
export function memoryCatalog() {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  return {
    all: async () => [...entries.values()],
    get: async (id) => entries.get(id),
    change: async (id, change) => {
      const entry = change(entries.get(id));
      if (entry) entries.set(id, entry);
      else entries.delete(id);
    },
  };
}

/** @param {Pick<Entry, "about" | "tasks">} entry @returns {boolean} whether it is complete */
export function isWhole({ about, tasks }) {
  const count = tasks.reduce((sum, [start, stop]) => sum + stop - start, 0);
  return about !== null && count === about.tasks;
}
