/**
 * What the person can choose, remembered by the browser.
 *
 * @module
 */

import { defaultWorkers, MOST_WORKERS } from "../engine/pool.js";
import { byId } from "./elements.js";

const STANDARD = { overlap: 0.25, shifts: 0 };

/** @type {Record<string, import("../engine/separator.js").Options>} */
const QUALITIES = {
  standard: STANDARD,
  smooth: { overlap: 0.75, shifts: 0 },
  averaged: { overlap: 0.25, shifts: 2 },
};

const AUTOMATIC = "automatic";

export class Settings {
  #quality = byId("quality", HTMLSelectElement);
  #workers = byId("workers", HTMLSelectElement);

  /** @param {() => void} onWorkers called when another number of workers was chosen */
  constructor(onWorkers) {
    this.#workers.add(new Option(`Automatic (${defaultWorkers()})`, AUTOMATIC));
    for (let count = 1; count <= MOST_WORKERS; count++) this.#workers.add(new Option(`${count}`));
    remember(this.#quality);
    remember(this.#workers);
    this.#workers.addEventListener("change", onWorkers);
  }

  /** @returns {import("../engine/separator.js").Options} */
  get options() {
    return QUALITIES[this.#quality.value] ?? STANDARD;
  }

  /** @returns {number} */
  get workers() {
    return this.#workers.value === AUTOMATIC ? defaultWorkers() : Number(this.#workers.value);
  }
}

/** @param {HTMLSelectElement} choice keeps what was chosen the last time, where the browser can */
function remember(choice) {
  const key = `py-demixer ${choice.id}`;
  try {
    const last = localStorage.getItem(key);
    if ([...choice.options].some(({ value }) => value === last)) choice.value = last ?? "";
  } catch {
    return;
  }
  choice.addEventListener("change", () => localStorage.setItem(key, choice.value));
}
