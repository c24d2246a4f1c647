/**
 * What the person can choose, remembered by the browser.
 *
 * @module
 */

import { defaultWorkers, MOST_WORKERS } from "../engine/pool.js";
import { byId } from "./elements.js";
import { keep, recall } from "./remembered.js";

/** @typedef {import("../engine/separator.js").Options} Options */

export const STANDARD = { overlap: 0.25, shifts: 0 };

/** @type {Record<string, Options>} */
const QUALITIES = {
  standard: STANDARD,
  smooth: { overlap: 0.75, shifts: 0 },
  averaged: { overlap: 0.25, shifts: 2 },
};

const AUTOMATIC = "automatic";

/** The kind of model that cuts songs into segments, which is what the qualities are about. */
const SEGMENTED = "htdemucs";

export class Settings {
  #quality = byId("quality", HTMLSelectElement);
  #qualityLine = byId("quality-line", HTMLLabelElement);
  #workers = byId("workers", HTMLSelectElement);

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#workers.add(new Option(`Automatic (${defaultWorkers()})`, AUTOMATIC));
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

  /** @param {string} architecture of the model that is chosen: offer what it has to choose from */
  offerFor(architecture) {
    this.#qualityLine.hidden = architecture !== SEGMENTED;
  }

  /** @param {string} architecture of a model @returns {Options} */
  optionsFor(architecture) {
    if (architecture !== SEGMENTED) return {};
    return QUALITIES[this.#quality.value] ?? STANDARD;
  }

  /** @returns {number} */
  get workers() {
    return this.#workers.value === AUTOMATIC ? defaultWorkers() : Number(this.#workers.value);
  }
}
