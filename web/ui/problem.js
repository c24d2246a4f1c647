/**
 * The error message, shown once, until the user closes it or the problem is solved.
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
  /** Errors of songs that have already been shown: the user may have closed them since. */
  #told = new WeakSet();

  constructor() {
    const close = byId("problem-close", HTMLButtonElement);
    close.addEventListener("click", () => this.hide());
  }

  /** @param {unknown} error @param {(() => void) | null} [retry] action of the retry button */
  show(error, retry = null) {
    this.#show(error, sentenceOf(error), retry, null);
  }

  /** @param {Song} song that has changed, and may have failed */
  follow(song) {
    if (song.state !== "failed") {
      if (song === this.#song) this.hide();
    } else if (song.error instanceof Error && !this.#told.has(song.error)) {
      this.#told.add(song.error);
      const sentence = sentenceOf(song.error);
      this.#show(song.error, (words) => words.songs.failed(song.name, sentence(words)), null, song);
    }
  }

  /** @param {Song[]} songs existing songs; hide the problem of any other */
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
