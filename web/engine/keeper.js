/**
 * `keepAll` of assets.js, in a worker of its own: what a browser holds of a download goes when the
 * worker ends. In a page that lives on, Chromium held three times what was downloaded.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { Remote } from "./rpc.js";

/** @typedef {import("./protocol.js").Assets} Assets */

/**
 * Make every heavy file kept that a model needs.
 *
 * @param {string} base @param {Assets} assets @param {string} model
 * @param {(done: number, total: number) => void} report bytes that are there, of all bytes
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether the files are kept: false where the browser keeps nothing
 * @throws {UserError}
 * @throws {DOMException} AbortError; files that have arrived are kept
 */
export async function keepAll(base, assets, model, report, signal) {
  signal.throwIfAborted();
  // Its script itself may not be to be had.
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
