/**
 * The time scale above the lanes.
 *
 * @module
 */

import { clock } from "../format.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("./view.js").View} View */

/** Possible seconds between two labels; the first with enough room is used. */
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
/** Width that a label needs, in CSS pixels. */
const ROOM = 76;
/** Least distance of beats that are shown, in CSS pixels. */
const BEAT_ROOM = 4;
const SVG = "http://www.w3.org/2000/svg";

export class Ruler {
  #element;
  #view;
  #rate;
  #player;
  #observer = new ResizeObserver(() => this.#show());
  #closed = new AbortController();

  /** @param {HTMLElement} element @param {View} view @param {Player} player */
  constructor(element, view, player) {
    this.#element = element;
    this.#view = view;
    this.#rate = player.rate;
    this.#player = player;
    this.#observer.observe(element);
    const { signal } = this.#closed;
    view.addEventListener("change", () => this.#show(), { signal });
    player.addEventListener("beats", () => this.#show(), { signal });
  }

  close() {
    this.#closed.abort();
    this.#observer.disconnect();
    this.#element.replaceChildren();
  }

  #show() {
    const width = this.#element.clientWidth;
    if (width === 0) return;
    const { start, span, stop } = this.#view;
    const seconds = span / this.#rate;
    const step = STEPS.find((one) => (one / seconds) * width >= ROOM) ?? 7200;
    const labels = [];
    for (let i = Math.ceil(start / this.#rate / step); i * step * this.#rate <= stop; i++) {
      const x = this.#view.shareOf(i * step * this.#rate) * width;
      labels.push(label(i * step, step, x, width));
    }
    this.#element.replaceChildren(...this.#beatLines(width), ...labels);
  }

  /** @param {number} width @returns {Element[]} a line for each beat, if there is room */
  #beatLines(width) {
    const { start, stop } = this.#view;
    const beats = this.#player.beats?.within(start, stop) ?? [];
    if (beats.length === 0 || width / beats.length < BEAT_ROOM) return [];
    const lines = document.createElementNS(SVG, "svg");
    lines.setAttribute("class", "beats");
    const path = document.createElementNS(SVG, "path");
    const places = beats.map((beat) => (this.#view.shareOf(beat) * width).toFixed(1));
    path.setAttribute("d", places.map((x) => `M${x} 0v6`).join(""));
    lines.append(path);
    return [lines];
  }
}

/**
 * @param {number} seconds @param {number} step @param {number} x @param {number} width
 * @returns {HTMLSpanElement}
 */
function label(seconds, step, x, width) {
  const element = document.createElement("span");
  const tenths = step < 1 ? `.${Math.round(seconds * 10) % 10}` : "";
  element.textContent = clock(seconds + 1e-6) + tenths;
  element.style.transform = `translateX(${x.toFixed(1)}px)`;
  // At the right edge there is room only for the mark, not for the label.
  element.classList.toggle("mark", x > width - ROOM / 2);
  return element;
}
