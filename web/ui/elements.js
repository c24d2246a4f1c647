/**
 * Access to the page's elements by their ids in index.html.
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
 * @param {number | null} share between 0 and 1; null if unknown
 */
export function setBar(bar, share) {
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]> & {data?: Record<string, string>}} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { data, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** @param {string} name of a symbol of index.html @returns {SVGSVGElement} */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#icon-${name}`);
  picture.setAttribute("aria-hidden", "true");
  picture.append(use);
  return picture;
}

/** Time in which screen readers notice that the region is empty. */
const PAUSE_MS = 100;

/** @type {string[]} texts about to be read out */
let announced = [];

/**
 * @param {string} text read out by screen readers when they have finished speaking, even if it is
 *   the same as before
 */
export function announce(text) {
  announced.push(text);
  if (announced.length > 1) return;
  const live = byId("live", HTMLParagraphElement);
  live.textContent = "";
  setTimeout(() => {
    live.textContent = announced.join(" ");
    announced = [];
  }, PAUSE_MS);
}
