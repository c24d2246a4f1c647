/**
 * The tasks of one song in the pool: assigned to workers, retried, given up.
 *
 * @module
 */

import { GraphicsError } from "./errors.js";

/** @typedef {import("./engine-worker.js").EngineWorker} EngineWorker */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").Range} Range */
/** @typedef {import("./queue.js").TaskQueue} TaskQueue */

/** Number of tries for each task. */
const TRIES = 2;
/** After this many failed tries in a row the engine is at fault, not a task. */
const MOST_FAILURES = 4;

/**
 * A song's tasks, and the storage for their inputs and outputs.
 * @typedef {object} Work
 * @property {Job} job
 * @property {TaskQueue} queue
 * @property {(range: Range) => Promise<Float32Array>} read
 * @property {() => void} begin         called when a task starts
 * @property {(index: number, outputs: Float32Array[]) => Promise<void>} finish
 *   stores the outputs of a task and updates the queue
 * @property {boolean} paused           whether to start paused
 * @property {boolean} onCard           whether the graphics card shall run the networks
 * @property {(error: GraphicsError) => void} leaveCard  called when it can no longer do so
 */

/** The tasks of one song in the pool. */
export class TaskRun {
  /** @type {Map<number, number>} for each task, how often it failed */
  #failures = new Map();
  #failuresInARow = 0;
  #atWork = 0;
  /** @type {Set<Promise<void>>} outputs on their way to the disk */
  #storing = new Set();
  #paused;
  #over = false;
  #pool;
  #work;
  /** @type {() => void} */
  #resolve = () => {};
  /** @type {(error: unknown) => void} */
  #reject = () => {};

  /** @param {Pool} pool @param {Work} work */
  constructor(pool, work) {
    this.#pool = pool;
    this.#work = work;
    this.#paused = work.paused;
    /** Whether the graphics card runs the networks; otherwise all available workers do. */
    this.onCard = work.onCard;
    /**
     * Resolves when nothing more can be done: all tasks are finished except those given up and
     * those that depend on them. Rejects when the run has failed and nothing of it is on its way
     * to the disk: the next run of the song must know all that is finished.
     *
     * @type {Promise<void>}
     */
    this.ended = new Promise((resolve, reject) => {
      [this.#resolve, this.#reject] = [resolve, reject];
    });
  }

  get paused() {
    return this.#paused;
  }

  /** Setting it to true lets tasks in progress finish, and no others start until it is false. */
  set paused(paused) {
    this.#paused = paused;
    this.pump();
  }

  /** Assign tasks while there are both ready tasks and free workers. */
  pump() {
    if (this.#over) return;
    const { queue } = this.#work;
    while (queue.hasReady) {
      if (this.#paused) return;
      const worker = this.onCard ? this.#pool.takeCard() : this.#pool.take();
      if (!worker) {
        if (this.#needsWorker) this.#grow();
        return;
      }
      void this.#do(worker, /** @type {number} */ (queue.take()));
    }
    if (this.#atWork === 0) this.#end(this.#resolve);
  }

  get #needsWorker() {
    if (this.onCard) return this.#pool.card === null;
    return this.#pool.canGrow || this.#pool.workers === 0;
  }

  /** Start a worker; once ready, it calls `pump` through the pool. */
  #grow() {
    const growing = this.onCard ? this.#pool.start() : this.#pool.grow();
    growing.catch((error) => {
      if (this.#pool.workers === 0 || this.onCard) this.fail(error);
      else this.#pool.settle();
    });
  }

  /** @param {EngineWorker} worker @param {number} index */
  async #do(worker, index) {
    const { job, queue, read, finish } = this.#work;
    const { reads, cost, network } = queue.task(index);
    this.#atWork++;
    this.#work.begin();
    try {
      const reading = Promise.all(reads.map(read));
      reading.catch(() => this.#pool.release(worker));
      const inputs = await reading;
      const call = { job, index, inputs, network: this.onCard ? network : null };
      const outputs = await this.#compute(worker, call, cost);
      if (!outputs) return;
      // Storing the result needs no worker, so it can take the next task meanwhile: a long one. What
      // the user waits for comes first.
      const isAwaited = queue.isAwaited(index);
      if (!isAwaited) this.#pool.release(worker);
      try {
        if (!this.#over) await this.#store(finish(index, outputs));
      } finally {
        if (isAwaited) this.#pool.release(worker);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#atWork--;
      this.pump();
    }
  }

  /**
   * @param {EngineWorker} worker
   * @param {import("./protocol.js").RunOptions} options @param {number} cost of the task
   * @returns {Promise<Float32Array[] | null>} null if it failed, and the worker is released
   */
  async #compute(worker, options, cost) {
    try {
      const outputs = await this.#pool.call(worker, options, cost);
      this.#failuresInARow = 0;
      return outputs;
    } catch (error) {
      if (error instanceof GraphicsError) this.#failedOnCard(worker, options.index, error);
      else if (!this.#over) this.#failed(worker, options.index, error);
      return null;
    }
  }

  /** @param {Promise<void>} finishing */
  async #store(finishing) {
    this.#storing.add(finishing);
    try {
      await finishing;
    } finally {
      this.#storing.delete(finishing);
    }
  }

  /**
   * Put back a task that the graphics card could not do, for the processor.
   *
   * @param {EngineWorker} worker
   * @param {number} index @param {GraphicsError} error
   */
  #failedOnCard(worker, index, error) {
    this.#work.queue.putBack(index);
    this.#pool.loseCard(worker);
    this.leaveCard(error);
    this.#pool.release(worker);
  }

  /** @param {GraphicsError} error why the processor has to continue */
  leaveCard(error) {
    if (!this.onCard || this.#over) return;
    this.onCard = false;
    this.#pool.startCounting();
    this.#work.leaveCard(error);
  }

  /**
   * @param {EngineWorker} worker
   * @param {number} index
   * @param {unknown} error
   */
  #failed(worker, index, error) {
    console.warn(`Task ${index} failed.`, error);
    this.#pool.lose(worker);
    const failures = (this.#failures.get(index) ?? 0) + 1;
    this.#failures.set(index, failures);
    if (++this.#failuresInARow >= MOST_FAILURES) this.fail(error);
    else if (failures < TRIES) this.#work.queue.putBack(index);
  }

  /** @param {unknown} error */
  fail(error) {
    this.#end(() => this.#reject(error));
  }

  /** @param {() => void} settle */
  #end(settle) {
    if (this.#over) return;
    this.#over = true;
    void Promise.allSettled(this.#storing).then(settle);
  }
}
