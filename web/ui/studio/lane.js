/**
 * The lane of a stem: name and controls, waveform or spectrogram, level.
 *
 * @module
 */

import { wholeOf } from "../../engine/divided.js";
import { without } from "../../engine/ranges.js";
import { make, within } from "../elements.js";
import { percent } from "../format.js";
import { connect, fill } from "../slider.js";
import { say, sayAs } from "../words.js";
import { partName, stemName } from "../words/stems.js";
import { StemPeaks } from "./peaks.js";
import { Spectrogram } from "./spectrogram.js";
import { Wave } from "./wave.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/protocol.js").Stems} Stems */
/** @typedef {import("./view.js").View} View */

/** Scale of the sliders' values. */
const PERCENT = 100;

export class Lane {
  #stems;
  #player;
  #view;
  #level;
  #wave;
  #veil;
  #waveform;
  /** @type {Spectrogram | null} */
  #spectrogram = null;
  /** Final ranges when they were last shown. */
  #final;
  #closed = new AbortController();

  /**
   * @param {object} about
   * @param {HTMLLIElement} about.element a copy of the template
   * @param {string} about.source
   * @param {Stems} about.stems
   * @param {Player} about.player
   * @param {View} about.view
   * @param {() => number} about.gain    gain of all waveforms
   * @param {() => void} about.save
   * @param {() => void} about.further   separates the stem further
   * @param {boolean} about.isCollapsed
   */
  constructor({ element, source, stems, player, view, gain, save, further, isCollapsed }) {
    this.element = element;
    this.source = source;
    this.#stems = stems;
    this.#player = player;
    this.#view = view;
    this.#final = stems.finalRanges();
    element.dataset.stem = source;
    this.#level = within(element, ".meter span", HTMLSpanElement);
    this.#wave = within(element, ".wave", HTMLDivElement);
    this.#veil = within(element, ".veil", HTMLDivElement);
    this.peaks = new StemPeaks(stems, source);
    const canvas = within(element, ".waveform", HTMLCanvasElement);
    this.#waveform = new Wave(canvas, this.peaks, view, gain);
    this.#name(source);
    this.#connect(save);
    for (const button of this.#furtherButtons) button.addEventListener("click", further);
    const { signal } = this.#closed;
    player.addEventListener("mix", () => this.#showMix(), { signal });
    stems.addEventListener("working", () => this.#showWork(), { signal });
    stems.addEventListener("final", () => this.#showArrival(), { signal });
    view.addEventListener("change", () => this.#showWork(), { signal });
    addEventListener("language", () => this.#showMix(), { signal });
    this.isCollapsed = isCollapsed;
    this.#showMix();
    this.#showWork();
  }

  /** The button with its name, by which it is collapsed and moved. */
  get handle() {
    return within(this.element, ".lane-name", HTMLButtonElement);
  }

  get isCollapsed() {
    return this.element.classList.contains("collapsed");
  }

  set isCollapsed(isCollapsed) {
    this.element.classList.toggle("collapsed", isCollapsed);
    this.handle.setAttribute("aria-expanded", String(!isCollapsed));
  }

  /** The button that saves it, from which its file can be dragged. */
  get saveButton() {
    return this.#button("save");
  }

  /** @param {boolean} isFinished whether the whole song is: only then can a stem be separated */
  set isFinished(isFinished) {
    for (const button of this.#furtherButtons) button.hidden = !isFinished;
  }

  close() {
    this.#closed.abort();
    this.#waveform.close();
    this.#spectrogram?.close();
    this.peaks.close();
    this.element.remove();
  }

  redraw() {
    this.#waveform.redraw();
  }

  /** @param {number} share position of the playhead in the view */
  showPlayhead(share) {
    this.#veil.style.transform = `translateX(${100 * Math.max(share, 0)}%)`;
  }

  /** @param {number} share between 0 and 1 */
  showLevel(share) {
    this.#level.style.setProperty("--level", share.toFixed(3));
  }

  toggleMuted() {
    this.#toggle("muted");
  }

  toggleSolo() {
    this.#toggle("solo");
  }

  toggleSpectrogram() {
    const isShown = this.#spectrogram !== null;
    const canvas = within(this.element, ".spectrogram", HTMLCanvasElement);
    canvas.hidden = isShown;
    within(this.element, ".waveform", HTMLCanvasElement).hidden = !isShown;
    this.#veil.hidden = !isShown;
    this.#spectrogram?.close();
    this.#spectrogram = isShown
      ? null
      : new Spectrogram(canvas, this.#stems, this.source, this.#view);
    this.#button("spectrum").setAttribute("aria-pressed", String(!isShown));
  }

  get hasSpectrogram() {
    return this.#spectrogram !== null;
  }

  focus() {
    this.#mixButton("muted").focus();
  }

  /** @param {string} source */
  #name(source) {
    say(this.handle, (w) => partName(w, source));
    sayAs(this.handle, "title", (w) => w.studio.arrange);
    if (wholeOf(source)) sayAs(this.handle, "ariaLabel", (w) => stemName(w, source));
    sayAs(this.#mixButton("muted"), "ariaLabel", (w) => w.studio.mute(stemName(w, source)));
    sayAs(this.#mixButton("solo"), "ariaLabel", (w) => w.studio.solo(stemName(w, source)));
    const sheet = within(this.element, ".lane-faders", HTMLDivElement);
    say(within(sheet, "h4", HTMLHeadingElement), (w) => stemName(w, source));
    for (const name of /** @type {const} */ (["volume", "pan"])) {
      say(within(sheet, `[data-fader="${name}"]`, HTMLSpanElement), (w) => w.studio.faders[name]);
    }
    sayAs(this.#slider("volume"), "ariaLabel", (w) => w.studio.volume(stemName(w, source)));
    sayAs(this.#slider("pan"), "ariaLabel", (w) => w.studio.pan(stemName(w, source)));
    for (const place of /** @type {const} */ (["ariaLabel", "title"])) {
      sayAs(this.#button("spectrum"), place, (w) => w.studio.spectrogram(stemName(w, source)));
      sayAs(this.#button("save"), place, (w) => w.studio.saveStem(stemName(w, source)));
      sayAs(this.#button("faders"), place, (w) => w.studio.fadersOf(stemName(w, source)));
      sayAs(this.#button("further"), place, (w) => w.studio.further(stemName(w, source)));
    }
    say(this.#button("further-here"), (w) => w.studio.further(stemName(w, source)));
  }

  /** @param {() => void} save */
  #connect(save) {
    const faders = within(this.element, ".lane-faders", HTMLDivElement);
    this.#button("faders").popoverTargetElement = faders;
    this.#mixButton("muted").addEventListener("click", () => this.toggleMuted());
    this.#mixButton("solo").addEventListener("click", () => this.toggleSolo());
    this.#button("spectrum").addEventListener("click", () => this.toggleSpectrogram());
    this.#button("save").addEventListener("click", save);
    const usual = { volume: PERCENT, pan: 0 };
    for (const name of /** @type {const} */ (["volume", "pan"])) {
      connect(this.#slider(name), usual[name], (value) => {
        this.#player.setChannel(this.source, { [name]: value / PERCENT });
      });
    }
  }

  /** @param {"muted" | "solo"} what */
  #toggle(what) {
    const isOn = this.#player.channel(this.source)[what];
    this.#player.setChannel(this.source, { [what]: !isOn });
  }

  #showMix() {
    const { volume, pan, muted, solo } = this.#player.channel(this.source);
    this.#mixButton("muted").setAttribute("aria-pressed", String(muted));
    this.#mixButton("solo").setAttribute("aria-pressed", String(solo));
    const isHeard = this.#player.isHeard(this.source);
    this.element.classList.toggle("silent", !isHeard);
    const faders = { volume: this.#slider("volume"), pan: this.#slider("pan") };
    fill(faders.volume, Math.round(volume * PERCENT));
    fill(faders.pan, Math.round(pan * PERCENT), 0);
    faders.volume.classList.toggle("off", !isHeard);
    sayAs(faders.volume, "ariaValueText", () => percent(volume));
    for (const place of /** @type {const} */ (["ariaValueText", "title"])) {
      sayAs(faders.pan, place, (w) => placeOf(w, pan));
    }
  }

  /** Mark the ranges being computed. */
  #showWork() {
    for (const old of this.#wave.querySelectorAll(".at-work")) old.remove();
    const marks = this.#stems.working().map((range) => this.#mark("at-work", range));
    this.#wave.prepend(...marks);
  }

  /** Animate ranges that have become final. */
  #showArrival() {
    const final = this.#stems.finalRanges();
    for (const range of without(final, this.#final)) {
      const mark = this.#mark("arrived", range);
      mark.addEventListener("animationend", () => mark.remove());
      this.#wave.append(mark);
    }
    this.#final = final;
  }

  /**
   * @param {string} className @param {[number, number]} range in frames
   * @returns {HTMLDivElement} covering the visible part of the range
   */
  #mark(className, [start, stop]) {
    const from = Math.max(this.#view.shareOf(start), 0);
    const to = Math.min(this.#view.shareOf(stop), 1);
    const mark = make("div", { className });
    mark.style.left = `${100 * from}%`;
    mark.style.width = `${100 * Math.max(to - from, 0)}%`;
    return mark;
  }

  /** @param {"muted" | "solo"} what */
  #mixButton(what) {
    return within(this.element, `[data-mix="${what}"]`, HTMLButtonElement);
  }

  /** Beside the other buttons and, on a phone, among the faders. */
  get #furtherButtons() {
    return [this.#button("further"), this.#button("further-here")];
  }

  /** @param {"spectrum" | "save" | "faders" | "further" | "further-here"} what */
  #button(what) {
    return within(this.element, `[data-do="${what}"]`, HTMLButtonElement);
  }

  /** @param {"volume" | "pan"} what */
  #slider(what) {
    return within(this.element, `[data-mix="${what}"]`, HTMLInputElement);
  }
}

/** @param {import("../words.js").Words} words @param {number} pan -1 to 1 @returns {string} */
function placeOf({ studio }, pan) {
  if (pan === 0) return studio.centre;
  const share = percent(Math.abs(pan));
  return pan < 0 ? studio.left(share) : studio.right(share);
}
