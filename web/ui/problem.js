/**
 * What went wrong, said once, until the person closes it or it is over.
 *
 * @module
 */

import { UserError } from "../engine/errors.js";
import { byId } from "./elements.js";
import { say, sentenceOf } from "./words.js";

/** @typedef {import("../engine/song.js").Song} Song */
/** @typedef {import("./words.js").Saying} Saying */

export class Problem {
  #box = byId("problem", HTMLElement);
  #text = byId("problem-text", HTMLParagraphElement);
  #retry = byId("retry", HTMLButtonElement);
  /** @type {Song | null} whose problem is shown */
  #song = null;
  /** What songs have failed with, once it was shown: the person may have closed it since. */
  #told = new WeakSet();

  constructor() {
    const close = byId("problem-close", HTMLButtonElement);
    close.addEventListener("click", () => this.hide());
  }

  /** @param {unknown} error @param {(() => void) | null} [retry] what the person can do about it */
  show(error, retry = null) {
    this.#show(error, sentenceOf(error), retry, null);
  }

  /** @param {Song} song something has changed of it, perhaps to the worse */
  follow(song) {
    if (song.state !== "failed") {
      if (song === this.#song) this.hide();
    } else if (song.error instanceof Error && !this.#told.has(song.error)) {
      this.#told.add(song.error);
      const sentence = sentenceOf(song.error);
      this.#show(song.error, (words) => words.songs.failed(song.name, sentence(words)), null, song);
    }
  }

  /** @param {Song[]} songs that there are: the problem of another one is none any more */
  forgetAllBut(songs) {
    if (this.#song && !songs.includes(this.#song)) this.hide();
  }

  hide() {
    this.#song = null;
    this.#box.hidden = true;
  }

  /**
   * @param {unknown} error @param {Saying} saying @param {(() => void) | null} retry
   * @param {Song | null} song
   */
  #show(error, saying, retry, song) {
    if (!(error instanceof UserError)) console.error(error);
    else if (error.cause !== undefined) console.warn(error.cause);
    this.#song = song;
    say(this.#text, saying);
    this.#box.hidden = false;
    this.#retry.hidden = retry === null;
    this.#retry.onclick = retry;
  }
}
