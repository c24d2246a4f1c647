/**
 * A song being separated: the pool runs its plan, and its stems become final bit by bit.
 *
 * @module
 */

import { OpenSong } from "./open-song.js";
import { TaskQueue } from "./queue.js";
import { Final } from "./ranges.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} Progress
 * @property {number} done              cost of finished tasks
 * @property {number} total             cost of all tasks
 * @property {number | null} secondsLeft    null before the first task is finished
 */

/**
 * Options of the model, as py_demixer/separation/planning.py reads them from JSON: the user's
 * choices and those that belong to the model.
 * @typedef {{overlap?: number, shifts?: number} & Record<string, unknown>} Options
 */

/**
 * How a song is computed.
 * @typedef {object} Execution
 * @property {string} build     build that determines the bits of the results
 * @property {boolean} onCard   whether the graphics card runs its networks
 * @property {import("./errors.js").Notice | null} note   for the user
 */

/** A song being separated, or finished. Events: see `Stems` in protocol.js. */
export class Separation extends OpenSong {
  #pool;
  #store;
  #about;
  #job;
  #plan;
  /** @type {Set<number>} the tasks that are finished */
  #done;
  #queue;
  #execution;
  #final;
  /** @type {import("./task-run.js").TaskRun | null} */
  #run = null;
  #paused = false;
  /** Start of the current stretch of work without pauses, to estimate the time left. */
  #since = { moment: 0, cost: 0 };

  /**
   * @param {Pool} pool @param {Store} store
   * @param {{id: string, about: About, rate: number, job: Job, plan: Plan, done: number[],
   *   execution: Execution}} song
   */
  constructor(pool, store, { id, about, rate, job, plan, done, execution }) {
    const sources = plan.stems.filter((stem) => about.stems?.includes(stem) ?? true);
    super(store, { id, sources, rate, length: about.measured.length });
    this.#pool = pool;
    this.#store = store;
    this.#about = about;
    this.#job = job;
    this.#plan = plan;
    this.#execution = execution;
    this.#done = new Set(done);
    this.#queue = new TaskQueue(plan, done);
    this.#final = new Final(sources);
    for (const index of done) this.#final.add(this.#queue.task(index).writes);
  }

  /** @param {Pool} pool perhaps not the same as before @param {Execution} execution */
  resumeWith(pool, execution) {
    this.#pool = pool;
    this.#execution = execution;
  }

  /** @override */
  get grows() {
    return this.#run !== null;
  }

  /** @override */
  get playhead() {
    return this.#queue.playhead;
  }

  /** @override */
  set playhead(frame) {
    this.#queue.playhead = frame;
  }

  /** Whether everything is done. */
  get isComplete() {
    return this.#queue.costDone === this.#queue.cost && this.isFinal(0, this.length);
  }

  /** Whether any work is finished. */
  get isBegun() {
    return this.#queue.costDone > 0;
  }

  get about() {
    return this.#about;
  }

  /** Key of the model in `Assets.models`. */
  get model() {
    return this.#about.model;
  }

  /** Whether the graphics card computes the song, as far as it can. */
  get isOnCard() {
    return this.#run?.onCard ?? this.#execution.onCard;
  }

  /**
   * Build that did the work of `run`, and the seconds that one worker would take for the whole song
   * at that pace; null if nothing was done.
   */
  get work() {
    const { build, seconds, cost } = this.#pool.spent;
    return cost > 0 ? { build, seconds: (seconds / cost) * this.#about.cost } : null;
  }

  /** @returns {Options} */
  get options() {
    return JSON.parse(this.#about.options);
  }

  get paused() {
    return this.#paused;
  }

  /** Setting it to true lets tasks in progress finish, and no others start until it is false. */
  set paused(paused) {
    this.#startClock();
    this.#paused = paused;
    if (this.#run) this.#run.paused = paused;
  }

  #startClock() {
    this.#since = { moment: performance.now(), cost: this.#queue.costDone };
  }

  /**
   * Compute what is left.
   *
   * @param {(progress: Progress) => void} report
   * @param {AbortSignal} signal stops the workers
   * @param {(notice: import("./errors.js").Notice) => void} [tell] called with a message for the
   *   user when the processor takes over
   * @returns {Promise<[number, number][]>} ranges in seconds that could not be computed
   * @throws {UserError} finished work is kept
   * @throws {DOMException} AbortError
   */
  async run(report, signal, tell = () => {}) {
    signal.throwIfAborted();
    const abort = () => this.#pool.stop(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#startClock();
    report(this.#progress());
    if (this.#execution.note) tell(this.#execution.note);
    try {
      this.#run = this.#pool.run({
        job: this.#job,
        queue: this.#queue,
        read: (range) => this.#store.read(this.id, range),
        begin: () => this.dispatchEvent(new Event("working")),
        finish: async (index, outputs) => {
          await this.#store.finish(this.id, index, outputs);
          this.#queue.finish(index);
          this.#done.add(index);
          this.#finished(index);
          report(this.#progress());
        },
        paused: this.#paused,
        onCard: this.#execution.onCard,
        leaveCard: (error) => {
          this.#startClock();
          tell(error);
        },
      });
      await this.#run.ended;
    } finally {
      this.#run = null;
      signal.removeEventListener("abort", abort);
      this.#putBack();
    }
    return this.#missing();
  }

  /** Leave tasks that were started but not finished to the next run. */
  #putBack() {
    const { playhead } = this.#queue;
    this.#queue = new TaskQueue(this.#plan, this.#done);
    this.#queue.playhead = playhead;
    this.dispatchEvent(new Event("working"));
  }

  /** @override */
  working() {
    return this.#queue.taken;
  }

  /** @returns {Progress} */
  #progress() {
    const { cost: total, costDone: done } = this.#queue;
    const { moment, cost } = this.#since;
    const each = (performance.now() - moment) / 1000 / (done - cost);
    return { done, total, secondsLeft: done > cost ? each * (total - done) : null };
  }

  /** @param {number} index */
  #finished(index) {
    if (this.#final.add(this.#queue.task(index).writes)) this.dispatchEvent(new Event("final"));
  }

  /** @returns {[number, number][]} missing ranges, in seconds */
  #missing() {
    const edges = [0, ...this.#final.list.flat(), this.length].map((frame) => frame / this.rate);
    const gaps = [];
    for (let at = 0; at < edges.length; at += 2) gaps.push([edges[at], edges[at + 1]]);
    return /** @type {[number, number][]} */ (gaps).filter(([start, stop]) => start < stop);
  }

  /** @override @returns {[number, number][]} */
  finalRanges() {
    return this.#final.list.map(([start, stop]) => [start, stop]);
  }
}
