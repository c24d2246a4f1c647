/**
 * The studio: a song's lanes, with ruler, overview, playhead and loop.
 *
 * @module
 */

import { namesIn, partsOf, wholeOf } from "../../engine/divided.js";
import { announce, byId, within } from "../elements.js";
import { clock, percent } from "../format.js";
import { left } from "../songs/row.js";
import { say, word } from "../words.js";
import { stemName } from "../words/stems.js";
import { Arrangement } from "./arrangement.js";
import { Gestures } from "./gestures.js";
import { Lane } from "./lane.js";
import { meterShare } from "./meter.js";
import { Moving } from "./moving.js";
import { Overview } from "./overview.js";
import { Ruler } from "./ruler.js";
import { View } from "./view.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/protocol.js").Stems} Stems */
/** @typedef {import("../../engine/song.js").Song} Song */

/**
 * @typedef {object} Actions
 * @property {(song: Song) => void} pause    pauses or resumes
 * @property {(song: Song) => void} cancel
 * @property {(song: Song, source: string | null) => void} save   null: the user chooses what
 * @property {(song: Song, source: string) => void} further    separates a stem further
 * @property {(song: Song, source: string, button: HTMLElement) => void} offerToDrag   lets the user
 *   drag the stem's file out of the button
 * @property {(song: Song) => string} describe     its model, unless that is the selected one
 */

/** @typedef {{song: Song, stems: Stems, player: Player}} Shown */

/**
 * What the user looks at.
 * @typedef {object} StudioPlace
 * @property {number} start     first visible frame
 * @property {number} span      visible frames
 * @property {string[]} spectrograms    lanes that show one
 * @property {{source: string, control: string} | null} focus   lane, and selector in it
 */

/** Zoom factor of a key or button. */
const ZOOM_STEP = 1.6;
/** Scroll distance of a key, as a share of the view. */
const SCROLL_STEP = 0.25;
/** Height of the loudest waveform, and upper limit of the gain for it. */
const FULL_HEIGHT = 0.95;
const MOST_GAIN = 20;
/** Number of colours that stems take in turn. */
const COLOURS = 6;

export class Studio {
  #section = byId("studio", HTMLElement);
  #board = within(this.#section, ".board", HTMLDivElement);
  #list = byId("lanes", HTMLOListElement);
  #template = byId("lane", HTMLTemplateElement);
  #region = within(this.#section, ".region", HTMLDivElement);
  #playhead = within(this.#section, ".timeline .playhead", HTMLDivElement);
  #actions;
  #view = new View();
  #arrangement = new Arrangement();
  /** @type {Shown | null} */
  #shown = null;
  /** @type {Lane[]} */
  #lanes = [];
  /** @type {{close: () => void}[]} */
  #parts = [];
  /** @type {Overview | null} */
  #overview = null;
  #closed = new AbortController();
  #frameRequest = 0;
  #clock = 0;
  /** Whether the view follows the playhead; false once the user has looked elsewhere. */
  #isFollowing = true;
  /** @type {number | null} where the user is about to seek */
  #preview = null;
  /** @type {[number, number] | null} the range that the user is selecting */
  #selecting = null;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    const press = (/** @type {string} */ id, /** @type {(shown: Shown) => void} */ act) => {
      byId(id, HTMLButtonElement).addEventListener("click", () => {
        if (this.#shown) act(this.#shown);
      });
    };
    press("pause", ({ song }) => actions.pause(song));
    press("cancel", ({ song }) => actions.cancel(song));
    press("save", ({ song }) => actions.save(song, null));
    press("zoom-in", () => this.zoom(1));
    press("zoom-out", () => this.zoom(-1));
    press("zoom-fit", () => this.fit());
    this.#view.addEventListener("change", () => this.#onView());
  }

  /** Show a song, in progress or finished, instead of the last one. @param {Shown} shown */
  show(shown) {
    this.clear();
    this.#shown = shown;
    const { stems, player } = shown;
    this.#closed = new AbortController();
    const { signal } = this.#closed;
    this.#section.hidden = false;
    this.#view.reset(stems.length, stems.rate);
    const seek = (/** @type {number} */ frame) => player.seek(frame);
    this.#overview = new Overview(byId("overview", HTMLElement), stems, this.#view, seek);
    this.#lanes = this.#arranged(stems.sources).map((source) => this.#lane(source, shown));
    this.#parts = [
      new Moving(this.#list, {
        lanes: () => this.#lanes,
        movable: () => this.#movable,
        move: (lane, index) => this.#move(lane, index),
        toggle: (lane) => this.#toggleCollapsed(lane),
      }),
      this.#overview,
      new Ruler(byId("ruler", HTMLElement), this.#view, player),
      new Gestures(this.#board, this.#view, {
        preview: (frame) => this.#showPreview(frame),
        seek,
        select: (...stretch) => this.#select(...stretch),
        giveUp: () => {
          this.#selecting = null;
          this.#showRegion();
        },
        selected: () => player.loop,
        snapped: (frame) => player.beats?.nearest(frame) ?? frame,
      }),
    ];
    player.addEventListener("state", () => this.#follow(), { signal });
    player.addEventListener("seek", () => this.#follow(true), { signal });
    player.addEventListener("loop", () => this.#showRegion(), { signal });
    this.update();
    this.#onView();
    this.#follow();
    // The focused element may have disappeared with the start.
    const { activeElement, body } = document;
    const start = byId("start", HTMLElement);
    if (!activeElement || activeElement === body || start.contains(activeElement)) {
      byId("song-name", HTMLElement).focus({ preventScroll: true });
    }
  }

  /** Whether the user is holding a fader, a lane or the like. */
  get isHeld() {
    return this.#section.querySelector(":active") !== null;
  }

  /** @returns {StudioPlace} what the user looks at */
  get place() {
    const { start, span } = this.#view;
    const { activeElement } = document;
    const lane = this.#lanes.find(({ element }) => element.contains(activeElement));
    const { mix, do: deed } = /** @type {HTMLElement} */ (activeElement ?? document.body).dataset;
    const control = mix ? `[data-mix="${mix}"]` : deed ? `[data-do="${deed}"]` : ".lane-name";
    return {
      start,
      span,
      spectrograms: this.#lanes.filter((one) => one.hasSpectrogram).map(({ source }) => source),
      focus: lane ? { source: lane.source, control } : null,
    };
  }

  /** As far as the lanes are there. */
  set place({ start, span, spectrograms, focus }) {
    this.#view.show(start, start + span);
    for (const lane of this.#lanes) {
      if (spectrograms.includes(lane.source)) lane.toggleSpectrogram();
      if (lane.source !== focus?.source) continue;
      const control = lane.element.querySelector(focus.control);
      if (control instanceof HTMLElement) control.focus({ preventScroll: true });
    }
  }

  /** Show changes to the song: its name, state or progress. */
  update() {
    if (!this.#shown) return;
    const { song, stems } = this.#shown;
    byId("song-name", HTMLElement).textContent = song.name;
    const { isAtWork } = song;
    say(byId("song-facts", HTMLElement), (w) => {
      const facts = [song.artist, clock(stems.length / stems.rate), this.#actions.describe(song)];
      const note = isAtWork ? w.studio.playable : "";
      return [...facts, note].filter((fact) => fact).join(" · ");
    });
    const isDone = song.state === "finished";
    for (const lane of this.#lanes) lane.isFinished = isDone;
    byId("song-progress", HTMLElement).hidden = isDone;
    byId("song-bar", HTMLProgressElement).value = song.share;
    this.#tick();
    clearInterval(this.#clock);
    if (!isDone) this.#clock = window.setInterval(() => this.#tick(), 1000);
    byId("cancel", HTMLElement).hidden = !isAtWork;
    const pause = byId("pause", HTMLElement);
    pause.hidden = !["working", "paused"].includes(song.state);
    say(pause, ({ studio }) => (song.state === "paused" ? studio.goOn : studio.pause));
  }

  /** Update the time left. */
  #tick() {
    const song = this.#shown?.song;
    if (song) say(byId("song-state", HTMLElement), (words) => stateOf(words, song));
  }

  /** Remove the song. */
  clear() {
    this.#closed.abort();
    cancelAnimationFrame(this.#frameRequest);
    clearInterval(this.#clock);
    for (const part of [...this.#parts, ...this.#lanes]) part.close();
    this.#parts = [];
    this.#lanes = [];
    this.#overview = null;
    this.#preview = this.#selecting = null;
    this.#shown = null;
    this.#section.hidden = true;
  }

  /** @param {number} steps inward; negative: outward */
  zoom(steps) {
    // Keep the playhead in place if it is visible.
    const frame = this.#shown?.player.position ?? 0;
    const share = this.#view.shareOf(frame);
    this.#view.zoom(ZOOM_STEP ** steps, share >= 0 && share <= 1 ? frame : undefined);
  }

  fit() {
    this.#view.fit();
  }

  /** @param {number} steps onward; negative: back */
  scroll(steps) {
    this.#view.moveTo(this.#view.start + steps * SCROLL_STEP * this.#view.span);
  }

  /** @param {number} index @returns {Lane | null} */
  lane(index) {
    return this.#lanes[index] ?? null;
  }

  /** @returns {Lane | null} the focused lane, otherwise the hovered one */
  get currentLane() {
    const focused = this.#lanes.find(({ element }) => element.contains(document.activeElement));
    return focused ?? this.#lanes.find(({ element }) => element.matches(":hover")) ?? null;
  }

  /** @param {string} source @param {Shown} shown @returns {Lane} */
  #lane(source, { song, stems, player }) {
    const content = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const element = within(content, "li", HTMLLIElement);
    element.classList.toggle("part", wholeOf(source) !== null);
    element.style.setProperty("--depth", String(namesIn(source).length - 1));
    element.dataset.turn = String(stems.sources.indexOf(source) % COLOURS);
    const lane = new Lane({
      element,
      source,
      isCollapsed: this.#arrangement.isCollapsed(source),
      stems,
      player,
      view: this.#view,
      gain: () => this.#gain,
      save: () => this.#actions.save(song, source),
      further: () => this.#actions.further(song, source),
    });
    this.#actions.offerToDrag(song, source, lane.saveButton);
    this.#list.append(lane.element);
    let greatest = 0;
    const { signal } = this.#closed;
    const onPeaks = () => {
      // All waveforms have the same scale, so that they can be compared.
      if (lane.peaks.greatest <= greatest) return;
      greatest = lane.peaks.greatest;
      for (const one of this.#lanes) one.redraw();
    };
    lane.peaks.addEventListener("change", onPeaks, { signal });
    return lane;
  }

  /** The lanes of whole stems; those of their parts follow them. */
  get #movable() {
    return this.#lanes.filter(({ source }) => wholeOf(source) === null);
  }

  /** @param {readonly string[]} sources @returns {string[]} in the user's order, parts below their stem */
  #arranged(sources) {
    const below = (/** @type {string} */ source) => [source, ...partsOf(source, sources)];
    const own = sources.filter((source) => wholeOf(source) === null);
    return this.#arrangement.arranged(own).flatMap(below);
  }

  /** @param {Lane} lane of a whole stem @param {number} index its new place among those */
  #move(lane, index) {
    const others = this.#movable.filter((other) => other !== lane);
    const moved = [...others.slice(0, index), lane, ...others.slice(index)];
    this.#arrangement.arrange(moved.map(({ source }) => source));
    const places = this.#arranged(this.#lanes.map(({ source }) => source));
    this.#lanes.sort((a, b) => places.indexOf(a.source) - places.indexOf(b.source));
    const { activeElement } = document;
    this.#list.append(...this.#lanes.map(({ element }) => element));
    if (activeElement instanceof HTMLElement) activeElement.focus();
    const place = { index: index + 1, count: moved.length };
    announce(word((w) => w.studio.moved({ stem: stemName(w, lane.source), ...place })));
  }

  /** @param {Lane} lane */
  #toggleCollapsed(lane) {
    lane.isCollapsed = !lane.isCollapsed;
    this.#arrangement.collapse(lane.source, lane.isCollapsed);
  }

  get #gain() {
    const greatest = Math.max(0, ...this.#lanes.map(({ peaks }) => peaks.greatest));
    return Math.min(FULL_HEIGHT / Math.max(greatest, 1e-6), MOST_GAIN);
  }

  #onView() {
    byId("zoom-out", HTMLButtonElement).disabled = this.#view.isWhole;
    byId("zoom-fit", HTMLButtonElement).disabled = this.#view.isWhole;
    byId("zoom-in", HTMLButtonElement).disabled = this.#view.isNearest;
    const share = this.#view.shareOf(this.#shown?.player.position ?? 0);
    this.#isFollowing = share >= 0 && share <= 1;
    this.#showPlayhead();
    this.#showRegion();
  }

  /**
   * Show the playhead, and keep updating it during playback.
   *
   * @param {boolean} [isWanted] whether to bring the playhead into view
   */
  #follow(isWanted = this.#isFollowing) {
    cancelAnimationFrame(this.#frameRequest);
    const shown = this.#shown;
    if (!shown) return;
    if (isWanted && this.#preview === null) this.#view.follow(shown.player.position);
    this.#showPlayhead();
    const isPlaying = shown.player.state === "playing";
    for (const lane of this.#lanes) {
      const level = isPlaying ? shown.player.level(lane.source).peak : 0;
      lane.showLevel(meterShare(level));
    }
    if (isPlaying) this.#frameRequest = requestAnimationFrame(() => this.#follow());
  }

  #showPlayhead() {
    if (!this.#shown) return;
    const frame = this.#preview ?? this.#shown.player.position;
    const share = this.#view.shareOf(frame);
    this.#playhead.style.transform = `translateX(${100 * share}%)`;
    for (const lane of this.#lanes) lane.showPlayhead(share);
    this.#overview?.showPlayhead(frame);
  }

  /** @param {number | null} frame */
  #showPreview(frame) {
    this.#preview = frame;
    this.#showPlayhead();
  }

  /** @param {number} start @param {number} stop @param {boolean} isChosen */
  #select(start, stop, isChosen) {
    this.#selecting = isChosen ? null : [start, stop];
    if (isChosen && this.#shown) this.#shown.player.loop = [Math.round(start), Math.round(stop)];
    this.#showRegion();
  }

  #showRegion() {
    const stretch = this.#selecting ?? this.#shown?.player.loop ?? null;
    this.#region.hidden = stretch === null;
    if (!stretch) return;
    const [from, to] = stretch.map((frame) => 100 * this.#view.shareOf(frame));
    this.#region.style.left = `${from}%`;
    this.#region.style.width = `${/** @type {number} */ (to) - /** @type {number} */ (from)}%`;
  }
}

/** @param {import("../words.js").Words} words @param {Song} song @returns {string} */
function stateOf({ songs }, song) {
  const share = percent(song.share);
  const { state } = song;
  if (state === "finished") return share;
  const what = state === "working" ? left(song, songs) : songs.states[state];
  return [share, what].join(songs.between);
}
