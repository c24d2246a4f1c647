/**
 * Paints spectrograms, so that the page need not. It gets what `paint` in spectrum.js takes, and
 * posts what that returns; a call at a time.
 */

import { paint, Spectrum } from "./spectrum.js";

const spectrum = new Spectrum();

addEventListener("message", (/** @type {MessageEvent} */ event) => {
  const scope = /** @type {import("./worker-scope.js").Scope} */ (/** @type {unknown} */ (self));
  const { windows, height, rate, colours } = event.data;
  const pixels = paint(spectrum, windows, height, rate, colours);
  scope.postMessage(pixels, [pixels.buffer]);
});
