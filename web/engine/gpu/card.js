/**
 * The graphics card, through WebGPU. Everything stays within the limits that any card has.
 *
 * @module
 */

import { GraphicsError } from "../errors.js";

/** Purpose of a buffer. @typedef {Exclude<keyof typeof GPUBufferUsage, "prototype">} Usage */

/** @type {GPURequestAdapterOptions} */
const CHOICE = { powerPreference: "high-performance" };

export class Card {
  /** Displayed name. */
  name;
  /** Total size of the allocated buffers, in bytes. */
  bytes = 0;
  device;
  #isLost = false;
  /** @type {Map<string, Promise<GPUComputePipeline>>} by WGSL code: networks share many */
  #pipelines = new Map();

  /**
   * What the browser found for the next `open`.
   *
   * @type {Promise<GPUAdapter | null> | null}
   */
  static #found = null;

  /** Let the browser look for the card, which may take half as long as starting Python. */
  static prepare() {
    if (!navigator.gpu) return;
    Card.#found = navigator.gpu.requestAdapter(CHOICE);
    Card.#found.catch(() => {}); // `open` reports it.
  }

  /**
   * @param {boolean} takesSoftware whether to accept a card emulated on the processor
   * @returns {Promise<Card>}
   * @throws {GraphicsError}
   */
  static async open(takesSoftware) {
    if (!navigator.gpu) {
      throw new GraphicsError(isSecureContext ? "noGraphics" : "insecureGraphics");
    }
    const finding = Card.#found ?? navigator.gpu.requestAdapter(CHOICE);
    Card.#found = null; // An adapter gives one device.
    const adapter = await finding;
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

  /** With the package's version, determines the results bit for bit. */
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
   * Use the card and check whether it succeeded.
   *
   * @template Value
   * @param {() => Promise<Value>} use makes all requests to the card before it awaits anything
   * @returns {Promise<Value>}
   * @throws {GraphicsError} if the card is lost, out of memory, or refuses
   */
  async checked(use) {
    if (this.#isLost) throw new GraphicsError("cardLost");
    this.device.pushErrorScope("validation");
    this.device.pushErrorScope("out-of-memory");
    const using = use();
    // Its own error comes last: it follows from those of the card.
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

  /** Free all memory of the card. */
  close() {
    this.device.destroy();
  }
}

/** @param {GPUAdapterInfo} info @returns {string} browsers fill in different fields */
function nameOf({ description, device, vendor, architecture }) {
  return description || device || `${vendor} ${architecture}`.trim() || "unnamed";
}
