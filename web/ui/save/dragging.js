/**
 * Dragging a stem straight out of its lane, onto the desktop or into another program.
 *
 * From a page, only a finished file can be dragged. So it is made while the pointer rests on the
 * lane's save button, which takes a moment. Only Chromium's browsers give files to other programs.
 *
 * @module
 */

import { FORMATS, mostBytes } from "../../engine/save/formats.js";
import { Maker } from "../../engine/save/maker.js";
import { makeStem } from "../../engine/save/saves.js";
import { TemporaryFiles } from "../../engine/save/temporary.js";
import { FIRST, lastChoices } from "./choices.js";
import { dragAsFile } from "./places.js";

/** @typedef {import("../../engine/save/maker.js").Request} Request */
/** @typedef {import("../words.js").Saying} Saying */

/**
 * What a lane stands for: its stem, or of that the loop or what is finished.
 * @typedef {Pick<Request, "stems" | "song" | "source" | "beats" | "region">} Part
 */

/** How long the pointer rests on a button before a file is made. */
const REST_MS = 150;

/** The largest file that is made before anybody has asked for it. */
const MOST_BYTES = 300e6;

/** How long a file is kept that has been dragged out: nothing reports when it has been copied. */
const COPIED_MS = 60_000;

/**
 * @typedef {object} Prepared
 * @property {Part} part
 * @property {string} key       equal for equal files of the same stems
 * @property {{name: string, file: Blob, href: string} | null} made   null: not yet
 * @property {() => void} discard   stops making it, or deletes it
 * @property {boolean} isDragged
 */

export class DragOut {
  #maker = new Maker(new TemporaryFiles());
  #say;
  /** @type {Prepared | null} */
  #prepared = null;
  #timer = 0;

  /** @param {(saying: Saying) => void} say shows the user why nothing can be dragged yet */
  constructor(say) {
    this.#say = say;
  }

  /**
   * @param {HTMLElement} button
   * @param {() => Part | null} partNow what it stands for; null: that is not finished
   */
  offer(button, partNow) {
    if (!canDragOut()) return;
    button.draggable = true;
    button.addEventListener("pointerenter", ({ pointerType }) => {
      clearTimeout(this.#timer);
      if (pointerType === "touch") return;
      this.#timer = window.setTimeout(() => this.#prepare(partNow()), REST_MS);
    });
    button.addEventListener("pointerleave", () => clearTimeout(this.#timer));
    button.addEventListener("dragstart", (event) => this.#begin(event, partNow()));
  }

  /** Forget the song that was shown, which may have been deleted. */
  stop() {
    clearTimeout(this.#timer);
    this.#prepared?.discard();
    this.#prepared = null;
  }

  /** @param {Part | null} part */
  #prepare(part) {
    if (!part || bytesOf(part) > MOST_BYTES || this.#isOf(part)) return;
    this.#prepared?.discard();
    const controller = new AbortController();
    /** @type {Prepared} */
    const prepared = {
      part,
      key: keyOf(part),
      made: null,
      discard: () => controller.abort(),
      isDragged: false,
    };
    this.#prepared = prepared;
    this.#make(prepared, controller.signal).catch((error) => {
      // The save button says why, if the user wants to know.
      if (!controller.signal.aborted) console.warn(error);
      if (this.#prepared === prepared) this.#prepared = null;
    });
  }

  /** @param {Prepared} prepared @param {AbortSignal} signal */
  async #make(prepared, signal) {
    const { part } = prepared;
    const { names } = lastChoices();
    const wanted = { ...part, format: formatNow(), ...(names && { names }) };
    const { name, file, discard } = await makeStem(this.#maker, wanted, signal);
    const remove = () => void discard().catch((error) => console.warn(error));
    if (signal.aborted) return remove();
    const made = { name, file, href: URL.createObjectURL(file) };
    prepared.made = made;
    prepared.discard = () => {
      setTimeout(
        () => {
          URL.revokeObjectURL(made.href);
          remove();
        },
        prepared.isDragged ? COPIED_MS : 0,
      );
    };
  }

  /** @param {DragEvent} event @param {Part | null} part */
  #begin(event, part) {
    const prepared = this.#prepared;
    if (part && prepared?.made && this.#isOf(part)) {
      dragAsFile(event, prepared.made);
      prepared.isDragged = true;
      return;
    }
    event.preventDefault();
    this.#say(({ save }) => {
      if (!part) return save.dragUnfinished;
      return bytesOf(part) > MOST_BYTES ? save.dragTooLong : save.dragSoon;
    });
    this.#prepare(part);
  }

  /** @param {Part} part @returns {boolean} whether the prepared file is this one */
  #isOf(part) {
    const prepared = this.#prepared;
    return prepared?.part.stems === part.stems && prepared.key === keyOf(part);
  }
}

/** @returns {boolean} whether this is a browser that gives files to other programs */
function canDragOut() {
  return "userAgentData" in navigator;
}

/** The format of the last save, if that is one for a single stem. */
function formatNow() {
  const { format } = lastChoices();
  return FORMATS[format].isTogether ? FIRST.format : format;
}

/** @param {Part} part @returns {string} */
function keyOf({ song, source, region }) {
  return JSON.stringify([song.name, source, region, formatNow(), lastChoices().names]);
}

/** @param {Part} part @returns {number} of its file, at most */
function bytesOf({ stems, region }) {
  const [start, stop] = region ?? [0, stems.length];
  return mostBytes(formatNow(), stop - start, stems.rate);
}
