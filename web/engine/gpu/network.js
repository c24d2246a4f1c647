/**
 * Runs a network on the graphics card: buffers, pipelines and dispatches as planned by
 * py_demixer/gpu/schedule.py. The Python counterpart is native.py beside that file.
 *
 * @module
 */

/** @typedef {import("./card.js").Card} Card */

/** Buffer, first byte, size in bytes. @typedef {[number, number, number]} Region */

/**
 * @typedef {object} Run
 * @property {number} pipeline
 * @property {Region[]} bindings        bindings from number 1 on
 * @property {number | null} sizes      start of its uniform (binding 0); null if it has none
 * @property {[number, number, number]} workgroups
 */

/**
 * See `Schedule.described` in py_demixer/gpu/schedule.py.
 * @typedef {object} Schedule
 * @property {string[]} shaders
 * @property {number[]} buffers         sizes in bytes: those for intermediate results, one for the
 *   constants, and those for the weights
 * @property {number} computed          number of buffers for intermediate results
 * @property {[number, number][]} weights   buffer and first byte of each weight
 * @property {Run[]} runs
 * @property {Region} input
 * @property {Region} output
 */

/**
 * A schedule, and functions that return the bytes it needs.
 * @typedef {object} Content
 * @property {Schedule} schedule
 * @property {() => Uint8Array<ArrayBuffer>} sizes
 * @property {() => Uint8Array<ArrayBuffer>} constants
 * @property {(number: number) => Uint8Array<ArrayBuffer>} weight
 */

/** Segments that may be in flight: one is uploaded while another is computed. */
export const IN_FLIGHT = 2;

/** Dispatches submitted at a time: the card has to draw the screen too. */
const TOGETHER = 16;

/** Size of a uniform's binding: no schedule has a larger one. */
const UNIFORM_BYTES = 256;

/** Buffers for intermediate results, shared by the networks of one model. */
export class Workspace {
  /** @type {GPUBuffer[]} */
  #buffers = [];
  /** @type {GPUBuffer[]} in use by networks, but too small for later ones */
  #outgrown = [];
  #card;

  /** @param {Card} card */
  constructor(card) {
    this.#card = card;
  }

  /** @param {number[]} sizes bytes @returns {GPUBuffer[]} of at least these sizes */
  buffers(sizes) {
    return sizes.map((size, index) => {
      const shared = this.#buffers[index];
      if (shared && shared.size >= size) return shared;
      if (shared) this.#outgrown.push(shared);
      const made = this.#card.buffer(size, "STORAGE", "COPY_SRC", "COPY_DST");
      this.#buffers[index] = made;
      return made;
    });
  }

  close() {
    for (const buffer of [...this.#buffers, ...this.#outgrown]) this.#card.free(buffer);
    this.#buffers = [];
    this.#outgrown = [];
  }
}

export class Network {
  #card;
  #schedule;
  #buffers;
  /** @type {GPUBuffer[]} */
  #weights;
  #sizes;
  /** @type {GPUBuffer[]} used by this network only */
  #own;
  /** @type {[GPUComputePipeline, GPUBindGroup, Run["workgroups"]][]} */
  #runs = [];
  /** @type {GPUBuffer[]} free buffers for reading stems back */
  #staging = [];

  /**
   * @param {Card} card @param {Content} content @param {Workspace} workspace
   * @param {Network} [like] a network with the same weights, which are then shared
   * @returns {Promise<Network>}
   * @throws {GraphicsError} see `Card.checked`
   */
  static async make(card, content, workspace, like) {
    // Both at once: the card compiles while whoever called goes on.
    const { network, pipelines } = await card.checked(async () => {
      const network = new Network(card, content, workspace, like);
      return { network, pipelines: await network.#compile() };
    });
    await card.checked(async () => network.#bind(pipelines));
    return network;
  }

  /**
   * Use `make`.
   *
   * @param {Card} card @param {Content} content @param {Workspace} workspace
   * @param {Network} [like]
   */
  constructor(card, { schedule, sizes, constants, weight }, workspace, like) {
    const { buffers, computed } = schedule;
    const [constantBytes, ...weightBytes] = /** @type {[number, ...number[]]} */ (
      buffers.slice(computed)
    );
    this.#weights = like
      ? like.#weights
      : weightBytes.map((size) => card.buffer(size, "STORAGE", "COPY_DST"));
    for (const [number, [buffer, start]] of like ? [] : schedule.weights.entries()) {
      const place = /** @type {GPUBuffer} */ (this.#weights[buffer - computed - 1]);
      card.device.queue.writeBuffer(place, start, weight(number));
    }
    const fixed = filled(card, constants(), constantBytes, "STORAGE");
    const uniforms = sizes();
    this.#card = card;
    this.#schedule = schedule;
    this.#buffers = [...workspace.buffers(buffers.slice(0, computed)), fixed, ...this.#weights];
    this.#sizes = filled(card, uniforms, uniforms.byteLength, "UNIFORM");
    for (let count = 0; count < IN_FLIGHT; count++) {
      this.#staging.push(card.buffer(schedule.output[2], "MAP_READ", "COPY_DST"));
    }
    this.#own = [...(like ? [] : this.#weights), fixed, this.#sizes, ...this.#staging];
  }

  /** Size of the input. */
  get inputBytes() {
    return this.#schedule.input[2];
  }

  #compile() {
    return Promise.all(this.#schedule.shaders.map((code) => this.#card.pipeline(code)));
  }

  /** @param {GPUComputePipeline[]} pipelines by shader */
  #bind(pipelines) {
    this.#runs = this.#schedule.runs.map((run) => {
      const pipeline = /** @type {GPUComputePipeline} */ (pipelines[run.pipeline]);
      const layout = pipeline.getBindGroupLayout(0);
      const group = this.#card.device.createBindGroup({ layout, entries: this.#entries(run) });
      return [pipeline, group, run.workgroups];
    });
  }

  /** @param {Run} run @returns {GPUBindGroupEntry[]} */
  #entries({ bindings, sizes }) {
    const entries = bindings.map(([number, offset, size], index) => {
      const buffer = /** @type {GPUBuffer} */ (this.#buffers[number]);
      return { binding: index + 1, resource: { buffer, offset, size } };
    });
    if (sizes === null) return entries;
    const uniform = { buffer: this.#sizes, offset: sizes, size: UNIFORM_BYTES };
    return [{ binding: 0, resource: uniform }, ...entries];
  }

  /**
   * Run the network once. At most `IN_FLIGHT` segments may be in flight: the next one is uploaded
   * while one is computed.
   *
   * @param {Float32Array<ArrayBuffer>} segment
   * @returns {Promise<Float32Array<ArrayBuffer>>} its stems
   * @throws {GraphicsError} see `Card.checked`
   */
  async run(segment) {
    const staging = this.#staging.pop();
    if (!staging) throw new Error("There are too many segments on their way.");
    await this.#card.checked(() => {
      const [number, start] = this.#schedule.input;
      const input = /** @type {GPUBuffer} */ (this.#buffers[number]);
      this.#card.device.queue.writeBuffer(input, start, segment);
      this.#submit(staging);
      return staging.mapAsync(GPUMapMode.READ);
    });
    const stems = new Float32Array(staging.getMappedRange().slice(0));
    staging.unmap();
    this.#staging.push(staging);
    return stems;
  }

  /**
   * Time the network without uploads and downloads, with whatever its input is.
   *
   * @param {number} count    runs, one after the other
   * @returns {Promise<number>} seconds of all of them
   * @throws {GraphicsError} see `Card.checked`
   */
  async time(count) {
    const begun = performance.now();
    await this.#card.checked(() => {
      for (let run = 0; run < count; run++) this.#dispatch();
      return this.#card.device.queue.onSubmittedWorkDone();
    });
    return (performance.now() - begun) / 1000;
  }

  /** @param {GPUBuffer} staging receives the stems */
  #submit(staging) {
    const { device } = this.#card;
    this.#dispatch();
    const encoder = device.createCommandEncoder();
    const [number, start, size] = this.#schedule.output;
    const output = /** @type {GPUBuffer} */ (this.#buffers[number]);
    encoder.copyBufferToBuffer(output, start, staging, 0, size);
    device.queue.submit([encoder.finish()]);
  }

  #dispatch() {
    const { device } = this.#card;
    for (let start = 0; start < this.#runs.length; start += TOGETHER) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const [pipeline, group, workgroups] of this.#runs.slice(start, start + TOGETHER)) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
  }

  /** Free its own buffers, but not those of the workspace. */
  close() {
    for (const buffer of this.#own) this.#card.free(buffer);
  }
}

/**
 * @param {Card} card @param {Uint8Array<ArrayBuffer>} bytes @param {number} size of the buffer
 * @param {import("./card.js").Usage} usage
 * @returns {GPUBuffer} filled with those bytes
 */
function filled(card, bytes, size, usage) {
  const buffer = card.buffer(size, usage, "COPY_DST");
  card.device.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}
