/**
 * The page's side of the resampling worker.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { Remote } from "./rpc.js";

export class Resampler {
  #worker = new Remote(
    new URL("resample-worker.js", import.meta.url),
    (message) => new UserError("resampler", {}, message),
  );
  #signal;

  /** @param {AbortSignal} signal stops the worker */
  constructor(signal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  #stop = () => this.#worker.end(this.#signal.reason);

  /** @param {number} inputRate hertz @param {number} outputRate hertz */
  async start(inputRate, outputRate) {
    await this.#call("start", { inputRate, outputRate });
  }

  /**
   * @param {Float32Array} block interleaved frames, transferred
   * @returns {Promise<Float32Array>} the output available so far, interleaved
   */
  convert(block) {
    return this.#call("block", block, [block.buffer]);
  }

  /** @returns {Promise<Float32Array>} the rest */
  end() {
    return this.#call("end", null);
  }

  close() {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#worker.end(null);
  }

  /**
   * @param {string} method @param {unknown} argument @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  async #call(method, argument, transfer) {
    try {
      return await this.#worker.call(method, argument, { transfer });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error instanceof UserError ? error : new UserError("resampler", {}, error);
    }
  }
}
