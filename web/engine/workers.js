/**
 * Default number of workers.
 *
 * @module
 */

/**
 * The most workers by default if the browser does not report the memory size. Phones get fewer:
 * their browsers end a page long before the memory is full.
 */
const MOST_UNTOLD = { desktop: 2, phone: 1 };
const MOST_ON_PHONES = 2;
export const MOST_WORKERS = 16;

/**
 * One worker for each processor core, but no more than fit into half of the machine's memory; one
 * or two on phones, and if the memory size is unknown.
 *
 * @param {number} megabytes memory of one worker: WASM heap and the browser's own share
 * @returns {number}
 */
export function defaultWorkers(megabytes) {
  const { deviceMemory, hardwareConcurrency = 1 } =
    /** @type {Navigator & {deviceMemory?: number}} */ (navigator);
  const isPhone = matchMedia("(hover: none) and (pointer: coarse)").matches;
  const fitting =
    deviceMemory === undefined
      ? MOST_UNTOLD[isPhone ? "phone" : "desktop"]
      : Math.floor((deviceMemory * 2 ** 30) / 2 / (megabytes * 1e6));
  const most = isPhone ? MOST_ON_PHONES : MOST_WORKERS;
  return Math.max(1, Math.min(hardwareConcurrency, fitting, most));
}
