/**
 * Songs of versions of the page that had no catalog: they are taken up into it.
 *
 * They had all of a song in one folder in "songs": `notes.0` and `notes.1`, of which the one with
 * the greater turn is the newer one; `about.json`, once it had begun; and a `journal` with a line of
 * JSON for each finished task. The samples are moved as they are. As long as a song is not in the
 * catalog, its old folder says what there is of it, and the next visit goes on where this one was
 * interrupted.
 *
 * @module
 */

import { ifThere, namesIn } from "./folders.js";
import { lock } from "./locks.js";
import { union } from "./ranges.js";
import { newNotes } from "./song.js";
import { FILE, fileOf } from "./song-files.js";

/** @typedef {import("./catalog.js").Catalog} Catalog */
/** @typedef {import("./catalog.js").Entry} Entry */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Notes} Notes */

const FOLDER = "songs";
const ABOUT = "about.json";
const JOURNAL = "journal";
const NOTES = ["notes.0", "notes.1"];
const MIXTURE = "mixture";
/** Their keys had the wheel of the package in the place of this version of the numerics. */
const NUMERICS = 1;

/**
 * @param {FileSystemDirectoryHandle} root
 * @param {FileSystemDirectoryHandle} files where the samples are now
 * @param {Catalog} catalog
 * @returns {Promise<Set<string>>} the songs that are still to be taken up
 */
export async function takeUpOld(root, files, catalog) {
  const left = new Set();
  const old = await ifThere(root.getDirectoryHandle(FOLDER));
  if (!old) return left;
  for await (const [id, folder] of old.entries()) {
    left.add(id);
    const release = await lock(id, "exclusive");
    // A tab that is older than this version of the page is at it: the next visit takes it up.
    if (!release) continue;
    try {
      await takeUp(id, /** @type {FileSystemDirectoryHandle} */ (folder), files, catalog);
      await old.removeEntry(id, { recursive: true });
      left.delete(id);
    } catch (error) {
      console.warn(`The song ${id} could not be taken up.`, error);
    } finally {
      release();
    }
  }
  return left;
}

/**
 * @param {string} id @param {FileSystemDirectoryHandle} folder
 * @param {FileSystemDirectoryHandle} files @param {Catalog} catalog
 */
async function takeUp(id, folder, files, catalog) {
  const about = /** @type {About | null} */ (parsed(await textOf(folder, ABOUT)));
  const notes = (await newestNotes(folder)) ?? (about && notesOf(about));
  if (!notes || (await catalog.get(id))) return;
  const target = await files.getDirectoryHandle(id, { create: true });
  const wanted = about ? /\.(f32|peaks)$/ : new RegExp(`^${FILE}$`);
  for await (const name of folder.keys()) {
    if (wanted.test(name)) await (await folder.getFileHandle(name)).move(target, name);
  }
  const entry = about
    ? { ...(await begunEntry(folder, about, target)), id, notes }
    : { ...(await waitingEntry(notes, target)), id, notes };
  await catalog.change(id, () => entry);
}

/** @param {Notes} notes @param {FileSystemDirectoryHandle} target */
async function waitingEntry({ size }, target) {
  const copy = await ifThere(target.getFileHandle(FILE));
  const hasFile = copy !== null && (await copy.getFile()).size === size;
  return { about: null, hasFile, tasks: [], done: 0 };
}

/**
 * @param {FileSystemDirectoryHandle} folder @param {About} about
 * @param {FileSystemDirectoryHandle} target which has its samples
 */
async function begunEntry(folder, about, target) {
  const lines = linesOf((await textOf(folder, JOURNAL)) ?? "");
  const costs = new Map(lines.map(({ task, cost }) => [task, cost]));
  const done = [...costs.values()].reduce((sum, cost) => sum + cost, 0);
  // The first versions did not write down how many tasks there are, nor which stems are stored.
  const isDone = !about.tasks && done === about.cost;
  const stems = about.stems ?? (await stemsIn(target));
  const count = about.tasks ?? (isDone ? costs.size : Infinity);
  const tasks = union([...costs.keys()].map((task) => [task, task + 1]));
  const now = { ...about, key: keyOf(about.key), stems, tasks: count };
  return { about: now, hasFile: false, tasks, done };
}

/** @param {string} key @returns {string} */
function keyOf(key) {
  const made = /** @type {unknown[]} */ (JSON.parse(key));
  const isWheel = (/** @type {unknown} */ part) => String(part).startsWith("wheels/");
  return JSON.stringify(made.map((part) => (isWheel(part) ? NUMERICS : part)));
}

/** @param {FileSystemDirectoryHandle} target @returns {Promise<string[]>} */
async function stemsIn(target) {
  const planes = (await namesIn(target)).filter((name) => name.endsWith(".f32"));
  const files = planes.filter((name) => name !== fileOf(MIXTURE));
  return files.map((name) => decodeURIComponent(name.slice(0, -".f32".length)));
}

/** @param {FileSystemDirectoryHandle} folder @returns {Promise<Notes | null>} that are whole */
async function newestNotes(folder) {
  const all = await Promise.all(NOTES.map(async (name) => parsed(await textOf(folder, name))));
  const whole = all.filter((one) => one !== null).sort((one, other) => other.turn - one.turn);
  return whole[0]?.notes ?? null;
}

/** @param {About} about of a song that has no notes @returns {Notes} */
function notesOf({ name, model, stems }) {
  return newNotes({ name, size: 0 }, { model, quality: "", stems: stems ?? null }, 0);
}

/**
 * @param {FileSystemDirectoryHandle} folder @param {string} name
 * @returns {Promise<string | null>}
 */
async function textOf(folder, name) {
  const file = await ifThere(folder.getFileHandle(name));
  return file && (await file.getFile()).text();
}

/**
 * @param {string} journal
 * @returns {{task: number, cost: number}[]} up to the first line that is not whole
 */
function linesOf(journal) {
  const lines = [];
  for (const text of journal.split("\n").slice(0, -1)) {
    const line = parsed(text);
    if (line === null) break;
    lines.push(line);
  }
  return lines;
}

/** @param {string | null} text @returns {any} null where it is not there as a whole */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
