/**
 * Keyboard shortcuts, and the list of them.
 *
 * Shortcuts of a single character can be switched off, as WCAG 2.1.4 requires: users of speech
 * input trigger them by accident.
 *
 * @module
 */

import { byId } from "../elements.js";
import { keep, recall } from "../remembered.js";
import { openDialog } from "../shell.js";
import { say } from "../words.js";

/** @typedef {import("../studio/studio.js").Studio} Studio */
/** @typedef {import("../words.js").Words} Words */
/** @typedef {import("./transport.js").Transport} Transport */
/** @typedef {Exclude<keyof Words["keys"], "letters" | "lettersWhy" | "pointer">} Line */

/**
 * A shortcut.
 * @typedef {object} Binding
 * @property {string[]} keys    values of `KeyboardEvent.key`; with "Shift" in front if it is held
 * @property {Line} line        entry in the list
 * @property {string[]} [shown] keys as shown in the list; default: `keys`
 * @property {(key: string) => void} act
 */

const CHOICE = "letters";
const OFF = "off";

/** Elements that use every key, the keys that move, or the space bar themselves. */
const TAKES_ALL = "input:not([type=range], [type=radio], [type=checkbox]), textarea, select";
const TAKES_MOVES = "input, [role=radio], [role=slider], summary, dialog";
const TAKES_SPACE = "button, a[href], input:not([type=range]), summary, dialog";
const MOVES = new Set([
  "ArrowLeft",
  "ArrowRight",
  "ArrowUp",
  "ArrowDown",
  "Home",
  "End",
  "PageUp",
  "PageDown",
]);

/** Keys that are symbols on Latin keyboards but letters in some scripts: their Latin symbols. */
const PLACES = new Map([
  ["BracketLeft", "["],
  ["BracketRight", "]"],
  ["Comma", ","],
  ["Period", "."],
]);

export class Keys {
  #bindings;
  #transport;
  #letters = byId("letters", HTMLInputElement);

  /** @param {Studio} studio @param {Transport} transport */
  constructor(studio, transport) {
    this.#transport = transport;
    this.#bindings = bindings(studio, transport);
    this.#letters.checked = recall(CHOICE) !== OFF;
    this.#letters.addEventListener("change", () => {
      keep(CHOICE, this.#letters.checked ? "on" : OFF);
    });
    const rows = this.#bindings.map(row);
    byId("key-list", HTMLElement).replaceChildren(...rows);
    document.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    // On some keyboards the brackets need AltGr.
    const isCommand = event.ctrlKey || event.metaKey || event.altKey;
    if (event.defaultPrevented || (isCommand && !event.getModifierState("AltGraph"))) return;
    const isMove = MOVES.has(event.key);
    const name = nameOf(event);
    const key = isMove && event.shiftKey ? `Shift+${name}` : name;
    const binding = this.#bindings.find(({ keys }) => keys.includes(key));
    if (!binding || isTaken(event.target, event.key)) return;
    if (!this.#transport.player && binding.line !== "lists") return;
    if (event.key.length === 1 && event.key !== " " && !this.#letters.checked) return;
    event.preventDefault();
    if (!event.repeat || isMove || "+-".includes(key)) binding.act(key);
  }
}

/**
 * @param {KeyboardEvent} event
 * @returns {string} name of the key; for a non-Latin letter, that of the Latin key
 */
function nameOf({ key, code }) {
  if (key.length > 1 || /[ -~]/.test(key)) return key;
  return /^Key[A-Z]$/.test(code) ? code.slice(3) : (PLACES.get(code) ?? key);
}

/** @param {EventTarget | null} target @param {string} key @returns {boolean} */
function isTaken(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.closest(TAKES_ALL) || target.closest("dialog")) return true;
  if (key === " ") return target.closest(TAKES_SPACE) !== null;
  return MOVES.has(key) && target.closest(TAKES_MOVES) !== null;
}

/** @param {Studio} studio @param {Transport} transport @returns {Binding[]} */
function bindings(studio, transport) {
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
  return [
    { keys: [" "], line: "plays", act: () => transport.toggle() },
    {
      keys: ["ArrowLeft", "ArrowRight"],
      shown: ["←", "→"],
      line: "moves",
      act: (key) => transport.move(key === "ArrowLeft" ? -5 : 5),
    },
    {
      keys: ["PageUp", "PageDown"],
      shown: ["Page ↑", "Page ↓"],
      line: "movesFar",
      act: (key) => transport.move(key === "PageDown" ? -30 : 30),
    },
    { keys: ["Home", "End"], line: "ends", act: (key) => transport.moveTo(key === "Home" ? 0 : 1) },
    {
      keys: digits,
      shown: ["1 … 9"],
      line: "lanes",
      act: (key) => studio.lane(Number(key) - 1)?.focus(),
    },
    { keys: ["m", "M"], shown: ["M"], line: "mutes", act: () => studio.currentLane?.toggleMuted() },
    { keys: ["s", "S"], shown: ["S"], line: "solos", act: () => studio.currentLane?.toggleSolo() },
    {
      keys: ["f", "F"],
      shown: ["F"],
      line: "spectrogram",
      act: () => studio.currentLane?.toggleSpectrogram(),
    },
    { keys: ["l", "L"], shown: ["L"], line: "loops", act: () => transport.toggleLoop() },
    {
      keys: ["[", "]", ",", "."],
      line: "loopEnds",
      act: (key) => transport.setLoopEnd("[,".includes(key) ? 0 : 1),
    },
    { keys: ["c", "C"], shown: ["C"], line: "clicks", act: () => transport.toggleClicks() },
    { keys: ["o", "O"], shown: ["O"], line: "original", act: () => transport.toggleHeard() },
    {
      keys: ["+", "-", "="],
      shown: ["+", "-"],
      line: "zooms",
      act: (key) => studio.zoom(key === "-" ? -1 : 1),
    },
    { keys: ["0"], line: "fits", act: () => studio.fit() },
    {
      keys: ["Shift+ArrowLeft", "Shift+ArrowRight"],
      shown: ["⇧ ←", "⇧ →"],
      line: "scrolls",
      act: (key) => studio.scroll(key.endsWith("Left") ? -1 : 1),
    },
    { keys: ["?"], line: "lists", act: () => openDialog("keys") },
  ];
}

/** @param {Binding} binding @returns {HTMLDivElement} a row of the list */
function row({ keys, shown = keys, line }) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  for (const key of shown) {
    const cap = document.createElement("kbd");
    if (key === " ") say(cap, (w) => w.keys.space);
    else cap.textContent = key;
    term.append(cap, " ");
  }
  const meaning = document.createElement("dd");
  say(meaning, (w) => w.keys[line]);
  row.append(term, meaning);
  return row;
}
