/**
 * One engine worker.
 *
 * @module
 */

import { GraphicsError, hasCode, UserError } from "./errors.js";
import { Remote } from "./rpc.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").Notice} Notice */

/**
 * Default time to wait for an answer, in seconds: many times what the slowest machine needs. It
 * only prevents waiting for ever.
 */
const PATIENCE_SECONDS = { run: 2700, other: 600 };

/** Ended after any failure that is due neither to the song nor to the graphics card. */
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
   * @returns {Promise<any>} the value listed in `protocol.js`
   */
  async call(method, argument, { transfer, notice, seconds } = {}) {
    const usual = PATIENCE_SECONDS[method === "run" ? "run" : "other"];
    const options = { transfer, notice, seconds: seconds ?? usual };
    try {
      return await this.#worker.call(method, argument, options);
    } catch (error) {
      const isOurs = this.alive && !(error instanceof GraphicsError) && !hasCode(error, "verbatim");
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
