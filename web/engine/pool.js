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
import { PROCESSOR, Spent } from "./spent.js";
import { checkBrowser } from "./support.js";
import { TaskRun } from "./task-run.js";

/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").GraphicsInfo} GraphicsInfo */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./task-run.js").Work} Work */

/** Workers that have had nothing to do for so long end; their memory comes back. */
const IDLE_MS = 120_000;

/**
 * A task may take this many times what is expected, but at least so many seconds: more than what
 * the watchdog counts while a machine sleeps a few times (engine-worker.js).
 */
const PATIENCE = { times: 10, leastSeconds: 180 };

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
  /** @type {TaskRun | null} */
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
   * @returns {TaskRun} whose `ended` tells when
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
