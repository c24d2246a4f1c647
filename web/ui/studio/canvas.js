/**
 * Canvases at the resolution of the screen, drawn only when there is something new.
 *
 * @module
 */

/** Limit of device pixels for each CSS pixel: more is not visible, and costs time. */
const MOST_PIXELS_A_PIXEL = 2;

export class Canvas {
  #canvas;
  #context;
  #draw;
  #request = 0;
  #observer;
  /** Size in CSS pixels. */
  width = 0;
  height = 0;

  /**
   * @param {HTMLCanvasElement} canvas fills its parent element
   * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} draw
   *   called before the next frame, after `redraw` or a change of size
   */
  constructor(canvas, draw) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#draw = draw;
    this.#observer = new ResizeObserver(() => this.redraw());
    this.#observer.observe(canvas);
  }

  close() {
    this.#observer.disconnect();
    cancelAnimationFrame(this.#request);
  }

  redraw() {
    this.#request ||= requestAnimationFrame(() => {
      this.#request = 0;
      this.#paint();
    });
  }

  #paint() {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    const scale = Math.min(devicePixelRatio, MOST_PIXELS_A_PIXEL);
    const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    if (width !== this.#canvas.width || height !== this.#canvas.height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.width = clientWidth;
    this.height = clientHeight;
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#context.clearRect(0, 0, clientWidth, clientHeight);
    this.#draw(this.#context, clientWidth, clientHeight);
  }
}

/** @param {() => void} listener called when the colours have changed @param {AbortSignal} signal */
export function onColours(listener, signal) {
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", listener, { signal });
  }
}
