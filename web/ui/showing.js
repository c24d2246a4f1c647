/**
 * The one song that the page shows: in the studio, in the transport and to the media keys.
 *
 * @module
 */

import { Player } from "../engine/player.js";
import { MediaKeys } from "./transport/media-session.js";

/** @typedef {import("../engine/protocol.js").Stems} Stems */
/** @typedef {import("../engine/song.js").Song} Song */

/** @typedef {{song: Song, stems: Stems, player: Player}} Shown */

/**
 * @typedef {object} Surroundings
 * @property {import("../engine/session.js").Session} session
 * @property {import("../engine/save/saves.js").Saves} saves
 * @property {import("./studio/studio.js").Studio} studio
 * @property {import("./transport/transport.js").Transport} transport
 * @property {(error: unknown) => void} onError
 */

/**
 * Events: "change" when another song is shown, or none; "state" when its player's state has changed.
 */
export class Showing extends EventTarget {
  #about;
  /** @type {Shown | null} */
  #current = null;
  /** @type {Song | null} is shown as soon as there is something to show of it */
  #next = null;
  /** @type {MediaKeys | null} of the player */
  #mediaKeys = null;
  /** @type {Promise<void>} songs are shown and put away one at a time */
  #turn = Promise.resolve();

  /** @param {Surroundings} about */
  constructor(about) {
    super();
    this.#about = about;
  }

  /** @returns {Shown | null} the song on the page, at work or not */
  get current() {
    return this.#current;
  }

  /** @param {Song} song that continues: it is shown when it can be, if nothing else is */
  offer(song) {
    if (!this.#current) this.#next = song;
  }

  /** @param {Song | null} song that the person has added */
  prefer(song) {
    this.#next = song;
    this.showNext();
  }

  /** @param {Song} song that turned out to be another one @param {Song} other */
  replace(song, other) {
    if (this.#next === song) this.#next = other;
    this.showNext();
  }

  /** Show what is wanted if it can be shown by now. */
  showNext() {
    // Whoever listens to a song keeps it; the other one is in the list.
    if (this.#current && this.#current.player.state !== "paused") this.#next = null;
    if (this.#next?.canOpen) void this.show(this.#next);
  }

  /** @param {Song} song */
  show(song) {
    this.#next = null;
    return this.#inTurn(async () => {
      if (this.#current?.song === song || !song.canOpen) return;
      await this.#putAway();
      const stems = await this.#about.session.open(song);
      const player = this.#playerOf(song, stems);
      this.#current = { song, stems, player };
      this.#about.studio.show(this.#current);
      this.#about.transport.show(this.#current);
      const { rate, length } = stems;
      this.#mediaKeys = new MediaKeys(player, { ...titlesOf(song), rate, length });
      this.#changed();
    });
  }

  /** @param {Song} song that is to be stopped or deleted */
  release(song) {
    if (this.#next === song) this.#next = null;
    return this.#inTurn(async () => {
      if (song.opened) await this.#about.saves.giveUp(song.opened);
      if (this.#current?.song === song) await this.#putAway();
    });
  }

  /**
   * @param {() => Promise<void>} step changes what is shown; one that fails holds up no other
   * @returns {Promise<void>}
   */
  #inTurn(step) {
    this.#turn = this.#turn.then(step).catch((error) => this.#about.onError(error));
    return this.#turn;
  }

  /** @param {Song} song @param {Stems} stems @returns {Player} as the person has left it */
  #playerOf(song, stems) {
    const { session, onError } = this.#about;
    const options = /** @type {const} */ ({ latencyHint: "playback", sampleRate: stems.rate });
    const player = new Player(stems, new AudioContext(options));
    if (song.mixer) player.settings = /** @type {any} */ (song.mixer);
    for (const type of ["mix", "loop"]) {
      player.addEventListener(type, () => session.keepMixer(song, { ...player.settings }));
    }
    player.addEventListener("state", () => this.dispatchEvent(new Event("state")));
    player.addEventListener("error", (event) => {
      onError(/** @type {CustomEvent} */ (event).detail);
    });
    return player;
  }

  /** Take the song off the page. */
  async #putAway() {
    const { studio, transport, onError } = this.#about;
    const last = this.#current;
    this.#current = null;
    studio.clear();
    transport.clear();
    this.#mediaKeys?.close();
    this.#mediaKeys = null;
    // Another one can be shown, whatever becomes of this one.
    await last?.player.close().catch(onError);
    await last?.stems.close().catch(onError);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Song} song @returns {{title: string, artist: string, album: string}} for the person */
export function titlesOf({ name, source }) {
  const { title, artist, album } = source ?? {};
  return { title: title ?? name, artist: artist ?? "", album: album ?? "" };
}
