/**
 * The user's arrangement of the lanes, for all songs: their order, and which are collapsed.
 *
 * @module
 */

import { keep, recall } from "../remembered.js";

const CHOICE = "lanes";

export class Arrangement {
  /** @type {string[]} names of stems, in the user's order */
  #order = [];
  /** @type {Set<string>} */
  #collapsed = new Set();

  constructor() {
    const { order, collapsed } = parsed(recall(CHOICE));
    this.#order = order;
    this.#collapsed = new Set(collapsed);
  }

  /** @param {readonly string[]} sources @returns {string[]} in the user's order */
  arranged(sources) {
    const known = this.#order.filter((source) => sources.includes(source));
    const next = known.values();
    // The others stay where the model has them.
    return sources.map((source) => (known.includes(source) ? (next.next().value ?? source) : source));
  }

  /** @param {readonly string[]} arranged all stems of a song, in their new order */
  arrange(arranged) {
    const others = this.#order.filter((source) => !arranged.includes(source));
    this.#order = [...arranged, ...others];
    this.#keep();
  }

  /** @param {string} source @returns {boolean} */
  isCollapsed(source) {
    return this.#collapsed.has(source);
  }

  /** @param {string} source @param {boolean} isCollapsed */
  collapse(source, isCollapsed) {
    if (isCollapsed) this.#collapsed.add(source);
    else this.#collapsed.delete(source);
    this.#keep();
  }

  #keep() {
    keep(CHOICE, JSON.stringify({ order: this.#order, collapsed: [...this.#collapsed] }));
  }
}

/**
 * @param {string | null} text whatever is stored
 * @returns {{order: string[], collapsed: string[]}}
 */
function parsed(text) {
  try {
    const { order, collapsed } = Object(JSON.parse(text ?? "{}"));
    return { order: namesIn(order), collapsed: namesIn(collapsed) };
  } catch (error) {
    console.warn(error);
    return { order: [], collapsed: [] };
  }
}

/** @param {unknown} value @returns {string[]} */
function namesIn(value) {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}
