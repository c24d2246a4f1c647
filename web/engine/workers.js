/**
 * How many workers there may be by themselves.
 *
 * @module
 */

/**
 * The most workers by themselves where the browser does not tell how much memory there is, and on
 * phones, whose browsers end a page long before the memory is full.
 */
const MOST_UNTOLD = { desktop: 2, phone: 1 };
const MOST_ON_PHONES = 2;
export const MOST_WORKERS = 16;

/**
 * One worker for each processor core, but no more than fit into half of the machine's memory; one or
 * two on phones, and where that is not known.
 *
 * @param {number} megabytes that a worker needs: WASM heap and the browser's own share
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
