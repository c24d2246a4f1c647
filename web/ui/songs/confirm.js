/**
 * Asks in a dialog: for confirmation before something is deleted, or for a choice.
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
export async function confirmed(question, yes) {
  const text = make("p", { id: "confirm-text" });
  say(text, question);
  return (await asked("confirm", [text], ({ songs }) => songs.no, yes)) !== null;
}

/**
 * @param {string} id of the dialog
 * @param {[HTMLElement, ...HTMLElement[]]} content the first one names the dialog
 * @param {Saying} no @param {Saying} yes labels of the buttons
 * @returns {Promise<FormData | null>} what was chosen; null: the user declined
 */
export function asked(id, content, no, yes) {
  const decline = make("button", { type: "submit", value: "no" });
  const sure = make("button", { type: "submit", value: "yes", className: "primary" });
  say(decline, no);
  say(sure, yes);
  const buttons = make("p", { className: "buttons" }, decline, sure);
  const form = make("form", { method: "dialog" }, ...content, buttons);
  const dialog = make("dialog", { id }, form);
  dialog.setAttribute("aria-labelledby", content[0].id);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? new FormData(form) : null);
    });
  });
}
