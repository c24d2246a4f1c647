/**
 * The one place that has the songs' files open, in the origin-private file system: its handles are
 * exclusive, and only workers may have them. Messages: see `protocol.js`.
 */

import { diskCatalog } from "./catalog.js";
import { PrivateFiles } from "./folders.js";
import { takeUpOld } from "./old-songs.js";
import { patiently } from "./patience.js";
import { serve } from "./rpc.js";
import { oneByOne, Songs } from "./songs.js";

/** Versions of the page that had no catalog used "songs": they delete there what they do not know. */
const FOLDER = "samples";

async function openSongs() {
  const root = await navigator.storage.getDirectory();
  const files = await root.getDirectoryHandle(FOLDER, { create: true });
  const catalog = diskCatalog();
  const left = await takeUpOld(root, files, catalog);
  const songs = new Songs(new PrivateFiles(files), catalog);
  await songs.tidy(left);
  return oneByOne(songs);
}

/**
 * Some browsers have folders here, but no file that can be written to (WebKitGTK 2.50), and some
 * have neither in private windows: better to know it now than in the middle of a song.
 */
async function tryFiles() {
  const name = `probe ${crypto.randomUUID()}`;
  const root = await navigator.storage.getDirectory();
  try {
    const file = await root.getFileHandle(name, { create: true });
    (await file.createSyncAccessHandle()).close();
    await root.removeEntry(name);
  } catch (error) {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    if (!isFull) throw error;
  }
}

/** @type {Promise<ReturnType<typeof oneByOne>> | null} */
let calls = null;

/** @returns {Promise<ReturnType<typeof oneByOne>>} */
function openedSongs() {
  calls ??= patiently(openSongs);
  calls.catch(() => (calls = null));
  return calls;
}

serve(async (method, parameters) => {
  if (method === "tryFiles") return patiently(tryFiles);
  return (await openedSongs())(method, parameters);
});
