/**
 * Messages to users who are not looking at the page: in the tab's title, as notifications, and to
 * screen readers. Also keeps the screen on.
 *
 * @module
 */

import { announce } from "../elements.js";
import { percent } from "../format.js";
import { word } from "../words.js";

/** @typedef {import("../../engine/save/saves.js").Saves} Saves */
/** @typedef {import("../../engine/session.js").Session} Session */
/** @typedef {import("../../engine/song.js").Song} Song */
/** @typedef {import("../settings/choices.js").Choices} Choices */

/** Progress is announced in this many parts of a song. */
const PARTS = 4;

export class Attention {
  #session;
  #choices;
  #pageTitle = document.title;
  /** @type {{song: Song, state: Song["state"], part: number} | null} the last announcement */
  #announced = null;
  /** Number of songs finished since the queue was last empty. */
  #finished = 0;
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  #isLocking = false;

  /** @param {Session} session @param {Saves} saves @param {Choices} choices */
  constructor(session, saves, choices) {
    this.#session = session;
    this.#choices = choices;
    session.addEventListener("song", (event) => {
      this.#tell(/** @type {CustomEvent<Song>} */ (event).detail);
    });
    session.addEventListener("change", () => this.#showState());
    session.addEventListener("idle", () => this.#tellEnd());
    choices.addEventListener("change", (event) => {
      const { detail: name } = /** @type {CustomEvent<string>} */ (event);
      if (name === "notify") void this.#askToNotify();
      if (name === "awake") void this.#stayAwake();
    });
    // The lock is lost when the page is hidden.
    document.addEventListener("visibilitychange", () => void this.#stayAwake());
    addEventListener("beforeunload", (event) => {
      if (session.wouldLose || saves.areAtWork) event.preventDefault();
    });
  }

  /** @param {Song} song */
  #tell(song) {
    this.#showState();
    const { state, name, share } = song;
    const part = Math.floor(share * PARTS);
    const last = this.#announced?.song === song ? this.#announced : null;
    this.#announced = { song, state, part };
    if (state === "finished" && last && last.state !== "finished") {
      this.#finished++;
      announce(word(({ songs }) => songs.finished(name)));
    } else if (state === "reading" && last?.state !== "reading") {
      announce(word(({ songs }) => songs.reading(name)));
    } else if (state === "working" && last?.state !== "working") {
      announce(word(({ songs }) => songs.working(name)));
    } else if (state === "working" && last && part > last.part) {
      announce(word(({ songs }) => songs.shareDone(name, percent(share))));
    }
  }

  #showState() {
    const song = this.#session.current;
    const isSeparating = song?.state === "working" || song?.state === "paused";
    document.title = isSeparating
      ? word(({ songs }) => songs.titleOf(percent(song.share), song.name))
      : this.#pageTitle;
    void this.#stayAwake();
  }

  #tellEnd() {
    const count = this.#finished;
    this.#finished = 0;
    const isWanted = this.#choices.get("notify") === "yes" && document.hidden;
    const isAllowed = "Notification" in window && Notification.permission === "granted";
    if (count === 0 || !isWanted || !isAllowed) return;
    try {
      new Notification(this.#pageTitle, { body: word(({ songs }) => songs.allDone(count)) });
    } catch (error) {
      // Chrome on Android shows notifications only from the service worker.
      console.warn(error);
    }
  }

  async #askToNotify() {
    const isWanted = this.#choices.get("notify") === "yes";
    if (!isWanted || !("Notification" in window)) return;
    const answer = await Notification.requestPermission();
    if (answer === "denied") announce(word(({ settings }) => settings.notifyDenied));
  }

  async #stayAwake() {
    const { current, isPaused } = this.#session;
    const isWanted = this.#choices.get("awake") === "yes" && current !== null && !isPaused;
    if (!isWanted) {
      const lock = this.#lock;
      this.#lock = null;
      await lock?.release();
      return;
    }
    if (this.#lock || this.#isLocking || document.hidden || !("wakeLock" in navigator)) return;
    this.#isLocking = true;
    try {
      const lock = await navigator.wakeLock.request("screen");
      this.#lock = lock;
      lock.addEventListener("release", () => {
        if (this.#lock === lock) this.#lock = null;
      });
    } catch (error) {
      console.warn(error); // Perhaps the battery is low.
      return;
    } finally {
      this.#isLocking = false;
    }
    await this.#stayAwake(); // It may no longer be wanted.
  }
}
