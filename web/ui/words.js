/**
 * The page's words, in the language of the browser or of the person's choice.
 *
 * What was said to an element is said anew when the language changes.
 *
 * @module
 */

import { UserError } from "../engine/errors.js";
import { keep, recall } from "./remembered.js";
import { de } from "./words/de.js";
import { en } from "./words/en.js";
import { locale, setLocale } from "./words/locale.js";

/** @typedef {import("../engine/errors.js").Said} Said */
/** @typedef {import("./words/en.js").Words} Words */
/** What there is to say, in any language. @typedef {(words: Words) => string} Saying */
/** @typedef {"textContent" | "ariaLabel" | "ariaValueText" | "title" | "placeholder"} Place */

const CHOICE = "language";

/** By language tag. @type {Record<string, Words>} */
export const LANGUAGES = { en, de };

/** Those that are written from right to left, should one be added. */
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

/** Marks elements that were told something, so that they are found again. */
const MARK = "data-said";

/** @type {WeakMap<Element, Map<Place, Saying>>} */
const sayings = new WeakMap();

/** @returns {Words} of the page's language */
function words() {
  return /** @type {Words} */ (LANGUAGES[locale()]);
}

/** @param {Saying} saying @returns {string} in the language of this moment */
export function word(saying) {
  return saying(words());
}

/** @param {Element} element @param {Saying} saying its text, from now on */
export function say(element, saying) {
  sayAs(element, "textContent", saying);
}

/**
 * @param {Element} element @param {Place} place
 * @param {Saying} saying its text there, from now on
 */
export function sayAs(element, place, saying) {
  const said = sayings.get(element) ?? new Map();
  said.set(place, saying);
  sayings.set(element, said);
  element.setAttribute(MARK, "");
  const text = saying(words());
  // What is the same is not painted anew: the page's first picture stays.
  if (/** @type {any} */ (element)[place] !== text) /** @type {any} */ (element)[place] = text;
}

/**
 * @param {unknown} problem
 * @returns {Saying} the sentence for the person; that of a fault of the program where it is no
 *   `UserError`
 */
export function sentenceOf(problem) {
  const isSaid = problem instanceof UserError || (isObject(problem) && "code" in problem);
  const { code, values } = isSaid ? /** @type {Said} */ (problem) : { code: "fault", values: {} };
  return ({ errors }) => {
    const sentence = /** @type {string | ((values: any) => string)} */ (
      errors[/** @type {keyof Words["errors"]} */ (code)]
    );
    return typeof sentence === "string" ? sentence : sentence(values);
  };
}

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** @returns {string} the tag of the page's language */
export function language() {
  return locale();
}

/** @param {string} tag of a language that there is: the person's choice, kept for the next visit */
export function chooseLanguage(tag) {
  keep(CHOICE, tag);
  speak(tag);
}

/** Say everything in the person's language, as far as it is known. To be called first. */
export function startSpeaking() {
  const wanted = [recall(CHOICE) ?? "", ...navigator.languages];
  const tags = wanted.map((tag) => tag.split("-")[0] ?? "");
  speak(tags.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en");
}

/** @param {string} tag */
function speak(tag) {
  setLocale(tag);
  document.documentElement.lang = tag;
  document.documentElement.dir = RIGHT_TO_LEFT.has(tag) ? "rtl" : "ltr";
  for (const element of document.querySelectorAll("[data-word]")) sayWritten(element);
  for (const element of document.querySelectorAll(`[${MARK}]`)) {
    for (const [place, saying] of sayings.get(element) ?? []) sayAs(element, place, saying);
  }
  dispatchEvent(new Event("language"));
}

/**
 * Elements of index.html name their words: `data-word="start.drop"`, and for other places than the
 * text `data-word="start.drop" data-word-place="ariaLabel"`.
 *
 * @param {Element} element
 */
function sayWritten(element) {
  const place = /** @type {Place} */ (element.getAttribute("data-word-place") ?? "textContent");
  const path = (element.getAttribute("data-word") ?? "").split(".");
  sayAs(element, place, (all) => {
    let found = /** @type {any} */ (all);
    for (const key of path) found = found?.[key];
    if (typeof found !== "string") throw new Error(`There are no words ${path.join(".")}.`);
    return found;
  });
}
