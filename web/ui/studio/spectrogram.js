/**
 * The spectrogram of the visible part of a stem. The samples are read from the store in small
 * pieces, a worker transforms them, and each piece is drawn when it is ready.
 *
 * @module
 */

import { Canvas, onColours } from "./canvas.js";

/** @typedef {import("../../engine/protocol.js").Stems} Stems */
/** @typedef {import("./view.js").View} View */

/** Columns requested at once. */
const PIECE = 48;
/** Time in milliseconds for which the view has to stay the same before it is computed. */
const CALM_MS = 120;

export class Spectrogram {
  #stems;
  #source;
  #view;
  #element;
  #canvas;
  #worker = new Worker(new URL("../../engine/spectrum-worker.js", import.meta.url), {
    type: "module",
  });
  #closed = new AbortController();
  #timer = 0;
  /** Changes with the view, so that results of earlier requests are not drawn. */
  #turn = 0;
  /**
   * @type {{start: number, span: number, image: HTMLCanvasElement} | null} the part that was
   *   computed
   */
  #seen = null;

  /**
   * @param {HTMLCanvasElement} element drawn in its `color`
   * @param {Stems} stems @param {string} source @param {View} view
   */
  constructor(element, stems, source, view) {
    this.#stems = stems;
    this.#source = source;
    this.#view = view;
    this.#element = element;
    this.#canvas = new Canvas(element, (context, width, height) => {
      this.#draw(context, width, height);
    });
    const { signal } = this.#closed;
    view.addEventListener("change", () => this.#onChange(), { signal });
    stems.addEventListener("final", () => this.#onChange(), { signal });
    onColours(() => this.#onChange(), signal);
    new ResizeObserver((_, observer) => {
      if (signal.aborted) observer.disconnect();
      else this.#onChange();
    }).observe(element);
  }

  close() {
    this.#closed.abort();
    clearTimeout(this.#timer);
    this.#turn++;
    this.#worker.terminate();
    this.#canvas.close();
  }

  #onChange() {
    this.#canvas.redraw();
    this.#turn++;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#look(), CALM_MS);
  }

  async #look() {
    const turn = ++this.#turn;
    const { start, span } = this.#view;
    const [width, height] = [this.#element.clientWidth, this.#element.clientHeight];
    if (width === 0) return;
    const image = document.createElement("canvas");
    [image.width, image.height] = [width, height];
    const context = /** @type {CanvasRenderingContext2D} */ (image.getContext("2d"));
    const colours = ramp(this.#element);
    try {
      for (let from = 0; from < width && turn === this.#turn; from += PIECE) {
        const to = Math.min(from + PIECE, width);
        const frames = Array.from({ length: to - from }, (_, i) => {
          return Math.round(start + ((from + i + 0.5) / width) * span);
        });
        const pixels = await this.#transform(frames, height, colours);
        if (turn !== this.#turn) return;
        context.putImageData(new ImageData(pixels, to - from, height), from, 0);
        this.#seen = { start, span, image };
        this.#canvas.redraw();
      }
    } catch (error) {
      if (!this.#closed.signal.aborted) console.warn(error);
    }
  }

  /**
   * @param {number[]} centres frames @param {number} height @param {Uint8ClampedArray} colours
   * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>} (height, columns, 4)
   */
  async #transform(centres, height, colours) {
    const { WINDOW } = await import("../../engine/spectrum.js");
    const reads = centres.map((centre) => {
      const from = Math.max(0, Math.min(centre - WINDOW / 2, this.#stems.length - WINDOW));
      const length = Math.min(WINDOW, this.#stems.length);
      return this.#stems.isFinal(from, length) ? { from, length } : null;
    });
    const windows = await this.#read(reads);
    const { rate } = this.#stems;
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => reject(new Error(event.message));
      const transfer = windows.flatMap((samples) => (samples ? [samples.buffer] : []));
      this.#worker.postMessage({ windows, height, rate, colours }, transfer);
    });
  }

  /**
   * @param {({from: number, length: number} | null)[]} reads
   * @returns {Promise<(Float32Array | null)[]>}
   */
  async #read(reads) {
    const there = reads.filter((read) => read !== null);
    const [first, last] = [there[0], there.at(-1)];
    if (!first || !last) return reads.map(() => null);
    const length = last.from + last.length - first.from;
    // Read overlapping windows once.
    const isDense = length < there.reduce((sum, read) => sum + read.length, 0);
    if (isDense && this.#stems.isFinal(first.from, length)) {
      const all = await this.#stems.read(this.#source, first.from, length);
      return reads.map((read) => {
        if (!read) return null;
        const at = 2 * (read.from - first.from);
        return all.slice(at, at + 2 * read.length);
      });
    }
    return Promise.all(
      reads.map((read) => read && this.#stems.read(this.#source, read.from, read.length)),
    );
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
  #draw(context, width, height) {
    if (!this.#seen) return;
    const { start, span, image } = this.#seen;
    const left = this.#view.shareOf(start) * width;
    const right = this.#view.shareOf(start + span) * width;
    context.drawImage(image, left, 0, right - left, height);
  }
}

/**
 * @param {HTMLElement} element
 * @returns {Uint8ClampedArray} (256, 3): from the card's colour through the element's own to the
 *   text's
 */
function ramp(element) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [256, 1];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const style = getComputedStyle(element);
  const gradient = context.createLinearGradient(0, 0, 255, 0);
  gradient.addColorStop(0, style.getPropertyValue("--card"));
  gradient.addColorStop(0.7, style.color);
  gradient.addColorStop(1, style.getPropertyValue("--text"));
  context.fillStyle = gradient;
  context.fillRect(0, 0, 256, 1);
  const { data } = context.getImageData(0, 0, 256, 1);
  return data.filter((_, i) => i % 4 < 3);
}
