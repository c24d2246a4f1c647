/**
 * Asks for confirmation before something is deleted.
 *
 * @module
 */

import { make } from "../elements.js";
import { say } from "../words.js";

/** @typedef {import("../words.js").Saying} Saying */

/**
 * @param {Saying} question @param {Saying} yes label of the button
 * @returns {Promise<boolean>} whether the user confirmed
 */
export function confirmed(question, yes) {
  const text = make("p", { id: "confirm-text" });
  const no = make("button", { type: "submit", value: "no" });
  const sure = make("button", { type: "submit", value: "yes", className: "primary" });
  say(text, question);
  say(no, ({ songs }) => songs.no);
  say(sure, yes);
  const buttons = make("p", { className: "buttons" }, no, sure);
  const form = make("form", { method: "dialog" }, text, buttons);
  const dialog = make("dialog", { id: "confirm" }, form);
  dialog.setAttribute("aria-labelledby", text.id);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
