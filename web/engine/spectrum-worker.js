/**
 * Paints spectrograms off the main thread. It receives the arguments of `paint` in spectrum.js and
 * posts its result, one call at a time.
 */

import { paint, Spectrum } from "./spectrum.js";

const spectrum = new Spectrum();

addEventListener("message", (/** @type {MessageEvent} */ event) => {
  const scope = /** @type {import("./worker-scope.js").Scope} */ (/** @type {unknown} */ (self));
  const { windows, height, rate, colours } = event.data;
  const pixels = paint(spectrum, windows, height, rate, colours);
  scope.postMessage(pixels, [pixels.buffer]);
});
