/**
 * Pages that end in the middle of a song, in front of the person and without being closed: the
 * browser has ended them, most often because they needed more memory than the device gives. The
 * next one takes fewer workers. A page in the background says nothing: phones end it for the sake
 * of others, and people put it away with a swipe, which no page hears of.
 *
 * @module
 */

import { isAnyBusy } from "../engine/tabs.js";
import { keep, recall } from "./remembered.js";

/** How many workers compute; empty where none do, and after a page was closed. */
const AT_WORK = "workers at work";
/** How many there may be by themselves. */
const MOST = "most workers";

let computing = 0;
let told = 0;

addEventListener("pagehide", () => tellWorkers(0));
document.addEventListener("visibilitychange", () => tellWorkers(computing));

/** @param {number} count of the workers that compute now */
export function tellWorkers(count) {
  computing = count;
  const seen = document.visibilityState === "visible" ? count : 0;
  if (seen !== told) keep(AT_WORK, seen > 0 ? String(seen) : "");
  told = seen;
}

/** @returns {number} how many workers there may be by themselves */
export function mostWorkers() {
  return Number(recall(MOST)) || Infinity;
}

/**
 * To be asked once, before anything is computed.
 *
 * @param {string} base of the site
 * @returns {Promise<number | null>} how many workers there may be from now on; null: no page has
 *   ended so
 */
export async function lookBack(base) {
  const before = Number(recall(AT_WORK));
  if (!before || (await isAnyBusy(base))) return null;
  keep(AT_WORK, "");
  const most = Math.max(1, Math.floor(before / 2));
  keep(MOST, String(most));
  return most;
}
