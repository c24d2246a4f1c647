/**
 * The whole song in one line: what is separated, what the lanes show, and the playhead. A click or
 * drag moves the view, or seeks if the whole song is visible.
 *
 * @module
 */

import { MIXTURE } from "../../engine/song.js";
import { within } from "../elements.js";
import { Canvas, onColours } from "./canvas.js";
import { StemPeaks, columnsIn } from "./peaks.js";

/** @typedef {import("../../engine/protocol.js").Stems} Stems */
/** @typedef {import("./view.js").View} View */

const PITCH = 2;
const BAR = 1;

export class Overview {
  #element;
  #stems;
  #view;
  #window;
  #playhead;
  #peaks;
  #canvas;
  #closed = new AbortController();

  /**
   * @param {HTMLElement} element @param {Stems} stems @param {View} view
   * @param {(frame: number) => void} seek
   */
  constructor(element, stems, view, seek) {
    this.#element = element;
    this.#stems = stems;
    this.#view = view;
    this.#window = within(element, ".window", HTMLDivElement);
    this.#playhead = within(element, ".playhead", HTMLDivElement);
    this.#peaks = new StemPeaks(stems, MIXTURE);
    this.#canvas = new Canvas(within(element, "canvas", HTMLCanvasElement), (...place) => {
      this.#draw(...place);
    });
    const { signal } = this.#closed;
    const redraw = () => this.#canvas.redraw();
    this.#peaks.addEventListener("change", redraw, { signal });
    stems.addEventListener("final", redraw, { signal });
    view.addEventListener("change", () => this.#showWindow(), { signal });
    onColours(redraw, signal);
    this.#listen(seek);
    this.#showWindow();
  }

  close() {
    this.#closed.abort();
    this.#peaks.close();
    this.#canvas.close();
  }

  /** @param {number} frame */
  showPlayhead(frame) {
    this.#playhead.style.transform = `translateX(${(100 * frame) / this.#stems.length}%)`;
  }

  /** @param {(frame: number) => void} seek */
  #listen(seek) {
    const { signal } = this.#closed;
    const move = (/** @type {PointerEvent} */ event) => {
      const { left, width } = this.#element.getBoundingClientRect();
      const frame = ((event.clientX - left) / width) * this.#stems.length;
      if (this.#view.isWhole) seek(frame);
      else this.#view.moveTo(frame - this.#view.span / 2);
    };
    this.#element.addEventListener(
      "pointerdown",
      (event) => {
        if (event.button !== 0) return;
        this.#element.setPointerCapture(event.pointerId);
        move(event);
      },
      { signal },
    );
    this.#element.addEventListener(
      "pointermove",
      (event) => {
        const isDragged = this.#element.hasPointerCapture(event.pointerId);
        if (isDragged && !this.#view.isWhole) move(event);
      },
      { signal },
    );
  }

  #showWindow() {
    const { start, span, length, isWhole } = this.#view;
    this.#window.classList.toggle("part", !isWhole);
    this.#window.style.left = `${(100 * start) / length}%`;
    this.#window.style.width = `${(100 * span) / length}%`;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #draw(context, width, height) {
    const { length } = this.#stems;
    const each = (length / width) * PITCH;
    const count = Math.max(1, columnsIn(length, each));
    const columns = this.#peaks.columns(0, count, each);
    const gain = 1 / Math.max(this.#peaks.greatest, 1e-3);
    const style = getComputedStyle(this.#element);
    const final = this.#stems.finalRanges();
    const isFinal = (/** @type {number} */ column) =>
      final.some(([start, stop]) => start <= column * each && column * each < stop);
    for (const part of [true, false]) {
      context.fillStyle = style.getPropertyValue(part ? "--quiet" : "--line");
      context.beginPath();
      for (let i = 0; i < count; i++) {
        const least = /** @type {number} */ (columns[2 * i]);
        const greatest = /** @type {number} */ (columns[2 * i + 1]);
        if (Number.isNaN(least) || isFinal(i) !== part) continue;
        const reach = Math.max(Math.max(greatest, -least) * gain * (height / 2 - 4), 0.5);
        context.rect(i * PITCH, height / 2 - reach, BAR, 2 * reach);
      }
      context.fill();
    }
  }
}
