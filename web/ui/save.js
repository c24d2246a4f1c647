/**
 * Buttons that make a file when they are pressed, show how far it is, and hand it to the browser.
 *
 * @module
 */

import { FORMATS } from "../engine/downloads.js";
import { UserError } from "../engine/errors.js";
import { announce } from "./elements.js";
import { percent } from "./format.js";

/** @typedef {import("../engine/downloads.js").Download} Download */
/** @typedef {import("../engine/downloads.js").Format} Format */
/** @typedef {import("../engine/wav.js").Watch} Watch */
/** @typedef {(format: Format, watch: Watch) => Promise<Download>} Make */

/** How long a file is kept for the browser to take it: nothing tells when it has. */
const KEEP_FILE_MS = 600_000;

export class Saver {
  #closed = new AbortController();
  /** @type {Set<Promise<void>>} */
  #atWork = new Set();
  #onError;

  /** @param {(error: unknown) => void} onError for files that could not be made */
  constructor(onError) {
    this.#onError = onError;
  }

  /** @returns {Promise<void>} settled when the files that are being made have been given up */
  async close() {
    this.#closed.abort();
    await Promise.all(this.#atWork);
  }

  /**
   * @param {string} what is saved
   * @param {Make} make
   * @returns {HTMLButtonElement[]} one for each format
   */
  buttons(what, make) {
    return /** @type {Format[]} */ (Object.keys(FORMATS)).map((format) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.format = format;
      button.textContent = FORMATS[format].title;
      button.ariaLabel = `Download ${what} as ${FORMATS[format].title}`;
      button.addEventListener("click", () => this.#press(button, format, make));
      return button;
    });
  }

  /** @param {HTMLButtonElement} button @param {Format} format @param {Make} make */
  #press(button, format, make) {
    // Not disabled: it would lose the focus.
    if (button.ariaBusy === "true") return;
    const making = this.#save(button, format, make).finally(() => this.#atWork.delete(making));
    this.#atWork.add(making);
  }

  /** @param {HTMLButtonElement} button @param {Format} format @param {Make} make */
  async #save(button, format, make) {
    const { signal } = this.#closed;
    button.ariaBusy = "true";
    button.style.minWidth = `${button.offsetWidth}px`;
    const report = (/** @type {number} */ share) => showShare(button, share);
    try {
      const download = await make(format, { report, signal });
      handOver(download);
      announce(`${download.name} is ready.`);
    } catch (error) {
      if (!signal.aborted) this.#onError(explained(error));
    } finally {
      button.ariaBusy = null;
      button.textContent = FORMATS[format].title;
    }
  }
}

/** @param {unknown} error @returns {UserError} */
function explained(error) {
  if (error instanceof UserError) return error;
  const full = error instanceof DOMException && error.name === "QuotaExceededError";
  return new UserError(full ? "stemRoom" : "stemFile", {}, error);
}

/** @param {HTMLButtonElement} button @param {number} share */
function showShare(button, share) {
  button.textContent = percent(share);
  button.style.setProperty("--share", percent(share).replace(" ", ""));
}

/** @param {Download} download */
function handOver({ name, file, discard }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
    discard().catch((error) => console.warn(error));
  }, KEEP_FILE_MS);
}
