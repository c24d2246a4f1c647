/**
 * The resampler's worker, as the page sees it.
 *
 * @module
 */

import { UserError } from "./errors.js";

/** @typedef {import("./protocol.js").ResampleCall} ResampleCall */
/** @typedef {import("./protocol.js").ResampleReply} ResampleReply */

export class Resampler {
  #worker = new Worker(new URL("resample-worker.js", import.meta.url), { type: "module" });
  /** @type {(error: unknown) => void} */
  #reject = () => {};

  /** @param {AbortSignal} signal ends what is being done */
  constructor(signal) {
    signal.addEventListener("abort", () => this.#reject(signal.reason), { once: true });
  }

  /** @param {number} inputRate hertz @param {number} outputRate hertz */
  async start(inputRate, outputRate) {
    await this.#call({ method: "start", argument: { inputRate, outputRate } });
  }

  /**
   * @param {Float32Array} block interleaved frames, given away
   * @returns {Promise<Float32Array>} what can be given out so far, interleaved
   */
  convert(block) {
    return this.#call({ method: "block", argument: block }, [block.buffer]);
  }

  /** @returns {Promise<Float32Array>} the rest */
  end() {
    return this.#call({ method: "end", argument: null });
  }

  close() {
    this.#worker.terminate();
  }

  /**
   * @param {ResampleCall} call @param {Transferable[]} [transfer]
   * @returns {Promise<Float32Array>}
   */
  #call(call, transfer = []) {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      worker.onerror = (event) => reject(new UserError("resampler", {}, event.message));
      worker.onmessage = ({ data }) => {
        /** @type {ResampleReply} */
        const reply = data;
        if (reply.ok) resolve(reply.block);
        else reject(new UserError("resampler", {}, reply.message));
      };
      worker.postMessage(call, transfer);
    });
  }
}
