/**
 * Time that the tasks of a song have taken so far, and what computed them.
 *
 * @module
 */

/** @typedef {import("./engine-worker.js").EngineWorker} EngineWorker */

/** Build name for work done without a graphics card. */
export const PROCESSOR = "processor";

/** Time and cost of tasks. */
export class Spent {
  /** Time when counting started. */
  begun = performance.now();
  /** Number of tasks with a cost. */
  tasks = 0;
  /** Worker seconds; time in which a worker ran several tasks counts once. */
  seconds = 0;
  /** Cost of these tasks according to the plan. */
  cost = 0;
  /** @type {Map<EngineWorker, number>} for each worker, the time up to which it is counted */
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
