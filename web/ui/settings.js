/**
 * What the person can choose, remembered by the browser.
 *
 * @module
 */

import { defaultWorkers, MOST_WORKERS } from "../engine/pool.js";
import { byId } from "./elements.js";
import { keep, recall } from "./remembered.js";

/** @typedef {import("../engine/protocol.js").ModelInfo} ModelInfo */
/** @typedef {import("../engine/separator.js").Options} Options */

export const STANDARD = { overlap: 0.25, shifts: 0 };

/** For models that cut songs into segments. @type {Record<string, Options>} */
const QUALITIES = {
  standard: STANDARD,
  smooth: { overlap: 0.75, shifts: 0 },
  averaged: { overlap: 0.25, shifts: 2 },
};

const AUTOMATIC = "automatic";

/** The name of the backend in the page's address. */
const ON_CARD = "webgpu";

/**
 * Who may compute. The processor alone is right everywhere; of graphics cards, those that the
 * processor imitates are used only where the person, or the address, says so.
 *
 * @type {Record<string, import("../engine/protocol.js").GraphicsOptions | null>}
 */
const COMPUTERS = {
  [AUTOMATIC]: { takesSoftware: false },
  graphics: { takesSoftware: true },
  processor: null,
};

export class Settings {
  #quality = byId("quality", HTMLSelectElement);
  #qualityLine = byId("quality-line", HTMLLabelElement);
  #workers = byId("workers", HTMLSelectElement);
  #computer = byId("computer", HTMLSelectElement);
  #automatic = new Option("Automatic", AUTOMATIC);
  /** @type {ModelInfo | null} the model that is chosen */
  #model = null;

  /**
   * @param {() => void} onChange
   * @param {() => void} onComputer   who is to compute has changed
   */
  constructor(onChange, onComputer) {
    this.#workers.add(this.#automatic);
    for (let count = 1; count <= MOST_WORKERS; count++) this.#workers.add(new Option(`${count}`));
    for (const choice of [this.#quality, this.#workers, this.#computer]) {
      const last = recall(choice.id);
      if ([...choice.options].some(({ value }) => value === last)) choice.value = last ?? "";
      choice.addEventListener("change", () => {
        keep(choice.id, choice.value);
        if (choice === this.#computer) onComputer();
        else onChange();
      });
    }
    const { asked } = this;
    if (asked) this.#computer.value = asked === ON_CARD ? "graphics" : "processor";
    this.busy = false;
  }

  /** @param {boolean} busy a song is at work: who computes stays */
  set busy(busy) {
    this.#computer.disabled = busy || this.asked !== null;
  }

  /** @returns {string | null} the backend that the page's address asks for */
  get asked() {
    return new URLSearchParams(location.search).get("backend");
  }

  /** @returns {string | null} the backend that Python is to use; null: the best there is */
  get backend() {
    return this.asked === ON_CARD ? null : this.asked;
  }

  /** @returns {import("../engine/protocol.js").GraphicsOptions | null} null: the processor does it */
  get graphics() {
    return COMPUTERS[this.#computer.value] ?? null;
  }

  /** @param {string} text of who computes */
  tellComputer(text) {
    byId("computer-note", HTMLParagraphElement).textContent = text;
  }

  /** @param {ModelInfo} model that is chosen: offer what it has to choose from */
  offerFor(model) {
    this.#model = model;
    this.#qualityLine.hidden = model.step === null;
    this.#automatic.text = `Automatic (${defaultWorkers(model.memory)})`;
    byId("worker-memory", HTMLSpanElement).textContent = `${model.memory} MB`;
  }

  /** @param {ModelInfo} model @returns {Options} */
  optionsFor({ step, options }) {
    if (step === null) return options;
    return { ...(QUALITIES[this.#quality.value] ?? STANDARD), ...options };
  }

  /** @returns {number} */
  get workers() {
    if (this.#workers.value !== AUTOMATIC) return Number(this.#workers.value);
    return this.#model ? defaultWorkers(this.#model.memory) : 1;
  }
}
