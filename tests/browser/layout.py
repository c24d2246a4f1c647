"""Find layout faults on the page: controls out of view, overlapping or too small."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_FAULTS = """(least) => {
  // A label is pressed as well as what it is of.
  const CONTROLS = "button, a[href], summary, label:has(input, select), " +
    ":is(input:not([type=file]), select, textarea):not(label *)";
  const dialog = document.querySelector("dialog:modal");
  const drawer = document.querySelector("#songs:popover-open");
  const root = dialog ?? drawer ?? document.body;

  // What can be seen of an element: the rest is cut off by what it scrolls in.
  const seen = (element) => {
    let { left, top, right, bottom } = element.getBoundingClientRect();
    for (let parent = element.parentElement; parent; parent = parent.parentElement) {
      const style = getComputedStyle(parent);
      if (style.overflow === "visible") continue;
      const box = parent.getBoundingClientRect();
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return { left, top, right, bottom };
  };
  const isSeen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const nameOf = (element) => {
    const text = element.ariaLabel || element.textContent.trim().slice(0, 20);
    return `${element.tagName.toLowerCase()}#${element.id}.${element.className} "${text}"`;
  };

  const faults = [];
  for (const box of new Set([document.documentElement, document.querySelector("#main"), root])) {
    const more = box.scrollWidth - box.clientWidth;
    if (more > 1) faults.push(`${box.tagName} is ${more} px too wide`);
  }
  const controls = [...root.querySelectorAll(CONTROLS)]
    .filter((element) => isSeen(element) && (dialog || drawer || !element.closest("dialog")))
    .map((element) => ({ element, box: seen(element) }))
    .filter(({ box }) => box.right - box.left > 4 && box.bottom - box.top > 4);
  for (const { element, box } of controls) {
    if (box.left < -1 || box.right > innerWidth + 1) faults.push(`${nameOf(element)} sticks out`);
    const { width, height } = element.getBoundingClientRect();
    // Words in a sentence are as high as the sentence.
    if (getComputedStyle(element).display !== "inline" && Math.min(width, height) < least) {
      faults.push(`${nameOf(element)} is ${width.toFixed(0)} x ${height.toFixed(0)} px`);
    }
  }
  for (const [index, one] of controls.entries()) {
    for (const two of controls.slice(index + 1)) {
      // A link that goes on in the next line has a box around both.
      if ([one, two].some(({ element }) => element.getClientRects().length > 1)) continue;
      if (one.element.contains(two.element) || two.element.contains(one.element)) continue;
      const width = Math.min(one.box.right, two.box.right) - Math.max(one.box.left, two.box.left);
      const height = Math.min(one.box.bottom, two.box.bottom) - Math.max(one.box.top, two.box.top);
      if (width > 2 && height > 2) {
        faults.push(`${nameOf(one.element)} and ${nameOf(two.element)} overlap`);
      }
    }
  }
  return faults;
}"""


def faults(page: Page, least: float = 24) -> list[str]:
    """List controls that stick out of the page, overlap, or are too small.

    Parameters
    ----------
    page
        The page in its current state: an open dialog or drawer is checked, else the whole page.
    least
        Smallest width and height of a control, in CSS pixels.
    """
    return page.evaluate(_FAULTS, least)  # type: ignore[no-any-return]
