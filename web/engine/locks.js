/**
 * Web Locks between tabs: exclusive for working on a song, shared for reading a finished one.
 *
 * @module
 */

import { PATIENCE_MS } from "./patience.js";

/** Older versions of the page use the same names. */
const PREFIX = "py-demixer songs ";

/**
 * @param {string} id of a song, or its key @param {LockMode} mode
 * @returns {Promise<(() => void) | null>} releases the lock; null if another tab has it
 */
export function lock(id, mode) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const held = () => new Promise((release) => resolve(() => release(null)));
    navigator.locks.request(PREFIX + id, { mode, signal }, held).catch((error) => {
      if (signal.aborted) resolve(null);
      else reject(error);
    });
  });
}

/** @returns {Promise<Set<string>>} songs locked exclusively by any tab, including this one */
export async function locked() {
  const { held = [] } = await navigator.locks.query();
  const alone = held.filter(({ mode }) => mode === "exclusive").map(({ name = "" }) => name);
  const ours = alone.filter((name) => name.startsWith(PREFIX));
  return new Set(ours.map((name) => name.slice(PREFIX.length)));
}

/** @param {string} id of a song @returns {Promise<void>} when no tab has an exclusive lock */
export async function unlocked(id) {
  await navigator.locks.request(PREFIX + id, { mode: "shared" }, () => {});
}
