/**
 * Elements that are made here and not in index.html.
 *
 * @module
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** @param {string} icon the id of one in index.html @returns {HTMLButtonElement} without a name yet */
export function iconButton(icon) {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.ariaHidden = "true";
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#${icon}`);
  drawing.append(use);
  return element("button", { type: "button", className: "icon-button" }, drawing);
}
