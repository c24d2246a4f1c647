/**
 * Changes the sample rate of a song with libsamplerate's best sinc converter, off the page's thread.
 *
 * Messages: see `protocol.js`.
 *
 * The converter delays nothing: output frame 0 lies on input frame 0. It does hold back its last
 * frames, so zeros are fed after the end until as many frames came out as were asked for.
 */

import { ConverterType, create } from "../vendor/libsamplerate.mjs";

/** Frames per call; small enough that in and out fit the library's buffers at any rate above 1 kHz. */
const CHUNK = 8192;

/** The library's own limit in hertz. Above it both rates are scaled down: only their ratio matters. */
const HIGHEST_RATE = 192000;

/**
 * @param {import("./protocol.js").ResampleJob} job
 * @returns {Promise<{left: Float32Array, right: Float32Array}>}
 */
async function resample({ left, right, inputRate, outputRate, outputLength }) {
  const scale = Math.ceil(Math.max(inputRate, outputRate) / HIGHEST_RATE);
  const converter = await create(2, inputRate / scale, outputRate / scale, {
    converterType: ConverterType.SRC_SINC_BEST_QUALITY,
  });
  const outLeft = new Float32Array(outputLength);
  const outRight = new Float32Array(outputLength);
  const chunk = new Float32Array(2 * CHUNK);
  let written = 0;
  for (let start = 0; written < outputLength; start += CHUNK) {
    for (let i = 0; i < CHUNK; i++) {
      chunk[2 * i] = left[start + i] ?? 0;
      chunk[2 * i + 1] = right[start + i] ?? 0;
    }
    const out = converter.full(chunk);
    const frames = Math.min(out.length / 2, outputLength - written);
    for (let i = 0; i < frames; i++) {
      outLeft[written + i] = out[2 * i] ?? 0;
      outRight[written + i] = out[2 * i + 1] ?? 0;
    }
    written += frames;
  }
  converter.destroy();
  return { left: outLeft, right: outRight };
}

addEventListener("message", async (/** @type {MessageEvent} */ event) => {
  const scope = /** @type {import("./worker-scope.js").Scope} */ (/** @type {unknown} */ (self));
  try {
    const { left, right } = await resample(event.data);
    scope.postMessage({ ok: true, left, right }, [left.buffer, right.buffer]);
  } catch (error) {
    scope.postMessage({ ok: false, message: String(error) }, []);
  }
});
