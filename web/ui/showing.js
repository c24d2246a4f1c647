/**
 * The song that the page shows: in the studio, in the transport bar and to the media keys.
 *
 * @module
 */

import { Player } from "../engine/player.js";
import { MediaKeys } from "./transport/media-session.js";

/** @typedef {import("../engine/protocol.js").Stems} Stems */
/** @typedef {import("../engine/song.js").Song} Song */

/**
 * @typedef {object} Shown
 * @property {Song} song
 * @property {Song[]} parts     those that its stems were divided into
 * @property {import("../engine/divided.js").HoldableStems} stems   of all of them
 * @property {Player} player
 */

/**
 * @typedef {object} Surroundings
 * @property {import("../engine/session.js").Session} session
 * @property {import("../engine/save/saves.js").Saves} saves
 * @property {import("./studio/studio.js").Studio} studio
 * @property {import("./transport/transport.js").Transport} transport
 * @property {import("./transport/music.js").Music} music
 * @property {(error: unknown) => void} onError
 */

/**
 * Events: "change" when another song or none is shown; "state" when its player's state changes.
 */
export class Showing extends EventTarget {
  #about;
  /** @type {Shown | null} */
  #current = null;
  /** @type {Song | null} the song to show as soon as it can be opened */
  #next = null;
  /** @type {Song | null} the song that was shown, once a part of it is deleted */
  #again = null;
  /** @type {MediaKeys | null} keys for the player */
  #mediaKeys = null;
  /** @type {Promise<void>} the last step; songs are shown and closed one at a time */
  #turn = Promise.resolve();

  /** @param {Surroundings} about */
  constructor(about) {
    super();
    this.#about = about;
  }

  /** @returns {Shown | null} the shown song, in progress or not */
  get current() {
    return this.#current;
  }

  /** @param {Song} song that is resumed; shown when possible if nothing else is */
  offer(song) {
    if (!this.#current) this.#next = song;
  }

  /** @param {Song | null} song that the user has added */
  prefer(song) {
    this.#next = song;
    this.showNext();
  }

  /** @param {Song} song that is the same as another one @param {Song} other */
  replace(song, other) {
    if (this.#next === song) this.#next = other;
    this.showNext();
  }

  /** Show the next song if it can be opened by now. */
  showNext() {
    // Do not replace a song while it plays; the other one is in the list.
    if (this.#current && this.#current.player.state !== "paused") this.#next = null;
    if (this.#next?.canOpen) void this.show(this.#next);
  }

  /** @param {Song} song */
  show(song) {
    this.#next = null;
    return this.#inTurn(async () => {
      if (this.#current?.song === song || !song.canOpen) return;
      await this.#putAway();
      await this.#open(song);
    });
  }

  /**
   * Show the stems of the song that were divided meanwhile, or no longer those whose parts were
   * deleted, unless it plays.
   */
  renew() {
    return this.#inTurn(async () => {
      const last = this.#current;
      if (!last && this.#again) return this.#open(this.#again);
      if (!last || last.player.state !== "paused") return;
      const parts = new Set(this.#about.session.allPartsOf(last.song));
      if (parts.size === last.parts.length && last.parts.every((part) => parts.has(part))) return;
      const { position } = last.player;
      await this.#putAway();
      await this.#open(last.song, position);
    });
  }

  /** @param {Song} song @param {number} [position] of the playhead, in frames */
  async #open(song, position = 0) {
    this.#again = null;
    const { session, studio, transport, music } = this.#about;
    const parts = session.allPartsOf(song);
    const stems = await session.openWithParts(song);
    const player = this.#playerOf(song, stems);
    if (position > 0) player.seek(position);
    this.#current = { song, parts, stems, player };
    studio.show(this.#current);
    transport.show(this.#current);
    music.show(this.#current);
    const { rate, length } = stems;
    this.#mediaKeys = new MediaKeys(player, { ...titlesOf(song), rate, length });
    this.#changed();
  }

  /** @param {Song} song that will be stopped or deleted */
  release(song) {
    if (this.#next === song) this.#next = null;
    return this.#inTurn(async () => {
      await this.#about.saves.giveUp(song);
      const { current } = this;
      if (current?.song === song) return this.#putAway();
      if (!current?.parts.includes(song)) return;
      await this.#about.saves.giveUp(current.song);
      await this.#putAway();
      this.#again = current.song;
    });
  }

  /**
   * @param {() => Promise<void>} step changes what is shown; a failure does not block later steps
   * @returns {Promise<void>}
   */
  #inTurn(step) {
    this.#turn = this.#turn.then(step).catch((error) => this.#about.onError(error));
    return this.#turn;
  }

  /** @param {Song} song @param {Stems} stems @returns {Player} with the user's settings */
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

  /** Remove the song from the page. */
  async #putAway() {
    const { studio, transport, music, onError } = this.#about;
    const last = this.#current;
    this.#current = null;
    studio.clear();
    transport.clear();
    music.clear();
    this.#mediaKeys?.close();
    this.#mediaKeys = null;
    // Another song can be shown even if closing this one fails.
    await last?.player.close().catch(onError);
    await last?.stems.close().catch(onError);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {Song} song @returns {{title: string, artist: string, album: string}} titles for display
 */
export function titlesOf({ name, source }) {
  const { title, artist, album } = source ?? {};
  return { title: title ?? name, artist: artist ?? "", album: album ?? "" };
}
