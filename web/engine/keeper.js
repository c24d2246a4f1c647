/**
 * `keepAll` of assets.js, in a worker of its own: what a browser holds of a download goes when the
 * worker ends. In a page that lives on, Chromium held three times what was downloaded.
 *
 * @module
 */

import { UserError } from "./errors.js";

/** @typedef {import("./protocol.js").Assets} Assets */
/** @typedef {import("./protocol.js").KeepReply} KeepReply */

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
  const worker = new Worker(new URL("keep-worker.js", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      // The script itself could not be had.
      worker.onerror = () => reject(new UserError("noNetwork"));
      worker.onmessage = ({ data }) => {
        /** @type {KeepReply} */
        const reply = data;
        if ("total" in reply) report(reply.done, reply.total);
        else if (reply.ok) resolve(reply.areKept);
        else reject(reply.said ? new UserError(reply.said.code, reply.said.values) : new Error(reply.message));
      };
      worker.postMessage(/** @type {import("./protocol.js").KeepCall} */ ({ base, assets, model }));
    });
  } finally {
    worker.terminate();
  }
}
