/**
 * Imports the songs of page versions that had no catalog.
 *
 * Those versions kept everything of a song in one folder in "songs": `notes.0` and `notes.1`, of
 * which the one with the greater turn is newer; `about.json`, once the separation had started; and
 * a `journal` with a line of JSON for each finished task. The samples are moved unchanged. Until a
 * song is in the catalog, its old folder remains the record of it, and the next visit resumes an
 * interrupted import.
 *
 * @module
 */

import { ifThere, namesIn } from "./folders.js";
import { lock } from "./locks.js";
import { union } from "./ranges.js";
import { MIXTURE, newNotes } from "./song.js";
import { FILE, fileOf } from "./song-files.js";

/** @typedef {import("./catalog.js").Catalog} Catalog */
/** @typedef {import("./catalog.js").Entry} Entry */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Notes} Notes */

const FOLDER = "songs";
const ABOUT = "about.json";
const JOURNAL = "journal";
const NOTES = ["notes.0", "notes.1"];
/** Old keys had the package's wheel where new keys have this version of the numerics. */
const NUMERICS = 1;

/**
 * @param {FileSystemDirectoryHandle} root
 * @param {FileSystemDirectoryHandle} files the new folder for samples
 * @param {Catalog} catalog
 * @returns {Promise<Set<string>>} songs that are still to be imported
 */
export async function takeUpOld(root, files, catalog) {
  const left = new Set();
  const old = await ifThere(root.getDirectoryHandle(FOLDER));
  if (!old) return left;
  for await (const [id, folder] of old.entries()) {
    left.add(id);
    const release = await lock(id, "exclusive");
    // A tab with an older version of the page has it open: leave it to the next visit.
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
 * @param {FileSystemDirectoryHandle} target the folder with its samples
 */
async function begunEntry(folder, about, target) {
  const lines = linesOf((await textOf(folder, JOURNAL)) ?? "");
  const costs = new Map(lines.map(({ task, cost }) => [task, cost]));
  const done = [...costs.values()].reduce((sum, cost) => sum + cost, 0);
  // The first versions recorded neither the number of tasks nor which stems are stored.
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

/** @param {FileSystemDirectoryHandle} folder @returns {Promise<Notes | null>} if complete */
async function newestNotes(folder) {
  const all = await Promise.all(NOTES.map(async (name) => parsed(await textOf(folder, name))));
  const whole = all.filter((one) => one !== null).sort((one, other) => other.turn - one.turn);
  return whole[0]?.notes ?? null;
}

/** @param {About} about of a song without notes @returns {Notes} */
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
 * @returns {{task: number, cost: number}[]} the lines before the first incomplete one
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

/** @param {string | null} text @returns {any} null if missing or incomplete */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
