/**
 * The start: all ways of adding songs. Files can be dropped anywhere, picked, pasted, opened with
 * the installed page or shared with it; there is also a demo song.
 *
 * @module
 */

import { UserError } from "../../engine/errors.js";
import { byId } from "../elements.js";
import { say, word } from "../words.js";
import { ACCEPTED, songsAmong, songsDropped, songsOfFolder } from "./files.js";
import { isForShared, takeOpened, takeShared } from "./shared.js";

/** Path of the demo song on the site: see web/demo_song.py. */
const DEMO = "demo/song.flac";
/** Elements that handle pasting and dropping themselves. */
const EDITABLE = "input, textarea, select, [contenteditable]";

export class Start {
  #section = byId("start", HTMLElement);
  #drop = byId("drop", HTMLLabelElement);
  #demo = byId("demo", HTMLButtonElement);
  #download = byId("download", HTMLButtonElement);
  #base;
  #onFiles;
  #onProblem;
  /** Whether the dragged object comes from the page itself. */
  #isOwnDrag = false;

  /**
   * @param {object} options
   * @param {string} options.base the site's folder
   * @param {(files: File[]) => void} options.onFiles called with one or more songs
   * @param {(error: unknown) => void} options.onProblem
   * @param {() => void} options.onDownload called to download the model before there is a song
   */
  constructor({ base, onFiles, onProblem, onDownload }) {
    this.#base = base;
    this.#onFiles = onFiles;
    this.#onProblem = onProblem;
    this.#wirePickers();
    this.#wireDrops();
    addEventListener("paste", (event) => this.#paste(event));
    this.#demo.addEventListener("click", () => void this.#takeDemo());
    this.#download.addEventListener("click", () => {
      this.#download.hidden = true;
      onDownload();
    });
    takeOpened((files) => this.#onFiles(songsAmong(files)));
    if (isForShared()) void this.#takeShared();
  }

  /** @param {boolean} shown */
  set shown(shown) {
    this.#section.hidden = !shown;
  }

  /** @param {number} minutes length of the longest possible song */
  set longest(minutes) {
    say(byId("formats", HTMLElement), ({ start }) => start.formats(minutes));
  }

  /**
   * @param {{bytes: number, isUnderWay: boolean}} download size of the download for the next song,
   *   and whether it is in progress
   */
  set download({ bytes, isUnderWay }) {
    say(byId("first-download", HTMLElement), ({ start }) =>
      bytes === 0 ? start.downloaded : start.download(bytes),
    );
    this.#download.hidden = bytes === 0 || isUnderWay;
  }

  #wirePickers() {
    const picker = byId("file", HTMLInputElement);
    picker.accept = ACCEPTED;
    picker.addEventListener("change", () => {
      const files = [...(picker.files ?? [])];
      // Choosing the same file again must fire a change event too.
      picker.value = "";
      if (files.length > 0) this.#onFiles(songsAmong(files));
    });
    const folder = byId("folder", HTMLButtonElement);
    folder.hidden = !("webkitdirectory" in picker);
    folder.addEventListener("click", () => pickFolder((files) => this.#giveFound(files)));
  }

  #wireDrops() {
    addEventListener("dragstart", () => (this.#isOwnDrag = true));
    addEventListener("dragend", () => (this.#isOwnDrag = false));
    addEventListener("dragover", (event) => {
      if (!this.#concerns(event)) return;
      event.preventDefault();
      this.#showDrag(true);
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) this.#showDrag(false);
    });
    addEventListener("drop", (event) => {
      this.#showDrag(false);
      if (!this.#concerns(event)) return;
      event.preventDefault();
      const { dataTransfer } = event;
      if (!dataTransfer?.types.includes("Files")) return this.#onProblem(new UserError("noFile"));
      songsDropped(dataTransfer).then((files) => this.#giveFound(files), this.#onProblem);
    });
  }

  /** @param {DragEvent} event @returns {boolean} */
  #concerns({ target, dataTransfer }) {
    const isText = target instanceof Element && target.matches(EDITABLE);
    return !this.#isOwnDrag && (dataTransfer?.types.includes("Files") || !isText);
  }

  /** @param {boolean} isOver */
  #showDrag(isOver) {
    this.#drop.classList.toggle("over", isOver);
    document.body.classList.toggle("dropping", isOver);
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const { target } = event;
    if (files.length === 0 || (target instanceof Element && target.matches(EDITABLE))) return;
    event.preventDefault();
    this.#onFiles(songsAmong(files));
  }

  async #takeDemo() {
    this.#demo.disabled = true;
    try {
      const response = await fetch(new URL(DEMO, this.#base)).catch((error) => {
        throw new UserError("noNetwork", {}, error);
      });
      if (!response.ok) throw new UserError("missingFile", { url: DEMO });
      const name = `${word(({ start }) => start.demoName)}.flac`;
      this.#onFiles([new File([await response.blob()], name, { type: "audio/flac" })]);
    } catch (error) {
      this.#onProblem(error);
    } finally {
      this.#demo.disabled = false;
    }
  }

  async #takeShared() {
    try {
      const files = await takeShared(this.#base);
      if (files.length === 0) throw new UserError("nothingShared");
      this.#onFiles(songsAmong(files));
    } catch (error) {
      this.#onProblem(error);
    }
  }

  /** @param {File[]} files found in folders, perhaps none */
  #giveFound(files) {
    if (files.length > 0) this.#onFiles(files);
    else this.#onProblem(new UserError("noSongs"));
  }
}

/** @param {(songs: File[]) => void} take */
function pickFolder(take) {
  const picker = document.createElement("input");
  picker.type = "file";
  picker.webkitdirectory = true;
  picker.addEventListener("change", () => take(songsOfFolder(picker.files ?? [])));
  picker.click();
}
