/**
 * Chooses the next task of a song. It knows what tasks read and write and which must come first;
 * what they compute is up to Python.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Task} Task */

/**
 * The range of the stems that is not final until a task is done.
 * @typedef {{start: number, stop: number}} Stretch
 */

export class TaskQueue {
  /** Tasks after this frame of the song come first, tasks before it last. */
  playhead = 0;
  #tasks;
  #stretches;
  /** @type {Map<number, number>} for each waiting task, how many tasks it waits for */
  #waiting = new Map();
  /** @type {Map<number, number[]>} for each task, those that wait for it */
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
    // A task may only be marked as finished after those that it depends on.
    for (const index of [...done].sort((a, b) => a - b)) {
      this.#ready.delete(index);
      this.finish(index);
    }
  }

  /** Total cost of all tasks. */
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

  /** @returns {number | null} the next task, now taken; null if none is ready */
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

  /** @returns {[number, number][]} ranges of the stems that taken tasks are computing */
  get taken() {
    return [...this.#taken].map((index) => {
      const { start, stop } = /** @type {Stretch} */ (this.#stretches[index]);
      return [start, stop];
    });
  }

  /** @param {number} index a taken task that could not be done */
  putBack(index) {
    this.#taken.delete(index);
    this.#waiting.set(index, 0);
    this.#ready.add(index);
  }

  /** @param {number} index a taken task */
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

  /**
   * @param {number} index a taken task
   * @returns {boolean} whether only a cheap task is left after it until the sound at the playhead is
   *   there
   */
  isAwaited(index) {
    return (this.#waiters.get(index) ?? []).some((other) => {
      const { start, stop } = /** @type {Stretch} */ (this.#stretches[other]);
      const isAtPlayhead = start <= this.playhead && this.playhead < stop;
      return isAtPlayhead && this.#isCheap(other) && this.#waiting.get(other) === 1;
    });
  }

  /** @param {number} index of a task @returns {boolean} whether it runs no network */
  #isCheap(index) {
    return this.task(index).cost < 1;
  }

  /** @param {number} a @param {number} b */
  #isBefore(a, b) {
    const [first, second] = [this.#rank(a), this.#rank(b)];
    const at = first.findIndex((number, position) => number !== second[position]);
    return at >= 0 && /** @type {number} */ (first[at]) < /** @type {number} */ (second[at]);
  }

  /** @param {number} index @returns {number[]} compared lexicographically; smaller comes first */
  #rank(index) {
    const { start, stop } = /** @type {Stretch} */ (this.#stretches[index]);
    // Cheap tasks first: they make stems final and free storage.
    const cost = this.#isCheap(index) ? 0 : 1;
    const isPast = stop <= this.playhead ? 1 : 0;
    return [cost, isPast, Math.max(start, this.playhead), index];
  }
}

/** @param {Pick<Plan, "tasks" | "planes">} plan @returns {Stretch[]} one for each task */
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
