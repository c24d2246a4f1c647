/**
 * The models to choose from: what each is good for, what it weighs, its licence, what time it
 * takes.
 *
 * @module
 */

import { byId, within } from "./elements.js";
import { megabytes } from "./format.js";
import { keep, recall } from "./remembered.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/protocol.js").AssetModel} AssetModel */

const CHOICE = "model";

export class ModelChooser {
  #details = byId("models", HTMLDetailsElement);
  #list = byId("model-list", HTMLFieldSetElement);
  #template = byId("model", HTMLTemplateElement);
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();
  #name = "";
  #onChange;

  /**
   * @param {() => void} onChange called when another model is chosen, by the person or by `choose`
   */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** The model that is chosen, a key of `Assets.models`; empty before `show`. */
  get name() {
    return this.#name;
  }

  /** @param {boolean} busy a song is at work: nothing can be chosen, and room is made */
  set busy(busy) {
    this.#list.disabled = busy;
    if (busy) this.#details.open = false;
  }

  /** @param {Assets} assets */
  show({ models, missing }) {
    this.#cards = new Map(
      Object.entries(models).map(([name, model]) => [name, this.#card(name, model)]),
    );
    this.#list.append(...this.#cards.values());
    const last = recall(CHOICE) ?? "";
    this.#choose(last in models ? last : (Object.keys(models)[0] ?? ""));
    this.#showMissing(missing);
    this.#details.hidden = false;
  }

  /** @param {string} name @param {AssetModel} model @returns {HTMLElement} */
  #card(name, { title, good_for, licence }) {
    const content = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const card = within(content, "label", HTMLLabelElement);
    const button = within(card, "input", HTMLInputElement);
    button.value = name;
    button.addEventListener("change", () => {
      keep(CHOICE, name);
      this.choose(name);
    });
    within(card, ".model-title", HTMLSpanElement).textContent = title;
    within(card, ".model-use", HTMLSpanElement).textContent = good_for;
    within(card, ".model-licence", HTMLSpanElement).textContent = licence;
    return card;
  }

  /** @param {Assets["missing"]} missing */
  #showMissing(missing) {
    const line = byId("missing-models", HTMLParagraphElement);
    const titles = Object.values(missing).map(({ title }) => title);
    const options = Object.keys(missing).map((name) => `--with ${name}`);
    line.hidden = titles.length === 0;
    within(line, "span", HTMLSpanElement).textContent =
      `Not included on this site: ${titles.join(", ")}.`;
    within(line, "code", HTMLElement).textContent = `build.py site ${options.join(" ")}`;
  }

  /** @param {string} name */
  choose(name) {
    this.#choose(name);
    this.#onChange();
  }

  /** @param {string} name */
  #choose(name) {
    this.#name = name;
    for (const [other, card] of this.#cards) {
      const isChosen = other === name;
      within(card, "input", HTMLInputElement).checked = isChosen;
      if (isChosen) {
        byId("model-chosen", HTMLSpanElement).textContent =
          within(card, ".model-title", HTMLSpanElement).textContent;
      }
    }
  }

  /** @param {string} name of a model @param {string} time that it is expected to take */
  tellTime(name, time) {
    this.#tell(name, ".model-time", time);
  }

  /**
   * @param {string} name of a model
   * @param {number} bytes
   * @param {boolean} isKept for use offline
   */
  tellSize(name, bytes, isKept) {
    this.#tell(name, ".model-size", `${megabytes(bytes)} ${isKept ? "kept here" : "to fetch"}`);
  }

  /** @param {string} name @param {string} what @param {string} text */
  #tell(name, what, text) {
    const card = this.#cards.get(name);
    if (card) within(card, what, HTMLSpanElement).textContent = text;
  }
}
