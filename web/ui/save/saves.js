/**
 * The list of saves with their progress and results. Hidden while it is empty.
 *
 * @module
 */

import { announce, icon, make } from "../elements.js";
import { number, percent } from "../format.js";
import { say, sayAs, sentenceOf, word } from "../words.js";
import { fileLink } from "./places.js";

/** @typedef {import("../../engine/save/saves.js").Save} Save */
/** @typedef {import("../../engine/save/saves.js").Saves} Saves */

export class SaveList {
  #saves;
  #section = make("details", { id: "saves", className: "saves", open: true, hidden: true });
  #summary = make("summary");
  #list = make("ol");
  /** @type {Map<number, Row>} */
  #rows = new Map();

  /** @param {Saves} saves */
  constructor(saves) {
    this.#saves = saves;
    this.#section.append(this.#summary, this.#list);
    document.body.append(this.#section);
    saves.addEventListener("change", (event) => this.#show(saveOf(event)));
    saves.addEventListener("share", (event) => {
      const save = saveOf(event);
      this.#rows.get(save.id)?.showShare(save);
      this.#sum();
    });
    saves.addEventListener("done", (event) => this.#handOver(saveOf(event)));
    addEventListener("language", () => this.#sum());
  }

  /** @param {Save} save */
  #show(save) {
    const isGone = !this.#saves.list.includes(save);
    const row = this.#rows.get(save.id) ?? new Row(save.id, this.#saves);
    if (isGone) {
      row.close();
      this.#rows.delete(save.id);
    } else {
      if (!this.#rows.has(save.id)) this.#list.prepend(row.element);
      this.#rows.set(save.id, row);
      row.show(save);
    }
    this.#section.hidden = this.#rows.size === 0;
    this.#sum();
    if (save.state === "failed") announce(word(sentenceOf(save.error)));
  }

  #sum() {
    const { list } = this.#saves;
    const open = list.filter(({ state }) => state === "waiting" || state === "working");
    const share = open.reduce((sum, save) => sum + save.share, 0) / Math.max(1, open.length);
    this.#summary.textContent = word(({ save }) =>
      open.length > 0
        ? save.atWork({ count: open.length, share: percent(share) })
        : save.allDone({ count: list.length }),
    );
  }

  /** @param {Save} save that has just been finished */
  #handOver(save) {
    this.#rows.get(save.id)?.link?.click();
    announce(word((words) => words.save.ready({ name: save.name })));
  }
}

/** @param {Event} event @returns {Save} */
function saveOf(event) {
  return /** @type {CustomEvent<Save>} */ (event).detail;
}

class Row {
  element = make("li");
  /** Link to a file that is kept. @type {HTMLAnchorElement | null} */
  link = null;
  #name = make("span", { className: "save-name" });
  #note = make("span", { className: "quiet" });
  #bar = make("progress", { max: 1, value: 0 });
  #retry = make("button", { type: "button", hidden: true });
  #away = make("button", { type: "button", className: "icon-button" }, icon("close"));
  #buttons = make("span", { className: "buttons" }, this.#retry, this.#away);

  /** @param {number} id @param {Saves} saves */
  constructor(id, saves) {
    this.#retry.addEventListener("click", () => saves.retry(id));
    this.#away.addEventListener("click", () => void saves.remove(id));
    say(this.#retry, ({ save }) => save.retry);
    this.element.append(this.#name, this.#buttons, this.#note, this.#bar);
  }

  /** @param {Save} save */
  show(save) {
    const { name, state, error, download } = save;
    const isOpen = state === "waiting" || state === "working";
    this.element.dataset.state = state;
    this.#name.textContent = name;
    this.#bar.ariaLabel = name;
    this.#bar.hidden = !isOpen;
    this.#retry.hidden = state !== "failed";
    sayAs(this.#retry, "ariaLabel", (words) => words.save.retryOf({ name }));
    sayAs(this.#away, "ariaLabel", (words) =>
      isOpen ? words.save.cancel({ name }) : words.save.dismiss({ name }),
    );
    this.showShare(save);
    if (state === "waiting") say(this.#note, (words) => words.save.waits);
    if (state === "failed") say(this.#note, sentenceOf(error));
    if (state === "done" && download) this.#showDone(name, download);
  }

  /** @param {Save} save */
  showShare({ state, share }) {
    this.#bar.value = share;
    if (state === "working") say(this.#note, () => percent(share));
  }

  /** @param {string} name @param {import("../../engine/save/maker.js").Download} download */
  #showDone(name, { file, gain }) {
    const decibels = () => number(-20 * Math.log10(gain), 2);
    say(this.#note, ({ save }) =>
      gain < 1 ? save.turnedDown({ decibels: decibels() }) : save.saved,
    );
    if (!file || this.link) return;
    this.link = fileLink(name, file);
    this.link.className = "button";
    say(this.link, ({ save }) => save.again);
    sayAs(this.link, "ariaLabel", ({ save }) => save.againOf({ name }));
    sayAs(this.link, "title", ({ save }) => save.drag);
    this.#buttons.prepend(this.link);
  }

  close() {
    this.element.remove();
    if (this.link) URL.revokeObjectURL(this.link.href);
  }
}
