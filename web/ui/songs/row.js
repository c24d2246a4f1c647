/**
 * A song in the queue or in the library.
 *
 * @module
 */

import { hasCode } from "../../engine/errors.js";
import { icon, make } from "../elements.js";
import { clock, day, megabytes, percent } from "../format.js";
import { say, sayAs, sentenceOf } from "../words.js";

/** @typedef {import("../../engine/song.js").Song} Song */
/** @typedef {import("../words/en.js").Words} Words */

/** Actions on a song. */
const DEEDS = /** @type {const} */ ({
  up: "up",
  down: "down",
  retry: "retry",
  part: "check",
  goOn: "play",
  cancel: "close",
  save: "save",
  rename: "edit",
  remove: "delete",
});

/** @typedef {keyof typeof DEEDS} Deed */

/** Longest name that the user can enter, in characters: file names have at most 255 bytes. */
const LONGEST_NAME = 120;

/**
 * Context of a row.
 * @typedef {object} Surroundings
 * @property {(model: string) => string} title  title of a model
 * @property {(song: Song) => void} open
 * @property {(deed: Deed, song: Song) => void} act
 * @property {(song: Song, name: string) => void} rename
 */

export class Row {
  #song;
  #about;
  #name = make("button", { type: "button", className: "song-name", data: { do: "open" } });
  #state = make("p", { className: "song-state quiet" });
  #bar = make("progress", { className: "song-share" });
  #error = make("p", { className: "song-error" });
  #buttons = make("p", { className: "song-buttons" });
  /** @type {Map<Deed, HTMLButtonElement>} */
  #deeds = new Map();

  /** @param {Song} song @param {Surroundings} about */
  constructor(song, about) {
    this.#song = song;
    this.#about = about;
    this.element = make("li", { className: "song", data: { song: song.id } });
    this.#name.addEventListener("click", () => about.open(song));
    for (const deed of /** @type {Deed[]} */ (Object.keys(DEEDS))) {
      this.#deeds.set(deed, this.#button(deed));
    }
    this.#buttons.append(...this.#deeds.values());
    this.element.append(this.#name, this.#buttons, this.#state, this.#bar, this.#error);
    sayAs(this.#bar, "ariaLabel", ({ songs }) => songs.shareOf(song.name));
    this.show(false);
  }

  /** @param {Deed} deed @returns {HTMLButtonElement} */
  #button(deed) {
    const button = make("button", { type: "button", data: { do: deed } });
    if (deed === "part") say(button, ({ songs }) => songs.part);
    else {
      button.className = "icon-button";
      button.append(icon(DEEDS[deed]));
    }
    button.addEventListener("click", () => {
      if (deed === "rename") this.#rename();
      else this.#about.act(deed, this.#song);
    });
    return button;
  }

  /** @param {boolean} isShown whether the page shows this song */
  show(isShown) {
    const { state, name, canOpen, share, error } = this.#song;
    const { element } = this;
    element.dataset.state = state;
    element.draggable = state === "waiting";
    if (isShown) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
    this.#name.textContent = name;
    this.#name.disabled = !canOpen;
    for (const [deed, button] of this.#deeds) {
      button.hidden = !this.#can(deed);
      const saying = (/** @type {Words} */ { songs }) => songs.deeds[deed](name);
      sayAs(button, "ariaLabel", saying);
      sayAs(button, "title", saying);
    }
    const hasShare = ["reading", "working", "paused", "kept"].includes(state);
    this.#bar.hidden = !hasShare || hasNotBegun(this.#song);
    if (state === "reading") this.#bar.removeAttribute("value");
    else this.#bar.value = share;
    this.#error.hidden = state !== "failed";
    if (state === "failed") say(this.#error, sentenceOf(error));
    this.tick();
  }

  /** @param {Deed} deed @returns {boolean} */
  #can(deed) {
    const { state, error, isAtWork, hasFile } = this.#song;
    switch (deed) {
      case "up":
      case "down":
        return state === "waiting";
      case "cancel":
        return isAtWork;
      case "save":
      case "rename":
        return state === "finished";
      case "retry":
        return state === "failed" && !hasCode(error, "fileGone");
      case "part":
        return state === "failed" && hasCode(error, "stoppedDecoding") && hasFile;
      case "goOn":
        return state === "kept";
      case "remove":
        return !isAtWork;
    }
  }

  /** @param {Deed} deed whose button to focus */
  focus(deed) {
    this.#deeds.get(deed)?.focus();
  }

  /** Update the time left. */
  tick() {
    say(this.#state, stateOf(this.#song, this.#about.title(this.#song.model)));
  }

  #rename() {
    const song = this.#song;
    const input = make("input", { className: "song-rename", value: song.name });
    input.maxLength = LONGEST_NAME;
    sayAs(input, "ariaLabel", ({ songs }) => songs.deeds.rename(song.name));
    let isOver = false;
    const end = (/** @type {boolean} */ isWanted) => {
      // Removing the input makes it lose the focus, which ends the editing too.
      if (isOver) return;
      isOver = true;
      const hadFocus = document.activeElement === input;
      if (isWanted) this.#about.rename(song, input.value);
      input.replaceWith(this.#name);
      if (hadFocus) this.focus("rename");
    };
    input.addEventListener("keydown", (event) => {
      const { key } = event;
      if (key !== "Enter" && key !== "Escape") return;
      // Otherwise the same key would press the button that gets the focus.
      event.preventDefault();
      end(key === "Enter");
    });
    input.addEventListener("blur", () => end(true));
    this.#name.replaceWith(input);
    input.select();
    input.focus();
  }
}

/** @param {Song} song @returns {boolean} whether its tab was closed before any of it was finished */
function hasNotBegun({ state, share }) {
  return state === "kept" && share === 0;
}

/** @param {Song} song @param {string} title of its model @returns {(words: Words) => string} */
function stateOf(song, title) {
  const { state, share, artist, duration, bytes } = song;
  switch (state) {
    case "finished":
      return ({ songs }) =>
        [
          ...(artist ? [artist] : []),
          title,
          ...(duration === null ? [] : [clock(duration)]),
          megabytes(bytes),
          ...(song.notes.added ? [day(song.date)] : []),
        ].join(songs.between);
    case "working":
      return ({ songs }) => [title, percent(share), left(song, songs)].join(songs.between);
    case "paused":
    case "kept":
      if (hasNotBegun(song)) {
        return ({ songs }) => [title, songs.states.notBegun].join(songs.between);
      }
      return ({ songs }) => [title, percent(share), songs.states[state]].join(songs.between);
    default:
      return ({ songs }) => [title, songs.states[state]].join(songs.between);
  }
}

/** @param {Song} song in progress @param {Words["songs"]} words @returns {string} the time left */
export function left({ secondsLeft, toldAt }, words) {
  const passed = (performance.now() - toldAt) / 1000;
  return secondsLeft === null ? words.leftUnknown : words.left(Math.max(0, secondsLeft - passed));
}
