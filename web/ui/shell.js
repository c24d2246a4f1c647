/**
 * Behaviour of the page's frame: buttons that open and close dialogs, and the drawer.
 *
 * In index.html, `data-opens="ID"` makes a button open a dialog, and `data-closes` closes the
 * dialog around it. (The attributes `command` and `closedby` do the same, but not in every browser
 * yet.)
 *
 * @module
 */

import { byId } from "./elements.js";

/** From this width on, the list of songs is beside the song: see base.css. */
const WIDE = "(width > 60rem)";

export function wireShell() {
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const opens = target.closest("[data-opens]");
    if (opens instanceof HTMLElement) openDialog(opens.dataset.opens ?? "");
    if (target.closest("[data-closes]")) target.closest("dialog")?.close();
    // A click beside an open dialog hits its backdrop, which belongs to the dialog.
    if (target instanceof HTMLDialogElement && isBeside(target, event)) target.close();
  });
  const songs = byId("songs", HTMLElement);
  matchMedia(WIDE).addEventListener("change", () => {
    if (songs.matches(":popover-open")) songs.hidePopover();
  });
  byId("add", HTMLButtonElement).addEventListener("click", () => {
    byId("file", HTMLInputElement).click();
  });
}

/** @param {string} id of a dialog */
export function openDialog(id) {
  const dialog = byId(id, HTMLDialogElement);
  if (!dialog.open) dialog.showModal();
}

/** @param {HTMLDialogElement} dialog @param {MouseEvent} event */
function isBeside(dialog, { clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
