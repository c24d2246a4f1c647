/**
 * The names of stems.
 *
 * @module
 */

/** @typedef {import("./en.js").Words} Words */

/**
 * @param {Words} words @param {string} source
 * @returns {string} displayed name; the model's own name for an unknown stem, capitalised
 */
export function stemName({ stems }, source) {
  const known = /** @type {Record<string, string>} */ (stems)[source];
  return known ?? source.charAt(0).toUpperCase() + source.slice(1);
}
