/**
 * The user's settings for the next songs, and what computes them; stored by the browser.
 *
 * Invalid stored values are ignored.
 *
 * @module
 */

import { defaultWorkers, MOST_WORKERS } from "../../engine/workers.js";
import { isQuality, STANDARD } from "../../engine/qualities.js";
import { keep, recall } from "../remembered.js";
import { mostWorkers } from "../survival.js";

/** @typedef {import("../../engine/protocol.js").Assets} Assets */
/** @typedef {import("../../engine/protocol.js").Choice} Choice */
/** @typedef {import("../../engine/protocol.js").GraphicsOptions} GraphicsOptions */
/** @typedef {import("../../engine/protocol.js").ModelInfo} ModelInfo */

export const AUTOMATIC = "automatic";

/** Value of the `backend` parameter in the page's address that selects the graphics card. */
const ON_CARD = "webgpu";

/**
 * What may compute. The processor always works. Graphics cards emulated on the processor are used
 * only if the user, or the address, asks for one.
 *
 * @type {Record<string, GraphicsOptions | null>}
 */
export const COMPUTERS = {
  [AUTOMATIC]: { takesSoftware: false },
  graphics: { takesSoftware: true },
  processor: null,
};

/** For each setting, by its stored name: whether a stored value is valid. */
const CHOICES = {
  model: (/** @type {string} */ value) => value !== "",
  quality: isQuality,
  /** Unwanted stems, separated by commas; a new model starts with all of its stems. */
  unwanted: () => true,
  computer: (/** @type {string} */ value) => Object.hasOwn(COMPUTERS, value),
  workers: (/** @type {string} */ value) => value === AUTOMATIC || isCount(Number(value)),
  awake: isSwitch,
  notify: isSwitch,
};

/** @typedef {keyof typeof CHOICES} Name */

/** @type {Record<Name, string>} */
const FIRST = {
  model: "",
  quality: STANDARD,
  unwanted: "",
  computer: AUTOMATIC,
  workers: AUTOMATIC,
  awake: "no",
  notify: "no",
};

/** @param {number} value */
function isCount(value) {
  return Number.isInteger(value) && value >= 1 && value <= MOST_WORKERS;
}

/** @param {string} value */
function isSwitch(value) {
  return value === "yes" || value === "no";
}

/** Event: "change", a `CustomEvent` with the `Name`. */
export class Choices extends EventTarget {
  #values = new Map(Object.entries(FIRST));
  #address = new URLSearchParams(location.search);
  /** @type {Assets | null} */
  #assets = null;

  constructor() {
    super();
    for (const name of /** @type {Name[]} */ (Object.keys(CHOICES))) {
      const last = recall(name);
      if (last !== null && CHOICES[name](last)) this.#values.set(name, last);
    }
    const { asked } = this;
    if (asked) this.#values.set("computer", asked === ON_CARD ? "graphics" : "processor");
    if (this.#linked) this.#values.set("model", this.#linked);
  }

  /** @returns {string | null} the model named in the address */
  get #linked() {
    return this.#address.get("model");
  }

  /** @returns {string | null} the model named in the address, if the site lacks it */
  get lacking() {
    const isThere = this.#linked !== null && Object.hasOwn(this.#assets?.models ?? {}, this.#linked);
    return isThere ? null : this.#linked;
  }

  /** @param {Assets} assets of the site */
  set assets(assets) {
    this.#assets = assets;
    const { models } = assets;
    if (!Object.hasOwn(models, this.get("model"))) {
      this.#values.set("model", Object.keys(models)[0] ?? "");
    }
  }

  /** @param {Name} name @returns {string} */
  get(name) {
    return /** @type {string} */ (this.#values.get(name));
  }

  /** @param {Name} name @param {string} value the user's choice */
  set(name, value) {
    this.#values.set(name, value);
    keep(name, value);
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }

  /** @returns {ModelInfo | null} the chosen model */
  get model() {
    return this.#assets?.models[this.get("model")] ?? null;
  }

  /** @returns {string[]} the wanted stems of the chosen model; all if there are none */
  get stems() {
    const unwanted = this.get("unwanted").split(",");
    const sources = this.model?.sources ?? [];
    const wanted = sources.filter((source) => !unwanted.includes(source));
    return wanted.length > 0 ? wanted : sources;
  }

  /** @returns {Choice} for the next songs */
  get choice() {
    const { model, stems } = this;
    return {
      model: this.get("model"),
      quality: model?.step === null ? "" : this.get("quality"),
      stems: stems.length === model?.sources.length ? null : stems,
    };
  }

  /** @returns {string | null} the backend named in the page's address */
  get asked() {
    return this.#address.get("backend");
  }

  /** @returns {string | null} the backend for Python; null: the fastest available */
  get backend() {
    return this.asked === ON_CARD ? null : this.asked;
  }

  /** @returns {GraphicsOptions | null} null: use the processor */
  get graphics() {
    return COMPUTERS[this.get("computer")] ?? null;
  }

  /** @param {string} model to run @returns {number} the largest number of workers */
  workers(model) {
    const count = this.get("workers");
    return count === AUTOMATIC ? this.automaticWorkers(model) : Number(count);
  }

  /** @param {string} model @returns {number} the default number of workers */
  automaticWorkers(model) {
    const { memory = Infinity } = this.#assets?.models[model] ?? {};
    return Math.min(defaultWorkers(memory), mostWorkers());
  }
}
