/**
 * What this browser has of what the page can use, for the help to tell.
 *
 * @module
 */

/** @typedef {keyof import("../words.js").Words["help"]["abilities"]} Ability */

/** A module with one instruction of relaxed SIMD. */
const RELAXED_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15,
  65, 2, 253, 15, 253, 128, 2, 11,
]);

/**
 * @param {boolean} keepsSongs whether songs outlive the page
 * @returns {Map<Ability, boolean>} in the order of what they matter
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
