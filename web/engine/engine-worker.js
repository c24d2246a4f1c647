/**
 * One worker with an engine.
 *
 * @module
 */

import { GraphicsError, hasCode, UserError } from "./errors.js";
import { Remote } from "./rpc.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").Notice} Notice */

/**
 * How long an answer may take, in seconds, where nothing better is known: many times what the
 * slowest machine needs, for this is only to keep anybody from waiting for ever.
 */
const PATIENCE_SECONDS = { run: 2700, other: 600 };

/** Dead after a failure that is neither the song's fault nor the graphics card's. */
export class EngineWorker {
  #worker = new Remote(
    new URL("worker.js", import.meta.url),
    (message) => new UserError("died", {}, message),
  );

  get alive() {
    return this.#worker.alive;
  }

  /**
   * @template {Call["method"]} Method
   * @param {Method} method
   * @param {Extract<Call, {method: Method}>["argument"]} argument
   * @param {{transfer?: Transferable[], notice?: (notice: Notice) => void, seconds?: number}}
   *   [options] `seconds`: how long to wait for an answer
   * @returns {Promise<any>} the value that `protocol.js` states
   */
  async call(method, argument, { transfer, notice, seconds } = {}) {
    const usual = PATIENCE_SECONDS[method === "run" ? "run" : "other"];
    const options = { transfer, notice, seconds: seconds ?? usual };
    try {
      return await this.#worker.call(method, argument, options);
    } catch (error) {
      const isOurs = this.alive && !(error instanceof GraphicsError) && !hasCode(error, "said");
      if (isOurs) this.end(new UserError("died"));
      if (hasCode(error, "fault") || hasCode(error, "memory")) console.error(error);
      throw error;
    }
  }

  /** @param {unknown} reason rejects the calls that are waiting */
  end(reason) {
    this.#worker.end(reason);
  }
}
