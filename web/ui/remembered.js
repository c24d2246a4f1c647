/**
 * Settings that the browser keeps until the next visit, if it keeps anything.
 *
 * @module
 */

/** @param {string} name @returns {string | null} the stored value */
export function recall(name) {
  try {
    return localStorage.getItem(`py-demixer ${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`py-demixer ${name}`, value);
  } catch (error) {
    console.warn(error);
  }
}
