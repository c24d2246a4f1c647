/**
 * The worker that fetches and keeps what a model needs; see keeper.js. Messages: see `protocol.js`.
 */

import { keepAll } from "./assets.js";
import { UserError } from "./errors.js";

const scope = /** @type {import("./worker-scope.js").Scope} */ (/** @type {unknown} */ (self));

/** @param {import("./protocol.js").KeepReply} reply */
function post(reply) {
  scope.postMessage(reply, []);
}

addEventListener("message", async (/** @type {MessageEvent} */ event) => {
  /** @type {import("./protocol.js").KeepCall} */
  const { base, assets, model } = event.data;
  try {
    const areKept = await keepAll(base, assets, model, (done, total) => post({ done, total }));
    post({ ok: true, areKept });
  } catch (error) {
    const said = error instanceof UserError ? { code: error.code, values: error.values } : null;
    post({ ok: false, message: String(error), said });
  }
});
