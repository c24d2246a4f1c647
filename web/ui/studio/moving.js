/**
 * Lanes are collapsed by a click on their name, and moved by dragging it or by Alt and an arrow.
 *
 * @module
 */

/** @typedef {import("./lane.js").Lane} Lane */

/**
 * @typedef {object} Acts
 * @property {() => Lane[]} lanes   in the order in which they are shown
 * @property {() => Lane[]} movable     those of them that can be moved
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
  #list;
  #closed = new AbortController();
  /** @type {{lane: Lane, pointer: number, y: number, hasMoved: boolean} | null} */
  #drag = null;

  /** @param {HTMLElement} list of the lanes @param {Acts} acts */
  constructor(list, acts) {
    this.#acts = acts;
    this.#list = list;
    const { signal } = this.#closed;
    list.addEventListener("pointerdown", (event) => this.#onDown(event), { signal });
    list.addEventListener("pointermove", (event) => this.#onMove(event), { signal });
    list.addEventListener("pointerup", () => this.#onUp(), { signal });
    list.addEventListener("pointercancel", () => this.#giveUp(), { signal });
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
    this.#giveUp();
    const lane = this.#laneOf(event);
    if (!lane || event.button !== 0) return;
    this.#drag = { lane, pointer: event.pointerId, y: event.clientY, hasMoved: false };
    lane.handle.setPointerCapture(event.pointerId);
  }

  /** A drag is no click, which comes next if it comes. */
  #onUp() {
    if (this.#drag?.hasMoved) setTimeout(() => this.#giveUp());
  }

  #giveUp() {
    this.#drag = null;
  }

  /** @param {PointerEvent} event */
  #onMove({ clientY, pointerId }) {
    const drag = this.#drag;
    if (drag?.pointer !== pointerId) return;
    if (!drag.hasMoved && Math.abs(clientY - drag.y) <= SLACK) return;
    drag.hasMoved = true;
    // Not by the lane: it loses the pointer where it is moved.
    if (!this.#list.hasPointerCapture(pointerId)) this.#list.setPointerCapture(pointerId);
    const lanes = this.#acts.movable();
    const index = lanes.indexOf(drag.lane);
    if (index < 0) return;
    const others = lanes.filter((lane) => lane !== drag.lane);
    // Above every lane whose middle is below the pointer.
    const place = others.filter(({ element }) => middleOf(element) < clientY).length;
    if (place !== index) this.#acts.move(drag.lane, place);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const lane = this.#laneOf(event);
    const hasMoved = this.#drag?.hasMoved ?? false;
    this.#giveUp();
    if (lane && !hasMoved) this.#acts.toggle(lane);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = STEPS.get(event.key);
    const lanes = this.#acts.movable();
    const lane = lanes.find(({ element }) => element.contains(document.activeElement));
    const isOther = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!lane || step === undefined || !event.altKey || isOther) return;
    if (event.target instanceof HTMLInputElement) return;
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
