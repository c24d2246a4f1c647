/**
 * The help: first steps, privacy and how to verify it, limits, browser features, licences.
 *
 * @module
 */

import { byId, icon, make } from "../elements.js";
import { say, word } from "../words.js";
import { abilities } from "./abilities.js";

/** @typedef {import("./abilities.js").Ability} Ability */
/** @typedef {import("../words.js").Saying} Saying */
/** Chapters that are lists. @typedef {"steps" | "privacy" | "check" | "limits"} Chapter */

/** Files of the site, by their keys in the catalogue of words. */
const LINKS = /** @type {const} */ ({ all: "licences.txt", models: "models.txt" });

export class Help {
  #abilities = make("dl", { className: "abilities" });

  /** @param {Promise<{keeps: boolean}>} store of songs */
  constructor(store) {
    const browser = [worded("p", (w) => w.help.browser.about), this.#abilities];
    const licences = [worded("p", (w) => w.help.licences.about), links()];
    const chapters = [
      listed("steps", "ol"),
      listed("privacy", "ul"),
      listed("check", "ol"),
      listed("limits", "ul"),
      make("section", {}, worded("h3", (w) => w.help.browser.title), ...browser),
      make("section", {}, worded("h3", (w) => w.help.licences.title), ...licences),
    ];
    const dialog = byId("help", HTMLDialogElement);
    dialog.querySelector(".fine-print")?.before(make("div", { className: "help" }, ...chapters));
    void store.then(({ keeps }) => this.#tell(abilities(keeps)));
  }

  /** @param {Map<Ability, boolean>} found */
  #tell(found) {
    this.#abilities.replaceChildren(...Array.from(found, ([ability, has]) => row(ability, has)));
  }
}

/** @param {Chapter} name @param {"ol" | "ul"} tag @returns {HTMLElement} */
function listed(name, tag) {
  const keys = word((w) => Object.keys(w.help[name].all).join()).split(",");
  const items = keys.map((key) =>
    worded("li", (w) => /** @type {Record<string, string>} */ (w.help[name].all)[key] ?? ""),
  );
  return make("section", {}, worded("h3", (w) => w.help[name].title), make(tag, {}, ...items));
}

/**
 * @param {Ability} ability @param {boolean} has whether this browser has it
 * @returns {HTMLElement}
 */
function row(ability, has) {
  const state = worded("span", (w) => (has ? w.help.browser.has : w.help.browser.lacks));
  state.className = "unseen";
  const title = worded("span", (w) => w.help.abilities[ability].title);
  const term = make("dt", {}, icon(has ? "check" : "remove"), title, " ", state);
  term.classList.toggle("has", has);
  const meaning = worded("dd", (w) => w.help.abilities[ability][has ? "has" : "lacks"]);
  return make("div", {}, term, meaning);
}

/** @returns {HTMLElement} */
function links() {
  const items = /** @type {(keyof typeof LINKS)[]} */ (Object.keys(LINKS)).map((name) => {
    const link = make("a", { href: LINKS[name], target: "_blank" });
    say(link, (w) => w.help.licences[name]);
    return make("li", {}, link);
  });
  return make("ul", {}, ...items);
}

/**
 * @template {"h3" | "p" | "li" | "span" | "dd"} Tag
 * @param {Tag} tag @param {Saying} saying
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function worded(tag, saying) {
  const element = make(tag);
  say(element, saying);
  return element;
}
