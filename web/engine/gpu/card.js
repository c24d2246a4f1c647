/**
 * The graphics card, by WebGPU. Everything stays within the limits that any card has.
 *
 * @module
 */

import { GraphicsError } from "../errors.js";

/** What a buffer is for. @typedef {Exclude<keyof typeof GPUBufferUsage, "prototype">} Usage */

export class Card {
  /** What people call it. */
  name;
  /** Bytes of the buffers that there are. */
  bytes = 0;
  device;
  #isLost = false;
  /** @type {Map<string, Promise<GPUComputePipeline>>} by WGSL: networks have many in common */
  #pipelines = new Map();

  /**
   * @param {boolean} takesSoftware whether one will do that the processor imitates
   * @returns {Promise<Card>}
   * @throws {GraphicsError}
   */
  static async open(takesSoftware) {
    if (!navigator.gpu) {
      throw new GraphicsError(isSecureContext ? "noGraphics" : "insecureGraphics");
    }
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new GraphicsError("noCard");
    const name = nameOf(adapter.info);
    if (adapter.info.isFallbackAdapter && !takesSoftware) {
      throw new GraphicsError("cardIsSoftware", { name });
    }
    try {
      return new Card(name, await adapter.requestDevice());
    } catch (error) {
      throw new GraphicsError("noCard", {}, error);
    }
  }

  /** @param {string} name @param {GPUDevice} device */
  constructor(name, device) {
    this.name = name;
    this.device = device;
    device.lost.then(({ message }) => {
      this.#isLost = true;
      console.warn(`The graphics card ${name} was lost: ${message}`);
    });
  }

  /** Decides the bits of its results, with the package's version. */
  get build() {
    return `webgpu ${this.name}`;
  }

  /** @param {number} size bytes @param {Usage[]} usages @returns {GPUBuffer} */
  buffer(size, ...usages) {
    this.bytes += size;
    const usage = usages.reduce((flags, name) => flags | GPUBufferUsage[name], 0);
    return this.device.createBuffer({ size, usage });
  }

  /** @param {string} code WGSL @returns {Promise<GPUComputePipeline>} */
  pipeline(code) {
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      const compute = { module: this.device.createShaderModule({ code }) };
      pipeline = this.device.createComputePipelineAsync({ layout: "auto", compute });
      this.#pipelines.set(code, pipeline);
    }
    return pipeline;
  }

  /** @param {GPUBuffer} buffer */
  free(buffer) {
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  /**
   * Do something with the card, and see whether it could.
   *
   * @template Value
   * @param {() => Promise<Value>} use asks the card for everything before it waits for anything
   * @returns {Promise<Value>}
   * @throws {GraphicsError} it is lost, its memory is full, or it refuses
   */
  async checked(use) {
    if (this.#isLost) throw new GraphicsError("cardLost");
    this.device.pushErrorScope("validation");
    this.device.pushErrorScope("out-of-memory");
    const using = use();
    // What it fails with is looked at last: it follows from the others.
    using.catch(() => {});
    const scopes = [this.device.popErrorScope(), this.device.popErrorScope()];
    try {
      const [full, refused] = await Promise.all(scopes);
      if (full) throw new GraphicsError("cardIsFull", { bytes: this.bytes }, full.message);
      if (refused) throw new GraphicsError("cardFault", {}, refused.message);
      return await using;
    } catch (error) {
      if (error instanceof GraphicsError) throw error;
      if (error instanceof GPUPipelineError) throw new GraphicsError("cardFault", {}, error);
      throw new GraphicsError("cardLost", {}, error);
    }
  }

  /** Give back what it holds. */
  close() {
    this.device.destroy();
  }
}

/** @param {GPUAdapterInfo} info @returns {string} browsers tell more or less of it */
function nameOf({ description, device, vendor, architecture }) {
  return description || device || `${vendor} ${architecture}`.trim() || "unnamed";
}
