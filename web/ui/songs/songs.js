/**
 * The queue and the library in the sidebar.
 *
 * @module
 */

import { announce, byId, make } from "../elements.js";
import { gigabytes, megabytes } from "../format.js";
import { say, word } from "../words.js";
import { confirmed } from "./confirm.js";
import { Filter } from "./filter.js";
import { Row } from "./row.js";

/** @typedef {import("../../engine/session.js").Session} Session */
/** @typedef {import("../../engine/song.js").Song} Song */
/** @typedef {import("./row.js").Deed} Deed */

const TICK_MS = 1000;

/**
 * @typedef {object} Surroundings
 * @property {Session} session
 * @property {(model: string) => string} title  title of a model
 * @property {(song: Song) => void} open        shows the song
 * @property {(song: Song) => boolean} isSaving     whether something of the song is being saved
 * @property {(songs: Song[]) => Promise<void>} save    asks how to save finished songs
 * @property {(song: Song) => void} want        shows a resumed song when possible, if no other is
 *   shown
 * @property {(song: Song) => Promise<void>} release    stops showing a song that will be stopped or
 *   deleted
 * @property {() => Promise<void>} restore  shows a song again that `release` took down because of a
 *   part of it
 * @property {() => Promise<number>} modelBytes     room that the models take
 * @property {(error: unknown) => void} onError
 */

export class Songs {
  #session;
  #about;
  #side = byId("songs", HTMLElement);
  #queue = byId("queue", HTMLOListElement);
  #library = byId("library", HTMLElement);
  #room = byId("room", HTMLParagraphElement);
  #pause = make("button", { type: "button", id: "pause-all" });
  #clearQueue = make("button", { type: "button", id: "clear-queue" });
  #filter = new Filter(() => this.#list());
  /** Songs of the library that are listed. @type {Song[]} */
  #listed = [];
  #saveAll = make("button", { type: "button", id: "save-all" });
  #removeAll = make("button", { type: "button", id: "remove-all" });
  /** @type {Map<Song, Row>} */
  #rows = new Map();
  /** @type {Song | null} */
  #shown = null;

  /** @param {Surroundings} about */
  constructor(about) {
    this.#about = about;
    this.#session = about.session;
    this.#pause.addEventListener("click", () => this.#pauseOrGoOn());
    this.#clearQueue.addEventListener("click", () => void this.#askToClearQueue());
    this.#saveAll.addEventListener("click", () => {
      void this.#trying(() => this.#about.save(this.#listed));
    });
    this.#removeAll.addEventListener("click", () => void this.#askToRemoveAll());
    this.#queue.before(this.#pause);
    this.#queue.after(this.#clearQueue);
    this.#library.before(this.#filter.element);
    this.#library.after(this.#saveAll, this.#removeAll);
    say(this.#saveAll, ({ songs }) => songs.saveAll);
    say(this.#clearQueue, ({ songs }) => songs.clearQueue);
    say(this.#removeAll, ({ songs }) => songs.removeAll);
    this.#letDrag();
    this.#session.addEventListener("change", () => {
      this.#list();
      void this.showRoom();
    });
    this.#session.addEventListener("song", (event) => {
      const { detail: song } = /** @type {CustomEvent<Song>} */ (event);
      this.#rows.get(song)?.show(song === this.#shown);
      this.#showButtons();
    });
    setInterval(() => this.#tick(), TICK_MS);
    this.#list();
    void this.showRoom();
  }

  /** @param {Song | null} song that the page shows */
  set shown(song) {
    this.#shown = song;
    for (const [other, row] of this.#rows) row.show(other === song);
  }

  #tick() {
    const song = this.#session.current;
    if (song) this.#rows.get(song)?.tick();
  }

  #list() {
    const { songs, library } = this.#session;
    const all = new Set([...songs, ...library]);
    for (const song of this.#rows.keys()) if (!all.has(song)) this.#rows.delete(song);
    const focused = document.activeElement;
    place(this.#queue, songs.map((song) => this.#row(song)));
    this.#listed = this.#filter.applied(library);
    place(this.#library, this.#listed.map((song) => this.#row(song)));
    // A moved element has lost the focus.
    if (focused instanceof HTMLElement && focused.isConnected) focused.focus();
    this.#side.hidden = all.size === 0;
    this.#saveAll.hidden = this.#removeAll.hidden = this.#listed.length < 2;
    this.#showButtons();
  }

  /** @param {Song} song @returns {HTMLElement} */
  #row(song) {
    let row = this.#rows.get(song);
    if (!row) {
      row = new Row(song, {
        title: this.#about.title,
        open: (one) => {
          // On a phone the list is a drawer.
          if (this.#side.matches(":popover-open")) this.#side.hidePopover();
          this.#about.open(one);
        },
        act: (deed, one) => void this.#trying(() => this.#do(deed, one)),
        rename: (one, name) => {
          this.#session.rename(one, name);
          this.#list(); // It may be found, or placed, by its name.
        },
      });
      this.#rows.set(song, row);
    }
    row.show(song === this.#shown);
    return row.element;
  }

  /** @param {() => Promise<void>} act that the user has asked for */
  async #trying(act) {
    try {
      await act();
    } catch (error) {
      this.#about.onError(error);
    }
  }

  /** @param {Deed} deed @param {Song} song */
  async #do(deed, song) {
    switch (deed) {
      case "up":
        return this.#move(song, -1);
      case "down":
        return this.#move(song, 1);
      case "retry":
      case "goOn":
        this.#about.want(song);
        return this.#session.retry(song);
      case "part":
        this.#about.want(song);
        return this.#session.retryWithPart(song);
      case "cancel":
        return this.cancel(song);
      case "save":
        return this.#about.save([song]);
      case "remove":
        return this.#remove(song);
    }
  }

  /** @param {Song} song @param {number} by */
  #move(song, by) {
    const { songs } = this.#session;
    const index = songs.indexOf(song) + by;
    if (index < 0 || index >= songs.length) return;
    this.#session.move(song, index);
    announce(word(({ songs: words }) => words.placeOf(song.name, index + 1, songs.length)));
  }

  /** Let waiting songs be dragged to another place; the buttons do the same. */
  #letDrag() {
    /** @type {Song | null} */
    let drawn = null;
    const songAt = (/** @type {EventTarget | null} */ target) => {
      const item = target instanceof Element ? target.closest("[data-song]") : null;
      return this.#session.songs.find((song) => this.#rows.get(song)?.element === item) ?? null;
    };
    this.#queue.addEventListener("dragstart", ({ target, dataTransfer }) => {
      drawn = songAt(target);
      if (dataTransfer) dataTransfer.effectAllowed = "move";
    });
    this.#queue.addEventListener("dragend", () => (drawn = null));
    this.#queue.addEventListener("dragover", (event) => {
      const other = songAt(event.target);
      if (!drawn || !other) return;
      event.preventDefault();
      if (other !== drawn) this.#session.move(drawn, this.#session.songs.indexOf(other));
    });
    this.#queue.addEventListener("drop", (event) => {
      if (drawn) event.preventDefault();
    });
  }

  /** @param {Song} song in progress */
  async cancel(song) {
    await this.#about.release(song);
    await this.#session.cancel(song);
    announce(word(({ songs }) => songs.cancelled(song.name)));
  }

  /** @param {Song} song */
  async #remove(song) {
    await this.#session.check(song);
    const question = this.#questionOf(song);
    const isSure =
      question === null ||
      (await confirmed(
        ({ songs }) => songs[question](song.name),
        ({ songs }) => songs.yes,
      ));
    if (!isSure) return;
    const { songs } = this.#session;
    const list = songs.includes(song) ? songs : this.#listed;
    const next = list[list.indexOf(song) + 1] ?? list[list.indexOf(song) - 1];
    await this.#removeReleased(song);
    // The focused element is gone.
    const row = next && this.#rows.get(next);
    if (row) row.focus("remove");
    else byId("add", HTMLElement).focus();
    announce(word((words) => words.songs.removed(song.name)));
  }

  /**
   * @param {Song} song to delete
   * @returns {"askSaving" | "askFinished" | "askBegun" | null}
   */
  #questionOf(song) {
    if (this.#about.isSaving(song)) return "askSaving";
    if (song.state === "finished") return "askFinished";
    return song.about ? "askBegun" : null;
  }

  async #askToRemoveAll() {
    const songs = this.#listed;
    const isSure = await confirmed(
      (words) => words.songs.askAll(songs.length, songs.some((song) => this.#about.isSaving(song))),
      (words) => words.songs.yesAll,
    );
    if (isSure) await this.#removeThese(songs);
  }

  async #askToClearQueue() {
    const songs = this.#idle();
    const isSure = await confirmed(
      (words) => words.songs.askQueue(songs.length, songs.some(({ share }) => share > 0)),
      (words) => words.songs.clearQueue,
    );
    // Delete the last song first; otherwise the next one in the queue would start.
    if (isSure) await this.#removeThese(songs.reverse());
  }

  /** @returns {Song[]} queued songs that are not in progress */
  #idle() {
    return this.#session.songs.filter(({ isAtWork }) => !isAtWork);
  }

  /** @param {Song[]} songs to delete, except those open in other tabs */
  async #removeThese(songs) {
    /** @type {unknown[]} */
    const errors = [];
    for (const song of songs) {
      try {
        await this.#removeReleased(song);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) this.#about.onError(errors[0]);
  }

  /** @param {Song} song */
  async #removeReleased(song) {
    await this.#about.release(song);
    try {
      await this.#session.remove(song);
    } finally {
      await this.#about.restore();
    }
  }

  #pauseOrGoOn() {
    if (this.#session.isPaused) this.#session.goOn();
    else if (this.#session.isBusy) this.#session.pauseAll();
    else this.#goOnWithKept();
  }

  #goOnWithKept() {
    const [first, ...others] = this.#kept();
    if (!first) return;
    this.#about.want(first);
    for (const song of [first, ...others]) this.#session.retry(song);
  }

  /** @returns {Song[]} songs that wait for the user to resume them */
  #kept() {
    return this.#session.songs.filter(({ state }) => state === "kept");
  }

  #showButtons() {
    const { isPaused, isBusy } = this.#session;
    this.#clearQueue.hidden = this.#idle().length < 2;
    this.#pause.hidden = !isBusy && this.#kept().length < 2;
    const goesOn = isPaused || !isBusy;
    say(this.#pause, (words) => (goesOn ? words.songs.goOnAll : words.songs.pauseAll));
  }

  /** Show how much room songs and models take, and how much there is. */
  async showRoom() {
    if (!this.#session.keeps) {
      say(this.#room, ({ songs }) => songs.notKept);
      return;
    }
    const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
    const isKnown = usage !== undefined && quota !== undefined;
    this.#room.hidden = !isKnown;
    if (!isKnown) return;
    const { songs, library } = this.#session;
    const taken = [...songs, ...library].reduce((sum, { bytes }) => sum + bytes, 0);
    const models = await this.#about.modelBytes();
    say(this.#room, (words) => {
      return words.songs.room(size(taken), size(models), gigabytes(quota - usage));
    });
  }
}

/** @param {number} bytes @returns {string} */
function size(bytes) {
  return bytes >= 1e9 ? gigabytes(bytes) : megabytes(bytes);
}

/**
 * @param {HTMLElement} list @param {HTMLElement[]} items in order; items already in place are not
 *   moved
 */
function place(list, items) {
  const wanted = new Set(items);
  for (const item of [...list.children]) {
    if (!wanted.has(/** @type {HTMLElement} */ (item))) item.remove();
  }
  for (const [index, item] of items.entries()) {
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  }
}
