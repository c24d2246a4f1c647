/**
 * The only place that opens the songs' files in the origin-private file system: access handles are
 * exclusive and available only in workers. Messages: see `protocol.js`.
 */

import { diskCatalog } from "./catalog.js";
import { PrivateFiles } from "./folders.js";
import { takeUpOld } from "./old-songs.js";
import { patiently } from "./patience.js";
import { serve } from "./rpc.js";
import { oneByOne, Songs } from "./songs.js";

/** Not "songs": page versions without a catalog use that, and delete what they do not know. */
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
 * Fail early if files cannot be written. Some browsers have folders here but no writable files
 * (WebKitGTK 2.50), and some have neither in private windows.
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
