/**
 * The waveform of a stem, drawn as bars. Nothing is drawn where the stem is not final: the hatching
 * behind it shows.
 *
 * wavesurfer.js (BSD) and peaks.js with waveform-data (LGPL) were considered. Both need the peaks
 * of the whole song before they draw, and neither supports several lanes that share a view, a
 * playhead and a region while parts are still missing; what remains is this file.
 *
 * @module
 */

import { Canvas, onColours } from "./canvas.js";
import { columnsIn } from "./peaks.js";

/** @typedef {import("./peaks.js").StemPeaks} StemPeaks */
/** @typedef {import("./view.js").View} View */

/** Distance between bars and width of a bar, in CSS pixels. */
const PITCH = 3;
const BAR = 2;
/** Exponent below one: soft passages are drawn enlarged, so that they are visible. */
const POWER = 0.8;

export class Wave {
  #peaks;
  #view;
  #gain;
  #canvas;
  #element;
  #closed = new AbortController();

  /**
   * @param {HTMLCanvasElement} element drawn in its `color`, on its container's --card
   * @param {StemPeaks} peaks @param {View} view
   * @param {() => number} gain factor for the peaks
   */
  constructor(element, peaks, view, gain) {
    this.#element = element;
    this.#peaks = peaks;
    this.#view = view;
    this.#gain = gain;
    this.#canvas = new Canvas(element, (context, width, height) => {
      this.#draw(context, width, height);
    });
    const { signal } = this.#closed;
    const redraw = () => this.redraw();
    peaks.addEventListener("change", redraw, { signal });
    view.addEventListener("change", redraw, { signal });
    onColours(redraw, signal);
  }

  redraw() {
    this.#canvas.redraw();
  }

  close() {
    this.#closed.abort();
    this.#canvas.close();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #draw(context, width, height) {
    const { start, span, length } = this.#view;
    const each = (span / width) * PITCH;
    const first = Math.floor(start / each);
    const stop = Math.min(Math.ceil((start + span) / each), Math.max(1, columnsIn(length, each)));
    const columns = this.#peaks.columns(first, stop - first, each);
    const style = getComputedStyle(this.#element);
    context.fillStyle = style.getPropertyValue("--card");
    const whole = columnsIn(length, each);
    this.#fill(context, columns, (i) => {
      // What is left after the last whole column belongs to it.
      const reached = first + i + 1 === whole ? length : (first + i + 1) * each;
      const x = ((first + i) * each - start) / (each / PITCH);
      return [x, (reached - (first + i) * each) / (each / PITCH) + 1, 0, height];
    });
    context.fillStyle = style.color;
    const gain = this.#gain();
    const middle = height / 2;
    const reach = (/** @type {number} */ value) =>
      Math.sign(value) * Math.min(Math.abs(value * gain), 1) ** POWER * (middle - 1);
    this.#fill(context, columns, (i) => {
      const top = Math.min(middle - reach(/** @type {number} */ (columns[2 * i + 1])), middle - 1);
      const foot = Math.max(middle - reach(/** @type {number} */ (columns[2 * i])), middle + 1);
      return [((first + i) * each - start) / (each / PITCH), BAR, top, foot];
    });
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {Float32Array} columns
   * @param {(column: number) => [x: number, width: number, top: number, foot: number]} place
   */
  #fill(context, columns, place) {
    context.beginPath();
    for (let i = 0; i < columns.length / 2; i++) {
      if (Number.isNaN(columns[2 * i])) continue;
      const [x, width, top, foot] = place(i);
      context.rect(x, top, width, foot - top);
    }
    context.fill();
  }
}
