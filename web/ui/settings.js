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

export class Settings {
  #quality = byId("quality", HTMLSelectElement);
  #qualityLine = byId("quality-line", HTMLLabelElement);
  #workers = byId("workers", HTMLSelectElement);
  #automatic = new Option("Automatic", AUTOMATIC);
  /** @type {ModelInfo | null} the model that is chosen */
  #model = null;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#workers.add(this.#automatic);
    for (let count = 1; count <= MOST_WORKERS; count++) this.#workers.add(new Option(`${count}`));
    for (const choice of [this.#quality, this.#workers]) {
      const last = recall(choice.id);
      if ([...choice.options].some(({ value }) => value === last)) choice.value = last ?? "";
      choice.addEventListener("change", () => {
        keep(choice.id, choice.value);
        onChange();
      });
    }
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
