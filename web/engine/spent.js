/**
 * What the tasks of a song have taken so far, and who has done them.
 *
 * @module
 */

/** @typedef {import("./engine-worker.js").EngineWorker} EngineWorker */

/** Who computes, where no graphics card does. */
export const PROCESSOR = "processor";

/** What tasks have taken. */
export class Spent {
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
