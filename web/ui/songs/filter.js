/**
 * Search and order of the library, offered when it has more songs than can be seen at once.
 *
 * @module
 */

import { make } from "../elements.js";
import { keep, recall } from "../remembered.js";
import { language, say, sayAs } from "../words.js";

/** @typedef {import("../../engine/song.js").Song} Song */

/** With fewer songs, nothing has to be searched. */
const LEAST = 6;
const ORDERS = /** @type {const} */ (["newest", "name"]);
const NAME = "library order";

export class Filter {
  #search = make("input", { type: "search", className: "library-search" });
  #order = make("select", { className: "library-order" });
  #fields = make("div", { className: "library-fields" });
  #none = make("p", { className: "quiet" });

  /** @param {() => void} onChange called when other songs, or others first, are wanted */
  constructor(onChange) {
    sayAs(this.#search, "ariaLabel", ({ songs }) => songs.search);
    sayAs(this.#search, "placeholder", ({ songs }) => songs.searchHere);
    sayAs(this.#order, "ariaLabel", ({ songs }) => songs.order);
    say(this.#none, ({ songs }) => songs.noMatch);
    for (const order of ORDERS) {
      const option = make("option", { value: order });
      say(option, ({ songs }) => songs.orders[order]);
      this.#order.append(option);
    }
    if (recall(NAME) === "name") this.#order.value = "name";
    this.#search.addEventListener("input", onChange);
    this.#order.addEventListener("change", () => {
      keep(NAME, this.#order.value);
      onChange();
    });
    this.#fields.append(this.#search, this.#order);
    this.element = make("div", { className: "library-filter" }, this.#fields, this.#none);
  }

  /**
   * @param {readonly Song[]} songs the library, newest first
   * @returns {Song[]} what to list, in order
   */
  applied(songs) {
    const words = plain(this.#search.value).split(/\s+/);
    const isOffered = songs.length >= LEAST || words.some(Boolean);
    this.#fields.hidden = !isOffered;
    const found = songs.filter((song) => {
      const text = plain(`${song.name} ${song.artist}`);
      return words.every((word) => text.includes(word));
    });
    this.#none.hidden = found.length > 0 || songs.length === 0;
    if (!isOffered || this.#order.value === "newest") return found;
    const { compare } = new Intl.Collator(language(), { numeric: true });
    return found.sort((one, other) => compare(one.name, other.name));
  }
}

/** @param {string} text @returns {string} without capitals and accents */
function plain(text) {
  return text.toLowerCase().normalize("NFD").replaceAll(/\p{M}/gu, "").trim();
}
