/**
 * Runs tasks on several engine workers: each takes the next one as soon as it is free.
 *
 * Everything goes on by messages of the workers, never by timers, which are slow in hidden tabs.
 *
 * @module
 */

import { EngineWorker } from "./engine-worker.js";
import { GraphicsError, hasCode, UserError } from "./errors.js";
import { IN_FLIGHT } from "./gpu/network.js";
import { checkBrowser } from "./support.js";
import { TaskQueue } from "./queue.js";

/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").GraphicsInfo} GraphicsInfo */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./protocol.js").Range} Range */

/**
 * The most workers by themselves where the browser does not tell how much memory there is, and on
 * phones, whose browsers end a page long before the memory is full.
 */
const MOST_UNTOLD = { desktop: 2, phone: 1 };
const MOST_ON_PHONES = 2;
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
 * One worker for each processor core, but no more than fit into half of the machine's memory; one or
 * two on phones, and where that is not known.
 *
 * @param {number} megabytes that a worker needs: WASM heap and the browser's own share
 * @returns {number}
 */
export function defaultWorkers(megabytes) {
  const { deviceMemory, hardwareConcurrency = 1 } =
    /** @type {Navigator & {deviceMemory?: number}} */ (navigator);
  const isPhone = matchMedia("(hover: none) and (pointer: coarse)").matches;
  const fitting =
    deviceMemory === undefined
      ? MOST_UNTOLD[isPhone ? "phone" : "desktop"]
      : Math.floor((deviceMemory * 2 ** 30) / 2 / (megabytes * 1e6));
  const most = isPhone ? MOST_ON_PHONES : MOST_WORKERS;
  return Math.max(1, Math.min(hardwareConcurrency, fitting, most));
}

/**
 * A song's tasks, and where what they read and write is kept.
 * @typedef {object} Work
 * @property {Job} job
 * @property {TaskQueue} queue
 * @property {(range: Range) => Promise<Float32Array>} read
 * @property {() => void} begin         is told that a task was begun
 * @property {(index: number, outputs: Float32Array[]) => Promise<void>} finish
 *   keeps what a task gave, and tells the queue
 * @property {boolean} paused           whether it is so from the start
 * @property {boolean} onCard           whether the graphics card shall run the networks
 * @property {(error: GraphicsError) => void} leaveCard  is told why it does not any more
 */

/** Who computes, where no graphics card does. */
export const PROCESSOR = "processor";

export class Pool {
  #options;
  #size;
  #graphics;
  /** Fewer than `size` while memory is short. */
  #limit = Infinity;
  /** @type {Set<EngineWorker>} */
  #workers = new Set();
  /** @type {Map<EngineWorker, number>} with the timer that ends each */
  #idle = new Map();
  /** @type {Map<EngineWorker, number>} how many things each is at */
  #busy = new Map();
  /** @type {(GraphicsInfo & {worker: EngineWorker}) | null} */
  #card = null;
  /** @type {GraphicsError | null} why there is no card, and will not be one */
  #refusal = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {(() => void)[]} who waits for a worker to become free, or to be gone */
  #waiting = [];
  /** @type {Promise<EngineInfo> | null} one after another: they share the disk and the network */
  #booting = null;
  /** @type {EngineInfo | null} */
  #info = null;
  /** @type {Run | null} */
  #run = null;
  /**
   * Seconds that a task takes for each unit of its cost, at worst so far, by who computes.
   *
   * @type {Map<string, number>}
   */
  #paces = new Map();
  #spent = new Spent(PROCESSOR);

  /**
   * @param {import("./protocol.js").BootOptions} options
   * @param {number} size how many workers at most
   * @param {import("./protocol.js").GraphicsOptions | null} [graphics] null: no graphics card is
   *   to be used
   */
  constructor(options, size, graphics = null) {
    this.#options = options;
    this.#size = size;
    this.#graphics = graphics;
  }

  /** Whether a graphics card is to be used if there is one. */
  get wantsCard() {
    return this.#graphics !== null;
  }

  /** @returns {GraphicsInfo | null} the graphics card that is ready to run networks */
  get card() {
    return this.#card;
  }

  /** @returns {GraphicsError | null} why none can be used */
  get refusal() {
    return this.#refusal;
  }

  get size() {
    return this.#size;
  }

  set size(count) {
    this.#size = count;
    this.#limit = Infinity;
    this.#run?.pump();
  }

  /** What the last run has taken so far. */
  get spent() {
    return this.#spent;
  }

  /** How many workers there are. */
  get workers() {
    return this.#workers.size;
  }

  /**
   * Start a worker, unless one runs already, and use the graphics card if that is wanted. One that
   * was lost is looked for again.
   *
   * @param {(notice: Notice) => void} [notice]
   * @returns {Promise<EngineInfo>}
   * @throws {UserError}
   */
  async start(notice) {
    if (this.#workers.size === 0 || !this.#info) return this.grow(notice);
    if (this.#lacksCard) {
      this.#opening ??= this.with((worker) => this.#openCard(worker, notice)).finally(() => {
        this.#opening = null;
      });
      await this.#opening;
    }
    return this.#info;
  }

  get #lacksCard() {
    return this.#graphics !== null && this.#card === null && this.#refusal === null;
  }

  /** @param {EngineWorker} worker @param {(notice: Notice) => void} [notice] */
  async #openCard(worker, notice) {
    if (!this.#graphics || !this.#lacksCard) return;
    try {
      const card = await worker.call("graphics", this.#graphics, { notice });
      this.#card = { ...card, worker };
    } catch (error) {
      if (!this.#workers.has(worker)) throw error;
      console.warn(error);
      const isKnown = error instanceof GraphicsError;
      this.#refusal = isKnown ? error : new GraphicsError("cardFault", {}, error);
      this.#run?.leaveCard(this.#refusal);
    }
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

  /** @param {(notice: Notice) => void} [notice] @returns {Promise<EngineInfo>} */
  async #boot(notice) {
    checkBrowser();
    const worker = new EngineWorker();
    this.#workers.add(worker);
    this.#occupy(worker);
    try {
      /** @type {EngineInfo} */
      const info = await worker.call("boot", this.#options, { notice });
      this.#info = info;
      if (this.#run?.onCard ?? true) await this.#openCard(worker, notice);
      this.release(worker);
      // What has killed it was the card's, which is refused now.
      return worker.alive ? info : await this.#boot(notice);
    } catch (error) {
      this.#remove(worker, error);
      throw hasCode(error, "memory") ? new UserError("engineMemory", {}, error) : error;
    }
  }

  /** @param {EngineWorker} worker @param {unknown} reason */
  #remove(worker, reason) {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    this.#busy.delete(worker);
    this.#workers.delete(worker);
    if (this.#card?.worker === worker) this.#card = null;
    worker.end(reason);
    this.#tellWaiting();
  }

  /** @returns {EngineWorker | null} one that has nothing to do, until `release` */
  take() {
    const [worker] = this.#idle.keys();
    if (worker) this.#occupy(worker);
    return worker ?? null;
  }

  /**
   * @returns {EngineWorker | null} the graphics card's, until `release`; it takes another task while
   *   the card is at one
   */
  takeCard() {
    if (!this.#card || this.#tasks(this.#card.worker) >= IN_FLIGHT) return null;
    this.#occupy(this.#card.worker);
    return this.#card.worker;
  }

  /** @param {EngineWorker} worker @returns {number} how many things it is at */
  #tasks(worker) {
    return this.#busy.get(worker) ?? 0;
  }

  /** @param {EngineWorker} worker */
  #occupy(worker) {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    this.#busy.set(worker, this.#tasks(worker) + 1);
  }

  /** @param {EngineWorker} worker */
  release(worker) {
    this.#busy.set(worker, this.#tasks(worker) - 1);
    if (!worker.alive) return this.#remove(worker, null);
    if (this.#tasks(worker) === 0) {
      const isOneTooMany = this.#workers.size > this.#size && this.#card?.worker !== worker;
      if (isOneTooMany) return this.#remove(worker, null);
      this.#idle.set(
        worker,
        window.setTimeout(() => this.#remove(worker, null), IDLE_MS),
      );
    }
    // Who waits for one comes before the run, which would take it again at once.
    this.#tellWaiting();
    queueMicrotask(() => this.#run?.pump());
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
    this.#run = new Run(this, work);
    this.startCounting();
    const forget = () => {
      this.#run = null;
    };
    this.#run.ended.then(forget, forget);
    this.#run.pump();
    return this.#run;
  }

  /** Count what is spent from now on, by whoever computes now. */
  startCounting() {
    const card = this.#run?.onCard ? this.#card : null;
    this.#spent = new Spent(card?.build ?? PROCESSOR);
  }

  /**
   * @param {EngineWorker} worker @param {import("./protocol.js").RunOptions} options
   * @param {number} cost of the task
   * @returns {Promise<Float32Array[]>}
   */
  async call(worker, options, cost) {
    const spent = this.#spent;
    const pace = this.#paces.get(spent.build) ?? 0;
    const units = Math.max(1, cost);
    const patience = Math.max(PATIENCE.times * pace * units, PATIENCE.leastSeconds);
    const begun = performance.now();
    const outputs = await worker.call("run", options, {
      transfer: options.inputs.map(({ buffer }) => buffer),
      seconds: pace > 0 ? patience : undefined,
    });
    spent.add(worker, begun, cost);
    const seconds = (performance.now() - begun) / 1000;
    if (cost > 0) this.#paces.set(spent.build, Math.max(pace, seconds / units));
    return outputs;
  }

  /** @param {EngineWorker} worker whose graphics card failed; what else it can do, it still can */
  loseCard(worker) {
    if (this.#card?.worker === worker) this.#card = null;
  }

  /** @param {EngineWorker} worker died: go on with fewer, for it was perhaps one too many */
  lose(worker) {
    if (!this.#workers.has(worker)) return;
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

/** What tasks have taken. */
class Spent {
  /** The moment from which on it is counted. */
  begun = performance.now();
  /** How many tasks there were that take time. */
  tasks = 0;
  /** Of workers: those in which one was busy with several tasks are counted once. */
  seconds = 0;
  /** By the plan. */
  cost = 0;
  /** @type {Map<EngineWorker, number>} by worker: the moment until which all is counted */
  #counted = new Map();

  /** @param {string} build of the graphics card that computes, or `PROCESSOR` */
  constructor(build) {
    this.build = build;
  }

  /** @param {EngineWorker} worker @param {number} begun @param {number} cost of its task */
  add(worker, begun, cost) {
    const now = performance.now();
    this.seconds += (now - Math.max(begun, this.#counted.get(worker) ?? 0)) / 1000;
    this.cost += cost;
    if (cost > 0) this.tasks++;
    this.#counted.set(worker, now);
  }
}

/** The tasks of one song on their way through the pool. */
export class Run {
  /** @type {Map<number, number>} by task: how often it failed */
  #failures = new Map();
  #failuresInARow = 0;
  #atWork = 0;
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
    /** Whether the graphics card runs the networks; else there are as many workers as may be. */
    this.onCard = work.onCard;
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

  /** A new worker comes to `pump` by itself. */
  #grow() {
    const growing = this.onCard ? this.#pool.start() : this.#pool.grow();
    growing.catch((error) => {
      if (this.#pool.workers === 0 || this.onCard) this.fail(error);
      else this.#pool.settle();
    });
  }

  /** @param {import("./engine-worker.js").EngineWorker} worker @param {number} index */
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
      if (outputs && !this.#over) await finish(index, outputs);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#atWork--;
      this.pump();
    }
  }

  /**
   * @param {import("./engine-worker.js").EngineWorker} worker
   * @param {import("./protocol.js").RunOptions} options @param {number} cost of the task
   * @returns {Promise<Float32Array[] | null>} null when it could not be done
   */
  async #compute(worker, options, cost) {
    try {
      const outputs = await this.#pool.call(worker, options, cost);
      this.#failuresInARow = 0;
      // What follows is the store's work: the worker takes the next task meanwhile.
      this.#pool.release(worker);
      return outputs;
    } catch (error) {
      if (error instanceof GraphicsError) this.#failedOnCard(worker, options.index, error);
      else if (!this.#over) this.#failed(worker, options.index, error);
      return null;
    }
  }

  /**
   * The processor can do what the graphics card could not.
   *
   * @param {import("./engine-worker.js").EngineWorker} worker
   * @param {number} index @param {GraphicsError} error
   */
  #failedOnCard(worker, index, error) {
    this.#work.queue.putBack(index);
    this.#pool.loseCard(worker);
    this.leaveCard(error);
    this.#pool.release(worker);
  }

  /** @param {GraphicsError} error why the processor has to go on */
  leaveCard(error) {
    if (!this.onCard || this.#over) return;
    this.onCard = false;
    this.#pool.startCounting();
    this.#work.leaveCard(error);
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
