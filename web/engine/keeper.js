/**
 * `keepAll` of assets.js in a worker of its own: the memory that a browser holds for a download is
 * freed when the worker ends. In a long-lived page, Chromium held three times the download's size.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { Remote } from "./rpc.js";

/** @typedef {import("./protocol.js").Assets} Assets */

/**
 * Store all heavy files that a model needs.
 *
 * @param {string} base @param {Assets} assets @param {string} model
 * @param {(done: number, total: number) => void} report bytes available so far, and in total
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether the files are cached: false if the browser offers no cache
 * @throws {UserError}
 * @throws {DOMException} AbortError; files that have arrived stay cached
 */
export async function keepAll(base, assets, model, report, signal) {
  signal.throwIfAborted();
  // The worker's script itself may be unreachable.
  const gone = () => new UserError("noNetwork");
  const worker = new Remote(new URL("keep-worker.js", import.meta.url), gone);
  const stop = () => worker.end(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    const notice = (/** @type {[number, number]} */ bytes) => report(...bytes);
    return await worker.call("keep", { base, assets, model }, { notice });
  } finally {
    signal.removeEventListener("abort", stop);
    worker.end(null);
  }
}
