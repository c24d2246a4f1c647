/**
 * Popovers above their buttons.
 *
 * @module
 */

/** Distance from the window's edge, and width that a popover needs, in CSS pixels. */
const [EDGE, WIDTH] = [16, 320];

/** @param {HTMLElement} popover @param {HTMLElement} button that opens it */
export function placeAbove(popover, button) {
  const place = () => {
    const { top, right } = button.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const end = Math.min(Math.max(room - right, EDGE), Math.max(room - WIDTH, EDGE));
    popover.style.bottom = `${innerHeight - top + 8}px`;
    popover.style.right = `${end}px`;
    popover.style.maxBlockSize = `${top - EDGE}px`;
  };
  popover.addEventListener("beforetoggle", place);
  addEventListener("resize", place);
}
