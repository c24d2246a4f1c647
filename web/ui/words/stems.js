/**
 * The names of stems.
 *
 * @module
 */

import { namesIn } from "../../engine/divided.js";

/** @typedef {import("./en.js").Words} Words */

/**
 * @param {Words} words @param {string} source
 * @returns {string} displayed name; the model's own name for an unknown stem, capitalised; that of
 *   a part comes after that of its stem
 */
export function stemName(words, source) {
  return namesIn(source)
    .map((name) => ownName(words, name))
    .join(" › ");
}

/** @param {Words} words @param {string} source @returns {string} without what it is a part of */
export function partName(words, source) {
  return ownName(words, namesIn(source).at(-1) ?? source);
}

/** @param {Words} words @param {string} name @returns {string} */
function ownName({ stems }, name) {
  const known = /** @type {Record<string, string>} */ (stems)[name];
  return known ?? name.charAt(0).toUpperCase() + name.slice(1);
}
