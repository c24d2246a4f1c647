/**
 * The page's elements, by their ids in index.html.
 *
 * @module
 */

/**
 * @template {HTMLElement} Type
 * @param {string} id
 * @param {{new (): Type, readonly name: string}} type
 * @returns {Type}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with id ${id}.`);
  return element;
}

/**
 * @template {Element} Type
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {{new (): Type, readonly name: string}} type
 * @returns {Type}
 */
export function within(parent, selector, type) {
  const element = parent.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`There is no ${type.name} at ${selector}.`);
  return element;
}

/**
 * @param {HTMLProgressElement} bar
 * @param {number | null} share between 0 and 1; null: nobody knows
 */
export function setBar(bar, share) {
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

/** @param {string} text read out by screen readers, when they have finished what they are saying */
export function announce(text) {
  byId("live", HTMLParagraphElement).textContent = text;
}
