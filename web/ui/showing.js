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
 * Where the user is in a song.
 * @typedef {object} Place
 * @property {number} position  of the playhead, in frames
 * @property {Player["heard"]} heard
 * @property {import("./studio/studio.js").StudioPlace} view
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
  /** @type {{song: Song, place: Place} | null} a song that is not shown while a part is deleted */
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
   * Show the parts of the song's stems that have been finished meanwhile, unless it plays or the
   * user is holding something in the studio.
   */
  renew() {
    return this.#inTurn(async () => {
      const last = this.#current;
      if (!last || last.player.state !== "paused") return;
      const parts = new Set(this.#about.session.allPartsOf(last.song));
      if (parts.size === last.parts.length && last.parts.every((part) => parts.has(part))) return;
      if (this.#about.studio.isHeld) {
        const later = () => setTimeout(() => void this.renew());
        addEventListener("pointerup", later, { once: true });
        return;
      }
      await this.#open(last.song, await this.#takeDown());
    });
  }

  /** Show the song again that was taken down by `release`, whether its part was deleted or not. */
  restore() {
    return this.#inTurn(async () => {
      const again = this.#again;
      this.#again = null;
      if (again && !this.#current) await this.#open(again.song, again.place);
    });
  }

  /** @returns {Promise<Place>} where the user was in the song, which is no longer shown */
  async #takeDown() {
    const { player } = /** @type {Shown} */ (this.#current);
    const { position, heard } = player;
    const place = { position, heard, view: this.#about.studio.place };
    await this.#putAway();
    return place;
  }

  /** @param {Song} song @param {Place | null} [place] where the user was in it */
  async #open(song, place = null) {
    this.#again = null;
    const { session, studio, transport, music } = this.#about;
    const parts = session.allPartsOf(song);
    const stems = await session.openWithParts(song);
    const player = this.#playerOf(song, stems);
    if (place) {
      player.seek(place.position);
      player.heard = place.heard;
    }
    this.#current = { song, parts, stems, player };
    studio.show(this.#current);
    if (place) studio.place = place.view;
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
      this.#again = { song: current.song, place: await this.#takeDown() };
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
