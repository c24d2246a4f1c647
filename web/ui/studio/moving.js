/**
 * Lanes are collapsed by a click on their name, and moved by dragging it or by Alt and an arrow.
 *
 * @module
 */

/** @typedef {import("./lane.js").Lane} Lane */

/**
 * @typedef {object} Acts
 * @property {() => Lane[]} lanes   in the order in which they are shown
 * @property {(lane: Lane, index: number) => void} move
 * @property {(lane: Lane) => void} toggle      collapses or expands
 */

/** Movement of a pointer in CSS pixels that counts as a drag. */
const SLACK = 5;
const STEPS = new Map([
  ["ArrowUp", -1],
  ["ArrowDown", 1],
]);

export class Moving {
  #acts;
  #closed = new AbortController();
  /** @type {{lane: Lane, y: number, hasMoved: boolean} | null} */
  #drag = null;

  /** @param {HTMLElement} list of the lanes @param {Acts} acts */
  constructor(list, acts) {
    this.#acts = acts;
    const { signal } = this.#closed;
    list.addEventListener("pointerdown", (event) => this.#onDown(event), { signal });
    list.addEventListener("pointermove", (event) => this.#onMove(event), { signal });
    list.addEventListener("click", (event) => this.#onClick(event), { signal });
    list.addEventListener("keydown", (event) => this.#onKey(event), { signal });
  }

  close() {
    this.#closed.abort();
  }

  /** @param {Event} event @returns {Lane | undefined} the lane whose name it is about */
  #laneOf({ target }) {
    return this.#acts.lanes().find(({ handle }) => handle === target);
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    const lane = this.#laneOf(event);
    if (!lane || event.button !== 0) return;
    this.#drag = { lane, y: event.clientY, hasMoved: false };
    lane.handle.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #onMove({ clientY, buttons }) {
    const drag = this.#drag;
    if (!drag || buttons === 0) return;
    drag.hasMoved ||= Math.abs(clientY - drag.y) > SLACK;
    if (!drag.hasMoved) return;
    const lanes = this.#acts.lanes();
    const index = lanes.indexOf(drag.lane);
    const others = lanes.filter((lane) => lane !== drag.lane);
    // Above every lane whose middle is below the pointer.
    const place = others.filter(({ element }) => middleOf(element) < clientY).length;
    if (place !== index) this.#acts.move(drag.lane, place);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const lane = this.#laneOf(event);
    const hasMoved = this.#drag?.hasMoved ?? false;
    this.#drag = null;
    if (lane && !hasMoved) this.#acts.toggle(lane);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = STEPS.get(event.key);
    const lanes = this.#acts.lanes();
    const lane = lanes.find(({ element }) => element.contains(document.activeElement));
    if (!lane || step === undefined || !event.altKey) return;
    event.preventDefault();
    const place = lanes.indexOf(lane) + step;
    if (place >= 0 && place < lanes.length) this.#acts.move(lane, place);
  }
}

/** @param {Element} element @returns {number} */
function middleOf(element) {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}
