/**
 * The names of stems.
 *
 * @module
 */

/** @typedef {import("./en.js").Words} Words */

/**
 * @param {Words} words @param {string} source
 * @returns {string} as people call it; a stem of another model by the name that the model gives it
 */
export function stemName({ stems }, source) {
  const known = /** @type {Record<string, string>} */ (stems)[source];
  return known ?? source.charAt(0).toUpperCase() + source.slice(1);
}
