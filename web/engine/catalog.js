/**
 * What is written down of songs: one entry for each, in a database (IndexedDB, by `idb`), or in
 * memory.
 *
 * An entry changes as a whole or not at all, and what has changed is on the disk when `change`
 * resolves. All entries are one read, whatever is being done with songs meanwhile.
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
 * @property {About | null} about       null: it has not begun
 * @property {boolean} hasFile          whether there is a whole copy of the file to read it from
 * @property {[number, number][]} tasks     that are finished: [start, stop), sorted, disjoint
 * @property {number} done              their cost
 */

/**
 * @typedef {object} Catalog
 * @property {() => Promise<Entry[]>} all
 * @property {(id: string) => Promise<Entry | undefined>} get
 * @property {(id: string, change: Change) => Promise<void>} change
 *
 * What it returns takes the place of the entry; undefined: there is none any more.
 * @typedef {(entry: Entry | undefined) => Entry | undefined} Change
 */

const DATABASE = "py-demixer";
const ENTRIES = "songs";

/**
 * The format of what is kept, files and entries. Another format has a greater number, and
 * `upgrade` makes it of this one. Before the first one there was no database: old-songs.js.
 */
const FORMAT = 1;

/** @returns {Catalog} on the disk */
export function diskCatalog() {
  /** @type {Promise<import("idb").IDBPDatabase> | null} */
  let opened = null;
  const forget = () => (opened = null);
  const open = () => {
    opened ??= openDB(DATABASE, FORMAT, {
      upgrade: (database) => void database.createObjectStore(ENTRIES, { keyPath: "id" }),
      // A newer version of the page, in another tab, is to have it in another format.
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
 * @returns {Promise<Value>} when all of it is done
 */
async function inOne(opened, mode, work) {
  // Files are deleted because of what is written here: it must outlive a loss of power, too.
  const options = /** @type {const} */ ({ durability: "strict" });
  const { store, done } = (await opened).transaction(ENTRIES, mode, options);
  const [value] = await Promise.all([work(store), done]);
  return value;
}

/** @returns {Catalog} that is gone with the page */
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

/** @param {Pick<Entry, "about" | "tasks">} entry @returns {boolean} whether all is finished */
export function isWhole({ about, tasks }) {
  const count = tasks.reduce((sum, [start, stop]) => sum + stop - start, 0);
  return about !== null && count === about.tasks;
}
