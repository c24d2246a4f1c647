/**
 * Runs tasks on several engine workers; each worker takes the next task as soon as it is free.
 *
 * Messages from the workers drive everything, never timers, which are slow in hidden tabs.
 *
 * @module
 */

import { EngineWorker } from "./engine-worker.js";
import { GraphicsError, hasCode, UserError } from "./errors.js";
import { IN_FLIGHT } from "./gpu/network.js";
import { PROCESSOR, Spent } from "./spent.js";
import { checkBrowser } from "./support.js";
import { TaskRun } from "./task-run.js";

/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").GraphicsInfo} GraphicsInfo */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./task-run.js").Work} Work */

/** Workers that are idle for this long end, to free their memory. */
const IDLE_MS = 120_000;

/**
 * A task may take `times` as long as expected, but at least `leastSeconds`: more than the time that
 * the watchdog counts if the machine sleeps a few times (rpc.js).
 */
const PATIENCE = { times: 10, leastSeconds: 180 };

export class Pool {
  #options;
  #size;
  #graphics;
  /** Below `size` while memory is short. */
  #limit = Infinity;
  /** @type {Set<EngineWorker>} */
  #workers = new Set();
  /** @type {Map<EngineWorker, number>} idle workers, each with the timer that ends it */
  #idle = new Map();
  /** @type {Map<EngineWorker, number>} number of jobs of each worker */
  #busy = new Map();
  /** @type {(GraphicsInfo & {worker: EngineWorker}) | null} */
  #card = null;
  /** @type {GraphicsError | null} why no card can be used */
  #refusal = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {(() => void)[]} callbacks waiting for a worker to become free, or to end */
  #waiting = [];
  /** @type {Promise<EngineInfo> | null} one boot at a time: boots share disk and network */
  #booting = null;
  /** @type {EngineInfo | null} */
  #info = null;
  /** @type {TaskRun | null} */
  #run = null;
  /**
   * Worst seconds so far that a task takes for each unit of its cost, by build.
   *
   * @type {Map<string, number>}
   */
  #paces = new Map();
  #spent = new Spent(PROCESSOR);

  /**
   * @param {Omit<import("./protocol.js").BootOptions, "opensCard">} options
   * @param {number} size the largest number of workers
   * @param {import("./protocol.js").GraphicsOptions | null} [graphics] null: do not use a graphics
   *   card
   */
  constructor(options, size, graphics = null) {
    this.#options = options;
    this.#size = size;
    this.#graphics = graphics;
  }

  /** Whether to use a graphics card if there is one. */
  get wantsCard() {
    return this.#graphics !== null;
  }

  /** @returns {GraphicsInfo | null} the graphics card that is ready to run networks */
  get card() {
    return this.#card;
  }

  /** @returns {GraphicsError | null} why no card can be used */
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

  /** Work of the last run so far. */
  get spent() {
    return this.#spent;
  }

  /** Number of workers. */
  get workers() {
    return this.#workers.size;
  }

  /**
   * Start a worker unless one is running, and open the graphics card if one is wanted. A card that
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

  /** The most workers that may run now. */
  get most() {
    return Math.min(this.#size, this.#limit);
  }

  /** @returns {boolean} whether one more worker may start */
  get canGrow() {
    return this.#workers.size < this.most;
  }

  /**
   * Start one more worker, or wait for the one that is starting.
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
    const opensCard = this.#lacksCard && (this.#run?.onCard ?? true);
    try {
      /** @type {EngineInfo} */
      const info = await worker.call("boot", { ...this.#options, opensCard }, { notice });
      this.#info = info;
      if (opensCard) await this.#openCard(worker, notice);
      this.release(worker);
      // The graphics card crashed the worker; it is refused from now on, so boot again without it.
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
    this.#wake();
  }

  /** @returns {EngineWorker | null} an idle worker, reserved until `release` */
  take() {
    const [worker] = this.#idle.keys();
    if (worker) this.#occupy(worker);
    return worker ?? null;
  }

  /**
   * @returns {EngineWorker | null} the graphics card's worker, reserved until `release`; it takes
   *   another task while the card is computing one
   */
  takeCard() {
    if (!this.#card || this.#tasks(this.#card.worker) >= IN_FLIGHT) return null;
    this.#occupy(this.#card.worker);
    return this.#card.worker;
  }

  /** @param {EngineWorker} worker @returns {number} number of its jobs */
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
    this.#wake();
  }

  /**
   * A worker is free, or gone. Callers waiting for one come before the run, which would take it
   * again at once. The run must hear of a worker that is gone even if it was not the run's own, or
   * it would wait for ever.
   */
  #wake() {
    for (const tell of this.#waiting.splice(0)) tell();
    queueMicrotask(() => this.#run?.pump());
  }

  /**
   * Call a function with a worker reserved for it.
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
   * Run all tasks left in a song's queue. Only one song runs at a time.
   *
   * @param {Work} work
   * @returns {TaskRun} its `ended` settles when it is over
   */
  run(work) {
    this.#limit = Infinity;
    this.#run = new TaskRun(this, work);
    this.startCounting();
    const forget = () => {
      this.#run = null;
    };
    this.#run.ended.then(forget, forget);
    this.#run.pump();
    return this.#run;
  }

  /** Start counting work anew, for the card or processor that computes now. */
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

  /** @param {EngineWorker} worker whose graphics card failed; its processor still works */
  loseCard(worker) {
    if (this.#card?.worker === worker) this.#card = null;
  }

  /** @param {EngineWorker} worker that died, perhaps as one too many: continue with fewer */
  lose(worker) {
    if (!this.#workers.has(worker)) return;
    this.#limit = Math.max(1, this.#workers.size - 1);
    this.#remove(worker, null);
  }

  /** Stay at the current number of workers, because another one could not be started. */
  settle() {
    this.#limit = this.#workers.size;
  }

  /** @param {unknown} [reason] error of pending calls and of the run */
  stop(reason) {
    this.#run?.fail(reason);
    for (const worker of [...this.#workers]) this.#remove(worker, reason);
  }
}
