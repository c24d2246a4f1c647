/**
 * Finds songs among files and in dropped folders.
 *
 * @module
 */

import { belongsToModel, MODEL_ENDINGS } from "../../engine/own-models.js";

/** Extensions of files with sound. For some of them browsers report no type, or a wrong one. */
const ENDINGS = [
  ["aac", "aif", "aifc", "aiff", "alac", "amr", "caf", "flac", "m4a", "m4b", "mka", "mp2", "mp3"],
  ["mpga", "oga", "ogg", "opus", "wav", "wave", "weba", "wma"],
  ["3gp", "avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts", "webm"],
].flat();

/** Playlists and MIDI files, which have audio types but no sound. */
const NO_SOUND = new Set(["m3u", "m3u8", "mid", "midi", "pls", "xspf"]);

/** Types accepted by the file picker. */
export const ACCEPTED = [
  "audio/*",
  "video/*",
  ...[...ENDINGS, ...MODEL_ENDINGS].map((ending) => `.${ending}`),
].join(",");

/** Sorts the files of a folder by name, with 2 before 10. */
const inOrder = new Intl.Collator(undefined, { numeric: true });

/** @param {File} file @returns {boolean} whether it looks like a file with sound */
export function isSong({ name, type }) {
  const ending = /\.([^.]+)$/.exec(name.toLowerCase())?.[1] ?? "";
  if (name.startsWith(".") || NO_SOUND.has(ending)) return false;
  return ENDINGS.includes(ending) || /^(audio|video)\//.test(type);
}

/** @param {File} file @returns {boolean} whether it looks like a song or belongs to a model */
function isWanted(file) {
  return isSong(file) || belongsToModel(file);
}

/**
 * @param {File[]} files that the user picked one by one
 * @returns {File[]} the songs and models among them; a single file counts whatever it looks like,
 *   and so do all files if none looks like one: reading them shows what is wrong
 */
export function songsAmong(files) {
  const songs = files.filter(isWanted);
  return files.length > 1 && songs.length > 0 ? songs : files;
}

/**
 * @param {Iterable<File>} files of a picked folder and its subfolders
 * @returns {File[]} the songs, in the order of their paths
 */
export function songsOfFolder(files) {
  const found = [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  return found
    .filter(({ file, path }) => isWanted(file) && !isHidden(path))
    .sort((one, other) => inOrder.compare(one.path, other.path))
    .map(({ file }) => file);
}

/** @param {string} path @returns {boolean} whether it or one of its folders is hidden */
function isHidden(path) {
  return path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
}

/**
 * Find the dropped songs. Call it while the event is handled: its items are gone afterwards.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>} the songs, including those in folders
 */
export async function songsDropped(transfer) {
  const named = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((entry) => entry?.isDirectory === true);
  if (folders.length === 0) return songsAmong(named);
  // Folders also appear among the files, as files that cannot be read.
  const names = new Set(folders.map((folder) => folder?.name));
  const beside = named.filter(({ name }) => !names.has(name)).filter(isWanted);
  const inside = await Promise.all(folders.map((folder) => songsIn(folder)));
  return [...beside, ...inside.flat()];
}

/**
 * @param {FileSystemEntry | null} entry a file or a folder
 * @returns {Promise<File[]>} the songs in it, sorted by name, folder by folder
 */
async function songsIn(entry) {
  if (!entry || isHidden(entry.name)) return [];
  if (entry.isFile) {
    const file = await fileOf(/** @type {FileSystemFileEntry} */ (entry));
    return file && isWanted(file) ? [file] : [];
  }
  const entries = await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry));
  entries.sort((one, other) => inOrder.compare(one.name, other.name));
  const found = [];
  for (const each of entries) found.push(...(await songsIn(each)));
  return found;
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File | null>} null if it cannot be read */
function fileOf(entry) {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<FileSystemEntry[]>} */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    // They come in batches of a hundred.
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
