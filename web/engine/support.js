/**
 * Checks of what this browser supports.
 *
 * @module
 */

import { UserError } from "./errors.js";

/** A WebAssembly module whose only function returns a 128-bit vector. */
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

/** @throws {UserError} if the browser cannot run the engine */
export function checkBrowser() {
  const canRun = typeof WebAssembly === "object" && WebAssembly.validate(SIMD_MODULE);
  const canUnzip = "DecompressionStream" in globalThis;
  if (!canRun || !canUnzip) throw new UserError("old");
}
