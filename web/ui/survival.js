/**
 * Detects pages that ended in the middle of a song, in the foreground and without being closed:
 * most often the browser ended them because they needed more memory than the device has. The next
 * page uses fewer workers. Pages in the background do not count: phones end them in favour of other
 * apps, and users swipe them away, which no page is told.
 * @module
 */

import { isAnyBusy } from "../engine/tabs.js";
import { keep, recall } from "./remembered.js";

/** Number of computing workers; empty if there are none, and after a page was closed. */
const AT_WORK = "workers at work";
/** The largest default number of workers. */
const MOST = "most workers";

let computing = 0;
let told = 0;

addEventListener("pagehide", () => tellWorkers(0));
document.addEventListener("visibilitychange", () => tellWorkers(computing));

/** @param {number} count number of workers computing now */
export function tellWorkers(count) {
  computing = count;
  const seen = document.visibilityState === "visible" ? count : 0;
  if (seen !== told) keep(AT_WORK, seen > 0 ? String(seen) : "");
  told = seen;
}

/** @returns {number} largest default number of workers */
export function mostWorkers() {
  return Number(recall(MOST)) || Infinity;
}

/**
 * Check how the last page ended. Call it once, before anything is computed.
 *
 * @param {string} base of the site
 * @returns {Promise<number | null>} new limit of workers; null if no page ended like that
 */
export async function lookBack(base) {
  const before = Number(recall(AT_WORK));
  if (!before || (await isAnyBusy(base))) return null;
  keep(AT_WORK, "");
  const most = Math.max(1, Math.floor(before / 2));
  keep(MOST, String(most));
  return most;
}
