/**
 * The language for words, numbers and plurals.
 *
 * @module
 */

let current = "en";

/** @returns {string} a BCP 47 language tag */
export function locale() {
  return current;
}

/** @param {string} tag */
export function setLocale(tag) {
  current = tag;
}
