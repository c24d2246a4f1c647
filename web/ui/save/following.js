/**
 * Saves further songs as the last one was saved, as soon as they are finished.
 *
 * @module
 */

import { byId, within } from "../elements.js";
import { say } from "../words.js";

/** @typedef {import("../../engine/save/maker.js").Request} Request */
/** @typedef {import("../../engine/session.js").Session} Session */
/** @typedef {import("../../engine/song.js").Song} Song */
/** How songs are saved. @typedef {Omit<Request, "stems" | "song" | "of">} Way */

export class Following {
  #element = byId("following", HTMLParagraphElement);
  /** @type {Way | null} */
  #way = null;

  /** @param {Session} session @param {(songs: Song[], way: Way) => void} save */
  constructor(session, save) {
    session.addEventListener("finished", (event) => {
      const { detail: song } = /** @type {CustomEvent<Song>} */ (event);
      if (this.#way) save([song], this.#way);
    });
    within(this.#element, "button", HTMLButtonElement).addEventListener("click", () => this.stop());
  }

  /** @param {Way} way */
  start(way) {
    this.#way = way;
    const folder = way.destination.kind === "folder" ? way.destination.handle.name : null;
    const text = within(this.#element, "span", HTMLSpanElement);
    say(text, ({ save }) => (folder === null ? save.followsInDownloads : save.follows({ folder })));
    this.#element.hidden = false;
  }

  stop() {
    this.#way = null;
    this.#element.hidden = true;
  }
}
