/**
 * Runs tasks on several engine workers: each takes the next one as soon as it is free.
 *
 * Everything goes on by messages of the workers, never by timers, which are slow in hidden tabs.
 *
 * @module
 */

import { EngineWorker } from "./engine-worker.js";
import { SENTENCES, UserError } from "./errors.js";
import { checkBrowser } from "./support.js";
import { TaskQueue } from "./queue.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./protocol.js").Range} Range */

/** What a machine is taken to have where the browser does not tell. */
const USUAL_GIGABYTES = 4;
export const MOST_WORKERS = 16;

/** Workers that have had nothing to do for so long end; their memory comes back. */
const IDLE_MS = 120_000;

/**
 * A task may take this many times what is expected, but at least so many seconds: more than what
 * the watchdog counts while a machine sleeps a few times (engine-worker.js).
 */
const PATIENCE = { times: 10, leastSeconds: 180 };

/** A task is tried so often. */
const TRIES = 2;
/** When so many tries in a row fail, the engine is at fault, not a task. */
const MOST_FAILURES = 4;

/**
 * One worker for each processor core, but no more than fit into half of the machine's memory.
 *
 * @param {number} megabytes that a worker needs: WASM heap and the browser's own share
 * @returns {number}
 */
export function defaultWorkers(megabytes) {
  const { deviceMemory = USUAL_GIGABYTES, hardwareConcurrency = 1 } =
    /** @type {Navigator & {deviceMemory?: number}} */ (navigator);
  const fitting = Math.floor((deviceMemory * 2 ** 30) / 2 / (megabytes * 1e6));
  return Math.max(1, Math.min(hardwareConcurrency, fitting, MOST_WORKERS));
}

/**
 * A song's tasks, and where what they read and write is kept.
 * @typedef {object} Work
 * @property {Job} job
 * @property {TaskQueue} queue
 * @property {(range: Range) => Promise<Float32Array>} read
 * @property {(index: number, outputs: Float32Array[]) => Promise<void>} finish
 *   keeps what a task gave, and tells the queue
 */

export class Pool {
  #options;
  #size;
  /** Fewer than `size` while memory is short. */
  #limit = Infinity;
  /** @type {Set<EngineWorker>} */
  #workers = new Set();
  /** @type {Map<EngineWorker, number>} with the timer that ends each */
  #idle = new Map();
  /** @type {(() => void)[]} who waits for a worker to become free, or to be gone */
  #waiting = [];
  /** @type {Promise<EngineInfo> | null} one after another: they share the disk and the network */
  #booting = null;
  /** @type {EngineInfo | null} */
  #info = null;
  /** @type {Run | null} */
  #run = null;
  /** Seconds that a task takes for each unit of its cost, at worst so far. */
  #pace = 0;
  /** What the last run's tasks have taken, and what they cost by the plan. */
  #spent = { seconds: 0, cost: 0 };

  /**
   * @param {import("./protocol.js").BootOptions} options
   * @param {number} size how many workers at most
   */
  constructor(options, size) {
    this.#options = options;
    this.#size = size;
  }

  get size() {
    return this.#size;
  }

  set size(count) {
    this.#size = count;
    this.#limit = Infinity;
    this.#run?.pump();
  }

  /** Seconds of its workers that the last run has taken so far, and for tasks of what cost. */
  get spent() {
    return { ...this.#spent };
  }

  /** How many workers there are. */
  get workers() {
    return this.#workers.size;
  }

  /**
   * Start a worker, unless one runs already.
   *
   * @param {(notice: Notice) => void} [notice]
   * @returns {Promise<EngineInfo>}
   * @throws {UserError}
   */
  async start(notice) {
    if (this.#workers.size > 0 && this.#info) return this.#info;
    return this.grow(notice);
  }

  /** @returns {boolean} whether there may be one more */
  get canGrow() {
    return this.#workers.size < Math.min(this.#size, this.#limit);
  }

  /**
   * Start one more worker, or wait for the one that is being started.
   *
   * @param {(notice: Notice) => void} [notice]
   * @returns {Promise<EngineInfo>}
   */
  grow(notice) {
    this.#booting ??= this.#boot(notice).finally(() => {
      this.#booting = null;
    });
    return this.#booting;
  }

  /** @param {(notice: Notice) => void} [notice] */
  async #boot(notice) {
    checkBrowser();
    const worker = new EngineWorker();
    this.#workers.add(worker);
    try {
      this.#info = /** @type {EngineInfo} */ (await worker.call("boot", this.#options, { notice }));
      this.release(worker);
      return this.#info;
    } catch (error) {
      this.#remove(worker, error);
      const noMemory = error instanceof UserError && error.message === SENTENCES.memory;
      throw noMemory ? new UserError(SENTENCES.engineMemory, error) : error;
    }
  }

  /** @param {EngineWorker} worker @param {unknown} reason */
  #remove(worker, reason) {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    this.#workers.delete(worker);
    worker.end(reason);
    this.#tellWaiting();
  }

  /** @returns {EngineWorker | null} one that has nothing to do, until `release` */
  take() {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      return worker;
    }
    return null;
  }

  /** @param {EngineWorker} worker */
  release(worker) {
    if (!worker.alive || this.#workers.size > this.#size) return this.#remove(worker, null);
    this.#idle.set(
      worker,
      window.setTimeout(() => this.#remove(worker, null), IDLE_MS),
    );
    this.#tellWaiting();
    this.#run?.pump();
  }

  #tellWaiting() {
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /**
   * Do something with a worker of one's own.
   *
   * @template Value
   * @param {(worker: EngineWorker) => Promise<Value>} use
   * @returns {Promise<Value>}
   */
  async with(use) {
    let worker = this.take();
    while (!worker) {
      await (this.canGrow ? this.grow() : this.#change());
      worker = this.take();
    }
    try {
      return await use(worker);
    } finally {
      this.release(worker);
    }
  }

  /** @returns {Promise<void>} */
  #change() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Run all tasks that are left in a song's queue, one song at a time.
   *
   * @param {Work} work
   * @returns {Run} whose `ended` tells when
   */
  run(work) {
    this.#limit = Infinity;
    this.#spent = { seconds: 0, cost: 0 };
    this.#run = new Run(this, work);
    const forget = () => {
      this.#run = null;
    };
    this.#run.ended.then(forget, forget);
    this.#run.pump();
    return this.#run;
  }

  /**
   * @param {EngineWorker} worker @param {Job} job @param {number} index @param {number} cost
   * @param {Float32Array[]} inputs
   * @returns {Promise<Float32Array[]>}
   */
  async call(worker, job, index, cost, inputs) {
    const units = Math.max(1, cost);
    const patience = Math.max(PATIENCE.times * this.#pace * units, PATIENCE.leastSeconds);
    const begun = performance.now();
    const outputs = await worker.call(
      "run",
      { job, index, inputs },
      {
        transfer: inputs.map(({ buffer }) => buffer),
        seconds: this.#pace > 0 ? patience : undefined,
      },
    );
    const seconds = (performance.now() - begun) / 1000;
    this.#spent.seconds += seconds;
    this.#spent.cost += cost;
    if (cost > 0) this.#pace = Math.max(this.#pace, seconds / units);
    return outputs;
  }

  /** @param {EngineWorker} worker died: go on with fewer, for it was perhaps one too many */
  lose(worker) {
    this.#limit = Math.max(1, this.#workers.size - 1);
    this.#remove(worker, null);
  }

  /** No more workers than there are: another one could not be started. */
  settle() {
    this.#limit = this.#workers.size;
  }

  /** @param {unknown} [reason] what a call or a run that is waiting fails with */
  stop(reason) {
    this.#run?.fail(reason);
    for (const worker of [...this.#workers]) this.#remove(worker, reason);
  }
}

/** The tasks of one song on their way through the pool. */
export class Run {
  /** @type {Map<number, number>} by task: how often it failed */
  #failures = new Map();
  #failuresInARow = 0;
  #atWork = 0;
  #paused = false;
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
    /**
     * Resolves when nothing more can be done: all tasks are finished, but those that were given up
     * and what needs them.
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

  /** What is being computed is finished and kept; nothing else is begun until it is false again. */
  set paused(paused) {
    this.#paused = paused;
    this.pump();
  }

  /** Give out tasks, as long as there are both tasks that are ready and workers that are free. */
  pump() {
    if (this.#over) return;
    const { queue } = this.#work;
    while (queue.hasReady) {
      if (this.#paused) return;
      const worker = this.#pool.take();
      if (!worker) {
        if (this.#pool.canGrow || this.#pool.workers === 0) this.#grow();
        return;
      }
      void this.#do(worker, /** @type {number} */ (queue.take()));
    }
    if (this.#atWork === 0) this.#end(this.#resolve);
  }

  /** A new worker comes to `pump` by itself. */
  #grow() {
    this.#pool.grow().catch((error) => {
      if (this.#pool.workers === 0) this.fail(error);
      else this.#pool.settle();
    });
  }

  /** @param {import("./engine-worker.js").EngineWorker} worker @param {number} index */
  async #do(worker, index) {
    const { job, queue, read, finish } = this.#work;
    const { reads, cost } = queue.task(index);
    this.#atWork++;
    try {
      const reading = Promise.all(reads.map(read));
      reading.catch(() => this.#pool.release(worker));
      const outputs = await this.#compute(worker, job, index, cost, await reading);
      if (outputs && !this.#over) await finish(index, outputs);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#atWork--;
      this.pump();
    }
  }

  /**
   * @param {import("./engine-worker.js").EngineWorker} worker @param {Job} job
   * @param {number} index @param {number} cost @param {Float32Array[]} inputs
   * @returns {Promise<Float32Array[] | null>} null when the worker died of it
   */
  async #compute(worker, job, index, cost, inputs) {
    try {
      const outputs = await this.#pool.call(worker, job, index, cost, inputs);
      this.#failuresInARow = 0;
      // What follows is the store's work: the worker takes the next task meanwhile.
      this.#pool.release(worker);
      return outputs;
    } catch (error) {
      if (!this.#over) this.#failed(worker, index, error);
      return null;
    }
  }

  /**
   * @param {import("./engine-worker.js").EngineWorker} worker
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
    if (!this.#over) settle();
    this.#over = true;
  }
}
