/**
 * The songs that are kept: to go on with, to open again, to discard.
 *
 * @module
 */

import { byId, within } from "./elements.js";
import { percent, trackName } from "./format.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
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
   * @param {Assets} assets which models there are
   * @param {boolean} outlive whether songs outlive the page
   */
  show(songs, shown, assets, outlive) {
    const free = songs.filter(({ busy }) => !busy);
    const items = free.map((song) => this.#item(song, song.id === shown, assets, outlive));
    this.#list.replaceChildren(...items);
    this.#list.hidden = free.length === 0;
  }

  hide() {
    this.#list.hidden = true;
  }

  /**
   * @param {KeptSong} song @param {boolean} isShown @param {Assets} assets @param {boolean} outlive
   * @returns {DocumentFragment}
   */
  #item(song, isShown, assets, outlive) {
    const { about, done } = song;
    const item = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const isFinished = done === about.cost;
    within(item, "span", HTMLSpanElement).textContent = sentence(song, isFinished, assets, outlive);
    const open = within(item, '[data-do="open"]', HTMLButtonElement);
    open.textContent = isFinished ? "Open" : "Continue";
    open.hidden = (isFinished && isShown) || !(about.model in assets.models);
    open.addEventListener("click", () => this.#open(song));
    const discard = within(item, '[data-do="discard"]', HTMLButtonElement);
    discard.addEventListener("click", () => this.#discard(song));
    return item;
  }
}

/**
 * @param {KeptSong} song
 * @param {boolean} isFinished
 * @param {Assets} assets
 * @param {boolean} outlive
 * @returns {string}
 */
function sentence({ about, done }, isFinished, { models, missing }, outlive) {
  const name = trackName(about.name);
  const model = (models[about.model] ?? missing[about.model])?.title ?? about.model;
  const place = outlive ? "in this browser" : "in this page, while it is open,";
  const state = isFinished
    ? `${name} is separated by ${model}, and kept ${place} until the next song.`
    : `${name} is ${percent(done / about.cost)} done by ${model}.`;
  if (about.model in models) return state;
  return `${state} That model is not on this site any more: drop the song again to use another.`;
}
