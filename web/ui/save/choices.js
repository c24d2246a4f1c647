/**
 * The user's choices in the last save, as defaults for the next one.
 *
 * @module
 */

import { FORMATS } from "../../engine/save/formats.js";
import { keep, recall } from "../remembered.js";

/** @typedef {import("../../engine/save/formats.js").Format} Format */

/**
 * @typedef {object} Choices
 * @property {"stem" | "mix" | "all"} what
 * @property {Format} format
 * @property {"download" | "place"} to      "place": a file or folder that the user picks
 * @property {boolean} addsUp       whether all stems add up to the song
 * @property {string} names         pattern of the files' names; empty: the usual one
 */

const NAME = "save";

/** @type {Choices} */
export const FIRST = { what: "all", format: "wav24", to: "download", addsUp: false, names: "" };

/** @returns {Choices} the stored choices, checked, or the defaults */
export function lastChoices() {
  const { what, format, to, addsUp, names } = parsed(recall(NAME));
  return {
    what: what === "mix" || what === "stem" ? what : FIRST.what,
    format:
      format && Object.hasOwn(FORMATS, format) ? /** @type {Format} */ (format) : FIRST.format,
    to: to === "place" ? to : FIRST.to,
    addsUp: addsUp === true,
    names: typeof names === "string" ? names : FIRST.names,
  };
}

/** @param {Choices} choices */
export function keepChoices({ what, format, to, addsUp, names }) {
  keep(NAME, JSON.stringify({ what, format, to, addsUp, names }));
}

/** @param {string | null} text @returns {Record<string, any>} */
function parsed(text) {
  try {
    return Object(JSON.parse(text ?? "null"));
  } catch {
    return {};
  }
}
