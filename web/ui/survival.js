/**
 * Pages that end in the middle of a song without being closed: the browser has ended them, most
 * often because they needed more memory than the device gives. The next one takes fewer workers.
 *
 * @module
 */

import { isAnyBusy } from "../engine/tabs.js";
import { keep, recall } from "./remembered.js";

/** How many workers compute; empty where none do, and after a page was closed. */
const AT_WORK = "workers at work";
/** How many there may be by themselves. */
const MOST = "most workers";

let told = 0;

addEventListener("pagehide", () => tellWorkers(0));

/** @param {number} count of the workers that compute now */
export function tellWorkers(count) {
  if (count !== told) keep(AT_WORK, count > 0 ? String(count) : "");
  told = count;
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
