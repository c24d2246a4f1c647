/**
 * Pointer and wheel gestures on lanes, ruler and overview.
 *
 * A click or drag on a lane seeks; a drag on the ruler, or with the shift key, selects the loop,
 * whose ends snap to the beats unless Alt is held. A drag with one finger scrolls unless the whole
 * song is visible; two fingers, or the wheel with Ctrl, zoom.
 *
 * @module
 */

/** @typedef {import("./view.js").View} View */

/**
 * @typedef {object} Acts
 * @property {(frame: number | null) => void} preview    called while the user chooses where to
 *   seek; null when that is over
 * @property {(frame: number) => void} seek
 * @property {(start: number, stop: number, isChosen: boolean) => void} select   selects a range;
 *   `isChosen`: the user has finished
 * @property {() => void} giveUp      nothing is selected after all
 * @property {() => readonly [number, number] | null} selected    the selected range
 * @property {(frame: number) => number} snapped    where an end of a range goes that is dragged
 *   there
 */

/** Distance in CSS pixels within which a pointer grabs an end of the loop. */
const GRIP = 8;
/** Movement of a pointer in CSS pixels that counts as a drag. */
const SLACK = 5;
/** Zoom factor (as a logarithm) for each pixel of the wheel. */
const WHEEL = 0.004;
/** Pixels for each line of wheels that report lines. */
const LINE = 20;

const AREAS = ".wave, #ruler";

export class Gestures {
  #board;
  #view;
  #acts;
  #closed = new AbortController();
  /** @type {Map<number, PointerEvent>} last event of each pressed pointer */
  #down = new Map();
  /** @type {{kind: "seek" | "select" | "move" | "touch", area: Element, x: number, frame: number,
   *   start: number} | null} the gesture of the first pointer; touch: not known yet */
  #drag = null;

  /** @param {HTMLElement} board @param {View} view @param {Acts} acts */
  constructor(board, view, acts) {
    this.#board = board;
    this.#view = view;
    this.#acts = acts;
    this.#listen("pointerdown", (event) => this.#onDown(event));
    this.#listen("pointermove", (event) => this.#onMove(event));
    this.#listen("pointerup", (event) => this.#onUp(event));
    this.#listen("pointercancel", (event) => this.#onCancel(event));
    const { signal } = this.#closed;
    board.addEventListener("wheel", (event) => this.#onWheel(event), { signal, passive: false });
  }

  close() {
    this.#closed.abort();
  }

  /** @param {string} type @param {(event: PointerEvent) => void} listener */
  #listen(type, listener) {
    const { signal } = this.#closed;
    this.#board.addEventListener(
      type,
      (event) => listener(/** @type {PointerEvent} */ (event)),
      { signal },
    );
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    const area = areaOf(event);
    if (!area || event.button !== 0) return;
    this.#down.set(event.pointerId, event);
    area.setPointerCapture(event.pointerId);
    if (this.#down.size > 1) {
      this.#giveUp();
      return;
    }
    const isSelecting = area.id === "ruler" || event.shiftKey;
    const kind = event.pointerType === "touch" ? "touch" : isSelecting ? "select" : "seek";
    const frame = this.#frameAt(area, event.clientX);
    const { start } = this.#view;
    const other = area.id === "ruler" ? this.#otherEnd(area, frame) : null;
    const from = other ?? this.#snapped(frame, event);
    this.#drag = { kind, area, x: event.clientX, frame: from, start };
    if (kind === "seek") this.#acts.preview(frame);
  }

  /**
   * @param {Element} area @param {number} frame
   * @returns {number | null} the other end of the loop, if that is an end of it: it is moved, and
   *   the other one stays
   */
  #otherEnd(area, frame) {
    const grip = (GRIP / area.clientWidth) * this.#view.span;
    const [start, stop] = this.#acts.selected() ?? [Infinity, -Infinity];
    if (Math.abs(frame - start) <= grip) return stop;
    return Math.abs(frame - stop) <= grip ? start : null;
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const before = this.#down.get(event.pointerId);
    if (!before) return;
    if (this.#down.size === 2) this.#pinch(event);
    this.#down.set(event.pointerId, event);
    const drag = this.#drag;
    if (!drag) return;
    const moved = event.clientX - drag.x;
    if (drag.kind === "touch" && Math.abs(moved) > SLACK) drag.kind = this.#kindOfTouch(drag.area);
    const frame = this.#frameAt(drag.area, event.clientX);
    if (drag.kind === "seek") this.#acts.preview(frame);
    else if (drag.kind === "move") {
      this.#view.moveTo(drag.start - (moved / drag.area.clientWidth) * this.#view.span);
    } else if (drag.kind === "select" && Math.abs(moved) > SLACK) {
      this.#select(drag, frame, event, false);
    }
  }

  /**
   * @param {{frame: number}} drag with the other end
   * @param {number} frame @param {PointerEvent} event @param {boolean} isChosen
   */
  #select(drag, frame, event, isChosen) {
    const snapped = this.#snapped(frame, event);
    const end = snapped === drag.frame ? frame : snapped;
    this.#acts.select(Math.min(drag.frame, end), Math.max(drag.frame, end), isChosen);
  }

  /** @param {number} frame @param {PointerEvent} event @returns {number} */
  #snapped(frame, { altKey }) {
    return altKey ? frame : this.#acts.snapped(frame);
  }

  /** @param {Element} area @returns {"seek" | "select" | "move"} */
  #kindOfTouch(area) {
    if (area.id === "ruler") return "select";
    return this.#view.isWhole ? "seek" : "move";
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    const drag = this.#drag;
    if (!this.#down.delete(event.pointerId) || !drag) return;
    this.#drag = null;
    const frame = this.#frameAt(drag.area, event.clientX);
    const isClick = Math.abs(event.clientX - drag.x) <= SLACK;
    this.#acts.preview(null);
    if (drag.kind === "select" && !isClick) {
      this.#select(drag, frame, event, true);
    } else if (drag.kind === "seek" || isClick) {
      this.#acts.seek(frame);
    }
  }

  /** @param {PointerEvent} event */
  #onCancel(event) {
    if (this.#down.delete(event.pointerId)) this.#giveUp();
  }

  #giveUp() {
    if (this.#drag?.kind === "select") this.#acts.giveUp();
    this.#drag = null;
    this.#acts.preview(null);
  }

  /** @param {PointerEvent} event of one of two fingers that has moved */
  #pinch(event) {
    const [one, other] = [...this.#down.values()];
    const area = areaOf(event);
    if (!one || !other || !area) return;
    const still = one.pointerId === event.pointerId ? other : one;
    const moving = still === one ? other : one;
    const anchor = this.#frameAt(area, (still.clientX + moving.clientX) / 2);
    const before = Math.hypot(moving.clientX - still.clientX, moving.clientY - still.clientY);
    const now = Math.hypot(event.clientX - still.clientX, event.clientY - still.clientY);
    if (before > 0 && now > 0) this.#view.zoom(now / before, anchor);
    this.#view.moveTo(
      this.#view.start -
        ((event.clientX - moving.clientX) / 2 / area.clientWidth) * this.#view.span,
    );
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    const area = areaOf(event);
    if (!area) return;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const factor = Math.exp(-event.deltaY * unit * WHEEL);
      this.#view.zoom(factor, this.#frameAt(area, event.clientX));
      return;
    }
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    const upright = event.shiftKey ? 0 : event.deltaY;
    if (this.#view.isWhole || Math.abs(sideways) < Math.abs(upright)) return;
    event.preventDefault();
    this.#view.moveTo(this.#view.start + ((sideways * unit) / area.clientWidth) * this.#view.span);
  }

  /**
   * @param {Element} area @param {number} x coordinate in the window @returns {number} within the
   *   song
   */
  #frameAt(area, x) {
    const { left, width } = area.getBoundingClientRect();
    const frame = this.#view.frameAt((x - left) / width);
    return Math.min(Math.max(frame, 0), this.#view.length);
  }
}

/** @param {Event} event @returns {Element | null} the lane or ruler below it */
function areaOf(event) {
  return event.target instanceof Element ? event.target.closest(AREAS) : null;
}
