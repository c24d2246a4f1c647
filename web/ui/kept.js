/**
 * The songs that the browser keeps: to go on with, to open again, to discard.
 *
 * @module
 */

import { byId, within } from "./elements.js";
import { percent, trackName } from "./format.js";

/** @typedef {import("../engine/protocol.js").KeptSong} KeptSong */

export class KeptSongs {
  #list = byId("kept", HTMLUListElement);
  #template = byId("kept-song", HTMLTemplateElement);
  #open;
  #discard;

  /**
   * @param {(song: KeptSong) => void} open to go on or to look at
   * @param {(song: KeptSong) => void} discard
   */
  constructor(open, discard) {
    this.#open = open;
    this.#discard = discard;
  }

  /**
   * @param {KeptSong[]} songs
   * @param {string | null} shown id of the one that is on the page already
   */
  show(songs, shown) {
    const free = songs.filter(({ busy }) => !busy);
    this.#list.replaceChildren(...free.map((song) => this.#item(song, song.id === shown)));
    this.#list.hidden = free.length === 0;
  }

  hide() {
    this.#list.hidden = true;
  }

  /** @param {KeptSong} song @param {boolean} isShown @returns {DocumentFragment} */
  #item(song, isShown) {
    const { about, done } = song;
    const item = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const isFinished = done === about.cost;
    const name = trackName(about.name);
    within(item, "span", HTMLSpanElement).textContent = isFinished
      ? `${name} is separated, and kept in this browser until the next song.`
      : `${name} is ${percent(done / about.cost)} done.`;
    const open = within(item, '[data-do="open"]', HTMLButtonElement);
    open.textContent = isFinished ? "Open" : "Continue";
    open.hidden = isFinished && isShown;
    open.addEventListener("click", () => this.#open(song));
    const discard = within(item, '[data-do="discard"]', HTMLButtonElement);
    discard.addEventListener("click", () => this.#discard(song));
    return item;
  }
}
