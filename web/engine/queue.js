/**
 * Which task of a song is done next. Knows what tasks read and write and which come before which;
 * what they mean is Python's business.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Task} Task */

/**
 * The stretch of the stems that cannot be final without a task.
 * @typedef {{start: number, stop: number}} Stretch
 */

export class TaskQueue {
  /** What lies behind this frame of the song is done first, what lies before it last. */
  playhead = 0;
  #tasks;
  #stretches;
  /** @type {Map<number, number>} by task that waits: how many others it waits for */
  #waiting = new Map();
  /** @type {Map<number, number[]>} by task: those that wait for it */
  #waiters = new Map();
  /** @type {Set<number>} */
  #ready = new Set();
  /** @type {Set<number>} */
  #taken = new Set();
  #costDone = 0;

  /** @param {Plan} plan @param {Iterable<number>} done tasks that are finished */
  constructor({ tasks, planes }, done) {
    this.#tasks = tasks;
    this.#stretches = stretchesOf({ tasks, planes });
    for (const [index, { after }] of tasks.entries()) {
      this.#waiting.set(index, after.length);
      for (const other of after) {
        this.#waiters.set(other, [...(this.#waiters.get(other) ?? []), index]);
      }
      if (after.length === 0) this.#ready.add(index);
    }
    // What is done may only be told after those it needed.
    for (const index of [...done].sort((a, b) => a - b)) {
      this.#ready.delete(index);
      this.finish(index);
    }
  }

  /** What all tasks cost. */
  get cost() {
    return this.#tasks.reduce((sum, { cost }) => sum + cost, 0);
  }

  get costDone() {
    return this.#costDone;
  }

  get hasReady() {
    return this.#ready.size > 0;
  }

  /** @param {number} index @returns {Task} */
  task(index) {
    return /** @type {Task} */ (this.#tasks[index]);
  }

  /** @returns {number | null} the task to do next, which is taken; null: none is ready */
  take() {
    let best = null;
    for (const index of this.#ready) {
      if (best === null || this.#isBefore(index, best)) best = index;
    }
    if (best !== null) {
      this.#ready.delete(best);
      this.#waiting.delete(best);
      this.#taken.add(best);
    }
    return best;
  }

  /** @returns {[number, number][]} the stretches of the stems that tasks are at which were taken */
  get taken() {
    return [...this.#taken].map((index) => {
      const { start, stop } = /** @type {Stretch} */ (this.#stretches[index]);
      return [start, stop];
    });
  }

  /** @param {number} index a task that was taken and could not be done */
  putBack(index) {
    this.#taken.delete(index);
    this.#waiting.set(index, 0);
    this.#ready.add(index);
  }

  /** @param {number} index a task that was taken */
  finish(index) {
    this.#taken.delete(index);
    this.#waiting.delete(index);
    this.#costDone += this.task(index).cost;
    for (const other of this.#waiters.get(index) ?? []) {
      const left = this.#waiting.get(other);
      if (left === undefined) continue;
      this.#waiting.set(other, left - 1);
      if (left === 1) this.#ready.add(other);
    }
  }

  /** @param {number} a @param {number} b */
  #isBefore(a, b) {
    const [first, second] = [this.#rank(a), this.#rank(b)];
    const at = first.findIndex((number, position) => number !== second[position]);
    return at >= 0 && /** @type {number} */ (first[at]) < /** @type {number} */ (second[at]);
  }

  /** @param {number} index @returns {number[]} compared from the left; less is earlier */
  #rank(index) {
    const { start, stop } = /** @type {Stretch} */ (this.#stretches[index]);
    // Cheap ones first: they make stems final and give room back.
    const cost = Math.min(this.task(index).cost, 1);
    const isPast = stop <= this.playhead ? 1 : 0;
    return [cost, isPast, Math.max(start, this.playhead), index];
  }
}

/** @param {Pick<Plan, "tasks" | "planes">} plan @returns {Stretch[]} by task */
function stretchesOf({ tasks, planes }) {
  const stretches = tasks.map(({ writes }) => {
    const final = writes.filter(({ plane }) => !planes[plane]?.temporary);
    return {
      start: Math.min(...final.map(({ start }) => start)),
      stop: Math.max(...final.map(({ start, length }) => start + length)),
    };
  });
  for (let index = tasks.length - 1; index >= 0; index--) {
    const own = /** @type {Stretch} */ (stretches[index]);
    for (const other of tasks[index]?.after ?? []) {
      const earlier = /** @type {Stretch} */ (stretches[other]);
      earlier.start = Math.min(earlier.start, own.start);
      earlier.stop = Math.max(earlier.stop, own.stop);
    }
  }
  return stretches;
}
