/**
 * The page's words, in the language of the browser or the user's choice.
 *
 * Elements update their words when the language changes.
 *
 * @module
 */

import { UserError } from "../engine/errors.js";
import { keep, recall } from "./remembered.js";
import { de } from "./words/de.js";
import { en } from "./words/en.js";
import { locale, setLocale } from "./words/locale.js";

/** @typedef {import("../engine/errors.js").Notice} Notice */
/** @typedef {import("./words/en.js").Words} Words */
/** A text in any language. @typedef {(words: Words) => string} Saying */
/** @typedef {"textContent" | "ariaLabel" | "ariaValueText" | "title" | "placeholder"} Place */

const CHOICE = "language";

/** Catalogues by language tag. @type {Record<string, Words>} */
export const LANGUAGES = { en, de };

/** Languages written from right to left, in case one is added. */
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

/** Marks elements with words, to find them again. */
const MARK = "data-worded";

/** @type {WeakMap<Element, Map<Place, Saying>>} */
const sayings = new WeakMap();

/** @returns {Words} catalogue of the page's language */
function words() {
  return /** @type {Words} */ (LANGUAGES[locale()]);
}

/** @param {Saying} saying @returns {string} in the current language */
export function word(saying) {
  return saying(words());
}

/** @param {Element} element @param {Saying} saying its text in any language */
export function say(element, saying) {
  sayAs(element, "textContent", saying);
}

/**
 * @param {Element} element @param {Place} place
 * @param {Saying} saying its text there in any language
 */
export function sayAs(element, place, saying) {
  const texts = sayings.get(element) ?? new Map();
  texts.set(place, saying);
  sayings.set(element, texts);
  element.setAttribute(MARK, "");
  const text = saying(words());
  // Do not repaint unchanged text: the page's first paint stays.
  if (/** @type {any} */ (element)[place] !== text) /** @type {any} */ (element)[place] = text;
}

/**
 * @param {unknown} problem
 * @returns {Saying} the message for the user; without a code, the message for a bug
 */
export function sentenceOf(problem) {
  const isNotice = problem instanceof UserError || (isObject(problem) && "code" in problem);
  const notice = isNotice ? problem : { code: "fault", values: {} };
  const { code, values } = /** @type {Notice} */ (notice);
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

/** @param {string} tag of an available language, kept as the user's choice */
export function chooseLanguage(tag) {
  keep(CHOICE, tag);
  speak(tag);
}

/** Set the user's language and show all words in it. Call this first. */
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
 * Elements in index.html name their words: `data-word="start.drop"`, or, for other places than the
 * text, `data-word="start.drop" data-word-place="ariaLabel"`.
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
