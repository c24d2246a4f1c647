/**
 * The panel with models and settings for the next songs.
 *
 * @module
 */

import { canJoin } from "../../engine/own-models.js";
import { MOST_WORKERS } from "../../engine/workers.js";
import { QUALITIES } from "../../engine/qualities.js";
import { byId, make } from "../elements.js";
import { megabytes, span } from "../format.js";
import { say, sayAs } from "../words.js";
import { stemName } from "../words/stems.js";
import { AUTOMATIC, COMPUTERS } from "./choices.js";

/** @typedef {import("../../engine/protocol.js").Assets} Assets */
/** @typedef {import("../../engine/qualities.js").Quality} Quality */
/** @typedef {import("../words.js").Saying} Saying */
/** @typedef {import("../words/en.js").Words} Words */
/** @typedef {import("./choices.js").Choices} Choices */
/** @typedef {import("./choices.js").Name} Name */

/**
 * Expected time for a song. `song`: its length in seconds, null for a typical one; `isMeasured`:
 * whether the model has run here.
 * @typedef {{seconds: number, isMeasured: boolean, song: number | null}} Expectation
 */

/**
 * Facts about a model on this device.
 * @typedef {object} Known
 * @property {number} bytes         bytes to download
 * @property {boolean} isOwn        it is the user's own
 * @property {boolean} canFetch     its weights are on the site, too
 * @property {boolean} isKept
 * @property {boolean} isUnderWay   it is being downloaded or started
 * @property {Expectation | null} time
 */

export class Settings {
  #dialog = byId("settings", HTMLDialogElement);
  #choices;
  #onDelete;
  #onCombine;
  #models = make("fieldset", { id: "model-list", className: "models" });
  #download = make("button", { type: "button", id: "settings-download", className: "button" });
  #combine = make("details", { id: "combine" });
  #missing = make("p", { id: "missing-models", className: "quiet" });
  #qualities = make("fieldset", { id: "quality", className: "models" });
  #stems = make("fieldset", { id: "stems-wanted", className: "switches" });
  #computer = make("select", { id: "computer" });
  #computerNote = make("p", { id: "computer-note", className: "quiet" });
  #workers = make("select", { id: "workers" });
  #persistence = make("p", { id: "persistence", className: "quiet" });
  #persist = make("button", { type: "button", id: "persist" });
  /** @type {Map<string, {size: HTMLElement, time: HTMLElement, remove: HTMLElement}>} */
  #cards = new Map();
  /** @type {Map<Quality, HTMLElement>} elements that show the times */
  #times = new Map();

  /**
   * @param {Choices} choices
   * @param {object} actions
   * @param {() => void} actions.onDownload called to download the chosen model before there is a
   *   song
   * @param {(name: string) => void} actions.onDelete called to delete a model from this device
   * @param {(names: string[]) => void} actions.onCombine called with models to be used together
   */
  constructor(choices, { onDownload, onDelete, onCombine }) {
    this.#choices = choices;
    this.#onDelete = onDelete;
    this.#onCombine = onCombine;
    say(this.#download, ({ start }) => start.downloadNow);
    this.#download.hidden = true;
    this.#download.addEventListener("click", () => {
      this.#download.hidden = true;
      onDownload();
    });
    this.#fillQualities();
    this.#fillComputer();
    this.#fillWorkers();
    this.#persist.addEventListener("click", () => void this.#askToPersist());
    const happening = make("button", { type: "button", data: { opens: "happening" } });
    say(happening, ({ page }) => page.happening);
    const general = make(
      "div",
      { className: "settings" },
      this.#line(({ settings }) => settings.computer, this.#computer),
      this.#computerNote,
      this.#line((words) => this.#aboutWorkers(words), this.#workers),
      this.#switch("awake", ({ settings }) => settings.awake),
      this.#switch("notify", ({ settings }) => settings.notify),
      this.#persistence,
      make("p", { className: "buttons" }, this.#persist, happening),
    );
    const next = make("p", { className: "quiet" });
    say(next, ({ settings }) => settings.next);
    const models = [this.#models, this.#combine, this.#download, this.#missing];
    this.#dialog.append(next, ...models, this.#qualities, this.#stems, general);
    choices.addEventListener("change", () => this.#show());
    void this.#showPersistence();
  }

  /** @param {Saying} label @param {HTMLElement} control @returns {HTMLElement} */
  #line(label, control) {
    const text = make("span");
    say(text, label);
    return make("label", {}, text, control);
  }

  /** @param {Name} name @param {Saying} label @returns {HTMLElement} */
  #switch(name, label) {
    const box = make("input", { type: "checkbox", id: name });
    box.checked = this.#choices.get(name) === "yes";
    box.addEventListener("change", () => this.#choices.set(name, box.checked ? "yes" : "no"));
    return this.#line(label, box);
  }

  /** @param {Assets} assets */
  set assets(assets) {
    this.#models.replaceChildren(legend(({ settings }) => settings.model));
    for (const [name, model] of Object.entries(assets.models)) {
      const size = make("span", { className: "model-size number" });
      const time = make("span", { className: "model-time" });
      const remove = this.#deleteButton(name, model);
      this.#cards.set(name, { size, time, remove });
      const card = this.#card("model", name, model.title);
      const use = make("span", { className: "model-use", textContent: model.good_for });
      const licence = make("span", { className: "model-licence quiet", textContent: model.licence });
      card.append(size, use, time, licence);
      this.#models.append(card, remove);
      if (!model.isOwn) continue;
      say(use, (words) => model.sources.map((source) => stemName(words, source)).join(", "));
    }
    const own = make("p", { id: "own-models", className: "quiet" });
    say(own, ({ settings }) => settings.own);
    this.#models.append(own);
    this.#combine.replaceChildren(...this.#combining(assets));
    this.#combine.hidden = this.#combine.childElementCount === 0;
    const titles = Object.values(assets.missing).map(({ title }) => title);
    const more = make("a", { href: "models.txt", target: "_blank", rel: "noopener" });
    const text = make("span");
    say(text, ({ settings }) => settings.missing(titles));
    say(more, ({ settings }) => settings.moreModels);
    this.#missing.replaceChildren(text, " ", more);
    this.#missing.hidden = titles.length === 0;
    this.#show();
  }

  /**
   * @param {Assets} assets
   * @returns {HTMLElement[]} a list of models to be used together; empty if there are no two, or a
   *   combination could not be kept
   */
  #combining({ models }) {
    const able = Object.entries(models).filter(([, model]) => canJoin(model));
    if (able.length < 2 || !("caches" in globalThis)) return [];
    const title = make("summary");
    say(title, ({ settings }) => settings.combine);
    const about = make("p", { className: "quiet" });
    say(about, ({ settings }) => settings.combineAbout);
    const boxes = able.map(([value]) => make("input", { type: "checkbox", name: "member", value }));
    const labels = boxes.map((box, index) => {
      return make("label", {}, box, make("span", { textContent: able[index]?.[1].title ?? "" }));
    });
    const button = make("button", { type: "button", disabled: true });
    say(button, ({ settings }) => settings.combineDo);
    const chosen = () => boxes.filter(({ checked }) => checked).map(({ value }) => value);
    const list = make("fieldset", { className: "switches" }, ...labels);
    list.addEventListener("change", () => {
      button.disabled = chosen().length < 2;
    });
    button.addEventListener("click", () => {
      this.#combine.open = false;
      this.#onCombine(chosen());
    });
    return [title, about, list, make("p", { className: "buttons" }, button)];
  }

  /**
   * @param {string} name @param {import("../../engine/protocol.js").AssetModel} model
   * @returns {HTMLButtonElement} hidden until it is known whether the model can be deleted
   */
  #deleteButton(name, { title }) {
    const button = make("button", { type: "button", className: "model-delete", hidden: true });
    say(button, ({ settings }) => settings.delete);
    sayAs(button, "ariaLabel", ({ settings }) => settings.deleteNamed(title));
    button.addEventListener("click", () => {
      this.#dialog.close(); // what is asked and told stands on the page
      this.#onDelete(name);
    });
    return button;
  }

  /**
   * @param {Name} name of the choice @param {string} value @param {string} [title]
   * @returns {HTMLLabelElement} radio button with its label
   */
  #card(name, value, title = "") {
    const button = make("input", { type: "radio", name, value });
    button.addEventListener("change", () => this.#choices.set(name, value));
    const text = make("span", { className: "model-title", textContent: title });
    return make("label", { className: "model" }, button, text);
  }

  #fillQualities() {
    this.#qualities.append(legend(({ settings }) => settings.quality));
    for (const name of /** @type {Quality[]} */ (Object.keys(QUALITIES))) {
      const card = this.#card("quality", name);
      const [title, use] = [card.lastElementChild, make("span", { className: "model-use" })];
      const time = make("span", { className: "model-time" });
      if (title) say(title, ({ settings }) => settings.qualities[name].title);
      say(use, ({ settings }) => settings.qualities[name].use);
      card.append(use, time);
      this.#times.set(name, time);
      this.#qualities.append(card);
    }
  }

  #fillComputer() {
    for (const value of Object.keys(COMPUTERS)) {
      const option = make("option", { value });
      const name = /** @type {keyof Words["settings"]["computers"]} */ (value);
      say(option, ({ settings }) => settings.computers[name]);
      this.#computer.append(option);
    }
    this.#computer.disabled = this.#choices.asked !== null;
    this.#computer.addEventListener("change", () => {
      this.#choices.set("computer", this.#computer.value);
    });
  }

  #fillWorkers() {
    this.#workers.append(make("option", { value: AUTOMATIC }));
    for (let count = 1; count <= MOST_WORKERS; count++) {
      this.#workers.append(make("option", { value: `${count}`, textContent: `${count}` }));
    }
    this.#workers.addEventListener("change", () => {
      this.#choices.set("workers", this.#workers.value);
    });
  }

  /** @param {Words} words @returns {string} */
  #aboutWorkers({ settings }) {
    return settings.workers(megabytes((this.#choices.model?.memory ?? 0) * 1e6));
  }

  /** Show the current choices. */
  #show() {
    const { model } = this.#choices;
    byId("model-chosen", HTMLSpanElement).textContent = model?.title ?? "";
    for (const button of this.#dialog.querySelectorAll("input")) {
      if (button.type !== "radio") continue;
      button.checked = this.#choices.get(/** @type {Name} */ (button.name)) === button.value;
    }
    this.#qualities.hidden = model === null || model.step === null;
    this.#computer.value = this.#choices.get("computer");
    this.#workers.value = this.#choices.get("workers");
    const automatic = this.#workers.options[0];
    if (automatic && model) {
      const count = this.#choices.automaticWorkers(this.#choices.get("model"));
      say(automatic, ({ settings }) => settings.automatic(count));
    }
    const label = this.#workers.previousElementSibling;
    if (label) say(label, (words) => this.#aboutWorkers(words));
    this.#showStems();
  }

  #showStems() {
    const { model, stems } = this.#choices;
    const note = make("p", { className: "quiet" });
    say(note, ({ settings }) => settings.stemsNote);
    const boxes = (model?.sources ?? []).map((source) => {
      const box = make("input", { type: "checkbox", name: "stem", value: source });
      box.checked = stems.includes(source);
      // At least one stem is wanted.
      box.disabled = box.checked && stems.length === 1;
      box.addEventListener("change", () => this.#chooseStems());
      const name = make("span");
      say(name, (words) => stemName(words, source));
      return make("label", {}, box, name);
    });
    const hadFocus = document.activeElement;
    this.#stems.replaceChildren(legend(({ settings }) => settings.stems), ...boxes, note);
    if (hadFocus instanceof HTMLInputElement && hadFocus.name === "stem") {
      const again = [...this.#stems.querySelectorAll("input")];
      again.find(({ value }) => value === hadFocus.value)?.focus();
    }
  }

  #chooseStems() {
    const boxes = [...this.#stems.querySelectorAll("input")];
    const unwanted = boxes.filter(({ checked }) => !checked).map(({ value }) => value);
    this.#choices.set("unwanted", unwanted.join(","));
  }

  /** @param {string} name of a model @param {Known} known */
  tellModel(name, { bytes, isOwn, canFetch, isKept, isUnderWay, time }) {
    if (name === this.#choices.get("model")) {
      this.#download.hidden = isKept || isUnderWay || !canFetch;
    }
    const card = this.#cards.get(name);
    if (!card) return;
    // The selected one would be downloaded again for the next song.
    const isInUse = isUnderWay || name === this.#choices.get("model");
    card.remove.hidden = !isOwn && (!isKept || isInUse);
    const size = megabytes(bytes);
    say(card.size, ({ settings }) => {
      if (!canFetch) return settings.ownKept(size);
      return isKept ? settings.kept(size) : settings.toFetch(size);
    });
    say(card.time, timeOf(time));
  }

  /** @param {Quality} quality @param {Expectation | null} time with the chosen model */
  tellQuality(quality, time) {
    const place = this.#times.get(quality);
    if (place) say(place, timeOf(time));
  }

  /** @param {Saying} saying what computes */
  tellComputer(saying) {
    say(this.#computerNote, saying);
  }

  async #askToPersist() {
    await navigator.storage.persist();
    await this.#showPersistence();
  }

  async #showPersistence() {
    const canAsk = "persist" in (navigator.storage ?? {});
    const isSafe = canAsk && (await navigator.storage.persisted());
    this.#persist.hidden = !canAsk || isSafe;
    say(this.#persist, ({ settings }) => settings.persist);
    say(this.#persistence, ({ settings }) => (isSafe ? settings.isSafe : settings.isNotSafe));
  }
}

/** @param {Saying} saying @returns {HTMLLegendElement} */
function legend(saying) {
  const element = make("legend");
  say(element, saying);
  return element;
}

/** @param {Expectation | null} time @returns {Saying} */
function timeOf(time) {
  if (time === null) return () => "";
  const { seconds, isMeasured, song } = time;
  return ({ settings }) => settings.takes(span(seconds), song === null, isMeasured);
}

