/**
 * The list of saves: how far each is, and what became of it. It is there while there are some.
 *
 * @module
 */

import { announce } from "../elements.js";
import { number, percent } from "../format.js";
import { say, sayAs, sentenceOf, word } from "../words.js";
import { element, iconButton } from "./build.js";
import { fileLink } from "./places.js";

/** @typedef {import("../../engine/save/saves.js").Save} Save */
/** @typedef {import("../../engine/save/saves.js").Saves} Saves */

export class SaveList {
  #saves;
  #section = element("details", { id: "saves", className: "saves", open: true, hidden: true });
  #summary = element("summary");
  #list = element("ol");
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
      if (!this.#rows.has(save.id)) this.#list.append(row.element);
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

  /** @param {Save} save is done just now */
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
  element = element("li");
  /** Of a file that is kept for the browser. @type {HTMLAnchorElement | null} */
  link = null;
  #id;
  #saves;
  #name = element("span", { className: "save-name" });
  #note = element("span", { className: "quiet" });
  #bar = element("progress", { max: 1, value: 0 });
  #buttons = element("span", { className: "buttons" });

  /** @param {number} id @param {Saves} saves */
  constructor(id, saves) {
    this.#id = id;
    this.#saves = saves;
    this.element.append(this.#name, this.#buttons, this.#note, this.#bar);
  }

  /** @param {Save} save */
  show(save) {
    const { name, state, error, download } = save;
    this.element.dataset.state = state;
    this.#name.textContent = name;
    this.#bar.ariaLabel = name;
    this.#bar.hidden = state === "done" || state === "failed";
    this.showShare(save);
    if (state === "waiting") say(this.#note, (words) => words.save.waits);
    if (state === "failed") say(this.#note, sentenceOf(error));
    if (state === "done" && download) this.#showDone(name, download);
    this.#buttons.replaceChildren(...this.#buttonsFor(save));
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
  }

  /** @param {Save} save @returns {HTMLElement[]} */
  #buttonsFor({ name, state }) {
    const away = iconButton("icon-close");
    away.addEventListener("click", () => void this.#saves.remove(this.#id));
    const isOpen = state === "waiting" || state === "working";
    sayAs(away, "ariaLabel", ({ save }) =>
      isOpen ? save.cancel({ name }) : save.dismiss({ name }),
    );
    if (state !== "failed") return this.link ? [this.link, away] : [away];
    const retry = element("button", { type: "button" });
    say(retry, ({ save }) => save.retry);
    sayAs(retry, "ariaLabel", ({ save }) => save.retryOf({ name }));
    retry.addEventListener("click", () => this.#saves.retry(this.#id));
    return [retry, away];
  }

  close() {
    this.element.remove();
    if (this.link) URL.revokeObjectURL(this.link.href);
  }
}
