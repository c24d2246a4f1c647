/**
 * The stems of a song: to listen to while it is still at work, and to save when it is finished.
 *
 * @module
 */

import { Downloads } from "../engine/downloads.js";
import { removeAbandoned, TemporaryFiles } from "../engine/temporary.js";
import { announce, byId, within } from "./elements.js";
import { trackName } from "./format.js";
import { PlayerControls } from "./player.js";
import { Saver } from "./save.js";

/** @typedef {import("../engine/protocol.js").Stems} Stems */

/** A song on the page. @typedef {{player: PlayerControls, saver: Saver}} Shown */

export class Result {
  #section = byId("result", HTMLElement);
  #heading = byId("result-name", HTMLHeadingElement);
  #model = byId("result-model", HTMLParagraphElement);
  #note = byId("result-note", HTMLParagraphElement);
  #list = byId("stems", HTMLUListElement);
  #all = byId("all-stems", HTMLDivElement);
  #zip = byId("zip", HTMLDivElement);
  #mixRow = byId("mix-row", HTMLDivElement);
  #mix = byId("mix", HTMLDivElement);
  #transport = byId("transport", HTMLElement);
  #template = byId("stem", HTMLTemplateElement);
  #files = new TemporaryFiles();
  /** @type {Shown | null} */
  #shown = null;
  #onError;

  /** @param {(error: unknown) => void} onError for what fails when the person asks for it */
  constructor(onError) {
    this.#onError = onError;
    removeAbandoned().catch((error) => console.warn(error));
  }

  /**
   * Let go of the last song.
   *
   * @returns {Promise<void>} settled when nothing of its stems is read any more
   */
  async clear() {
    const shown = this.#shown;
    this.#shown = null;
    this.#section.hidden = true;
    this.#transport.hidden = true;
    // With them goes what they know of the song.
    for (const element of [this.#list, this.#zip, this.#mix]) element.replaceChildren();
    await Promise.all([shown?.player.close(), shown?.saver.close()]);
  }

  /**
   * Show a song, at work or finished, in the place of the last one, which was cleared.
   *
   * @param {string} fileName of the song
   * @param {string} model its title
   * @param {Stems} stems not to be closed before `clear` has settled
   */
  show(fileName, model, stems) {
    const rows = new Map(stems.sources.map((source) => [source, this.#row(source)]));
    const player = new PlayerControls(stems, rows, this.#onError);
    const shown = { player, saver: new Saver(this.#onError) };
    this.#shown = shown;
    this.#heading.textContent = trackName(fileName);
    this.#model.textContent = `Stems by ${model}`;
    this.#note.textContent =
      "What is marked on the bar can be played already. The files can be saved at the end.";
    this.#list.replaceChildren(...rows.values());
    this.#all.hidden = this.#mixRow.hidden = true;
    this.#section.hidden = false;
    this.#transport.hidden = false;
    const finish = () => {
      if (shown === this.#shown && !stems.isFinal(0, stems.length)) return;
      stems.removeEventListener("final", finish);
      if (shown === this.#shown) this.#finish(stems, rows, shown);
    };
    stems.addEventListener("final", finish);
    finish();
  }

  /** @param {string} source @returns {HTMLLIElement} */
  #row(source) {
    const card = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const row = within(card, "li", HTMLLIElement);
    row.dataset.stem = source;
    within(row, "h3", HTMLHeadingElement).textContent = source;
    within(row, '[data-mix="muted"]', HTMLButtonElement).ariaLabel = `Mute ${source}`;
    within(row, '[data-mix="solo"]', HTMLButtonElement).ariaLabel = `Solo ${source}`;
    within(row, '[data-mix="volume"]', HTMLInputElement).ariaLabel = `Volume of ${source}`;
    return row;
  }

  /**
   * Offer the files.
   *
   * @param {Stems} stems @param {Map<string, HTMLElement>} rows @param {Shown} shown
   */
  #finish(stems, rows, { player, saver }) {
    const track = this.#heading.textContent;
    const downloads = new Downloads(stems, track, this.#files, (gain) => {
      this.#note.textContent = noteOn(gain);
    });
    for (const [source, row] of rows) {
      const buttons = saver.buttons(source, (...options) => downloads.wav(source, ...options));
      within(row, ".downloads", HTMLDivElement).replaceChildren(...buttons);
    }
    const zip = saver.buttons("all stems in a zip", (...options) => downloads.zip(...options));
    this.#zip.replaceChildren(...zip);
    const mix = saver.buttons("what is heard", (...options) => {
      return downloads.mix(player.volumes(), ...options);
    });
    this.#mix.replaceChildren(...mix);
    this.#all.hidden = this.#mixRow.hidden = false;
    this.#note.textContent = "";
    // Whoever is at the player stays there.
    if (!this.#section.contains(document.activeElement)) {
      this.#heading.focus({ preventScroll: true });
    }
    announce(`${track} is separated into ${stems.sources.join(", ")}.`);
  }
}

/** @param {number} gain of 16-bit files @returns {string} */
function noteOn(gain) {
  if (gain === 1) return "The stems have the level they have in the song.";
  const decibels = (-20 * Math.log10(gain)).toFixed(2);
  return (
    `The loudest stem would clip in 16 bits: the 16-bit files of all stems are turned down ` +
    `by the same ${decibels} dB. The 32-bit float files keep the song's own level.`
  );
}
