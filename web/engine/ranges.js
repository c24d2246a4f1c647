/**
 * Sets of frames.
 *
 * @module
 */

/** Ranges [start, stop) of a plane, sorted and disjoint; adjacent ranges are merged. */
class Ranges {
  /** @type {[number, number][]} */
  #list = [];

  get list() {
    return this.#list;
  }

  /** @param {number} start @param {number} stop */
  add(start, stop) {
    const apart = this.#list.filter(([from, to]) => to < start || stop < from);
    const touching = this.#list.filter(([from, to]) => to >= start && stop >= from);
    const from = Math.min(start, ...touching.map(([begin]) => begin));
    const to = Math.max(stop, ...touching.map(([, end]) => end));
    this.#list = [...apart, /** @type {[number, number]} */ ([from, to])];
    this.#list.sort(([a], [b]) => a - b);
  }
}

/** What is final of several stems. */
export class Final {
  /** @type {Map<string, Ranges>} by stem */
  #written;
  /** @type {[number, number][] | null} null: not known since the last change */
  #list = null;

  /** @param {readonly string[]} stems */
  constructor(stems) {
    this.#written = new Map(stems.map((stem) => [stem, new Ranges()]));
  }

  /**
   * @param {readonly import("./protocol.js").Range[]} writes of a finished task
   * @returns {boolean} whether it wrote any of the stems
   */
  add(writes) {
    const own = writes.filter(({ plane }) => this.#written.has(plane));
    for (const { plane, start, length } of own) {
      this.#written.get(plane)?.add(start, start + length);
    }
    if (own.length > 0) this.#list = null;
    return own.length > 0;
  }

  /** Ranges where all stems are final. */
  get list() {
    this.#list ??= common([...this.#written.values()]);
    return this.#list;
  }
}

/** @param {Iterable<[number, number]>} ranges @returns {[number, number][]} sorted and disjoint */
export function union(ranges) {
  const all = new Ranges();
  for (const [start, stop] of ranges) all.add(start, stop);
  return all.list;
}

/** @param {Ranges[]} sets @returns {[number, number][]} their intersection */
function common(sets) {
  const [first, ...others] = sets.map(({ list }) => list);
  return others.reduce(
    (all, list) =>
      all.flatMap((range) =>
        list.map((other) => overlap(range, other)).filter(([from, to]) => from < to),
      ),
    first ?? [],
  );
}

/**
 * @param {[number, number][]} ranges @param {[number, number][]} others sorted and disjoint
 * @returns {[number, number][]} the ranges minus all others
 */
export function without(ranges, others) {
  return ranges.flatMap(([start, stop]) => {
    const taken = others.map((other) => overlap([start, stop], other));
    const edges = [start, ...taken.filter(([from, to]) => from < to).flat(), stop];
    const gaps = [];
    for (let i = 0; i < edges.length; i += 2) gaps.push(edges.slice(i, i + 2));
    return /** @type {[number, number][]} */ (gaps).filter(([from, to]) => from < to);
  });
}

/** @param {[number, number]} one @param {[number, number]} other @returns {[number, number]} */
function overlap([start, stop], [from, to]) {
  return [Math.max(start, from), Math.min(stop, to)];
}
