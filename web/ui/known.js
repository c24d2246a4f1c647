/**
 * Facts about models on this device: what still has to be downloaded, how long they take and what
 * runs them.
 *
 * @module
 */

import { downloadBytes, missingBytes } from "../engine/assets.js";
import { OWN_PREFIX } from "../engine/own-models.js";
import { PROCESSOR } from "../engine/spent.js";
import { optionsFor, QUALITIES } from "../engine/qualities.js";
import { byId } from "./elements.js";
import { megabytes } from "./format.js";
import { expectedTime, USUAL_SONG } from "./paces.js";
import { sentenceOf, word } from "./words.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/separation.js").Separation} Separation */
/** @typedef {import("./paces.js").Computer} Computer */
/** @typedef {import("./words.js").Saying} Saying */

/**
 * @typedef {object} Surroundings
 * @property {string} base  the site's folder
 * @property {import("../engine/engine.js").Engine} engine
 * @property {import("./settings/choices.js").Choices} choices
 * @property {import("./settings/settings.js").Settings} settings
 * @property {import("./settings/engine.js").EngineCard} engineCard
 * @property {import("./start/start.js").Start} start
 * @property {() => number | null} duration     duration of the shown song, in seconds
 */

export class Known {
  #about;
  /** @type {Assets | null} */
  #assets = null;

  /** @param {Surroundings} about */
  constructor(about) {
    this.#about = about;
  }

  /** @param {Assets} assets of the site */
  set assets(assets) {
    this.#assets = assets;
  }

  /** @param {string} model @returns {string} its displayed title */
  titleOf(model) {
    const about = this.#assets?.models[model] ?? this.#assets?.missing[model];
    const isGone = about === undefined && model.startsWith(OWN_PREFIX);
    return isGone ? word(({ settings }) => settings.ownGone) : (about?.title ?? model);
  }

  /** Update these facts wherever they are shown. */
  tell() {
    if (!this.#assets) return;
    const { choices, settings, engineCard } = this.#about;
    for (const name of Object.keys(this.#assets.models)) void this.#tellModel(this.#assets, name);
    for (const quality of /** @type {(keyof typeof QUALITIES)[]} */ (Object.keys(QUALITIES))) {
      settings.tellQuality(quality, this.#timeOf(choices.get("model"), quality));
    }
    settings.tellComputer(this.#aboutComputer());
    const pace = this.#timeOf(choices.get("model"), choices.get("quality"), null);
    engineCard.tellPace(pace?.seconds ?? null);
    const model = this.#assets.models[choices.get("model")];
    const licence = byId("licence", HTMLAnchorElement);
    licence.textContent = model?.licence ?? "";
    // The licence of a user's own model may be unknown, or have no address.
    if (model?.licence_url) licence.href = model.licence_url;
    else licence.removeAttribute("href");
    byId("model-about", HTMLParagraphElement).hidden = !model?.licence;
  }

  /**
   * @param {Separation} separation
   * @returns {number | null} expected seconds for the whole song, if known
   */
  expectedSeconds({ model, options, length, rate, isOnCard }) {
    const models = this.#assets?.models ?? {};
    const computer = isOnCard ? this.#computer(model) : this.#processor(model);
    return expectedTime(models, model, options, computer, length / rate)?.seconds ?? null;
  }

  /** @param {Assets} all @param {string} name of a model */
  async #tellModel(all, name) {
    const { base, choices, engine, settings, start } = this.#about;
    const time = this.#timeOf(name, choices.get("quality"));
    const missing = await missingBytes(base, all, name);
    const bytes = missing || downloadBytes(all, name);
    const isUnderWay = engine.model === name;
    const { isOwn = false, members } = all.models[name] ?? {};
    const canFetch = !isOwn || members !== undefined;
    const isKept = missing === 0;
    settings.tellModel(name, { bytes, isOwn, canFetch, isKept, isUnderWay, time });
    if (name === choices.get("model")) start.download = { bytes: missing, isUnderWay };
  }

  /**
   * @param {string} name of a model @param {string} quality
   * @param {number | null} [song] duration in seconds; null: a typical song
   * @returns {import("./settings/settings.js").Expectation | null} expected time on this device
   */
  #timeOf(name, quality, song = this.#about.duration()) {
    const model = this.#assets?.models[name];
    if (!this.#assets || !model) return null;
    const options = optionsFor(model, quality);
    const computer = this.#computer(name);
    const known = expectedTime(this.#assets.models, name, options, computer, song ?? USUAL_SONG);
    return known && { ...known, song };
  }

  /** @param {string} model @returns {Computer} the computer that would run it now */
  #computer(model) {
    const { graphics } = this.#about.engine;
    if (!graphics || graphics instanceof Error) return this.#processor(model);
    return { build: graphics.build, workers: 1 };
  }

  /** @param {string} model @returns {Computer} */
  #processor(model) {
    return { build: PROCESSOR, workers: this.#about.choices.workers(model) };
  }

  /** @returns {Saying} */
  #aboutComputer() {
    const { graphics } = this.#about.engine;
    if (!graphics) return () => "";
    if (graphics instanceof Error) return sentenceOf(graphics);
    return (words) => words.settings.card(graphics.name, megabytes(graphics.bytes));
  }
}
