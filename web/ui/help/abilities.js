/**
 * Features that the page can use and whether this browser has them, for the help.
 *
 * @module
 */

/** @typedef {keyof import("../words.js").Words["help"]["abilities"]} Ability */

/** A WebAssembly module with one relaxed SIMD instruction. */
const RELAXED_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15,
  65, 2, 253, 15, 253, 128, 2, 11,
]);

/**
 * @param {boolean} keepsSongs whether songs are kept when the page closes
 * @returns {Map<Ability, boolean>} most important first
 */
export function abilities(keepsSongs) {
  return new Map([
    ["songs", keepsSongs],
    ["offline", "serviceWorker" in navigator && "caches" in window],
    ["graphics", "gpu" in navigator],
    ["relaxed", WebAssembly.validate(RELAXED_MODULE)],
    ["folders", "showDirectoryPicker" in window],
    ["awake", "wakeLock" in navigator],
  ]);
}
