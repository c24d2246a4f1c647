/**
 * Named mixes, such as karaoke.
 *
 * @module
 */

import { namesIn, undividedAmong } from "./divided.js";

/** @typedef {"all" | "karaoke" | "acapella" | "drumless" | "bassless" | "own"} PresetName */

/**
 * @typedef {object} Preset
 * @property {PresetName} name
 * @property {string[] | null} heard    the stems that are heard, at full volume and in the middle;
 *   null: the user's own mix
 */

/**
 * @param {readonly string[]} sources names of the stems
 * @returns {Preset[]} the presets that suit these stems, in display order
 */
export function presets(sources) {
  const heard = undividedAmong(sources);
  const are = (/** @type {string} */ wanted) => (/** @type {string} */ source) =>
    namesIn(source)[0] === wanted;
  const without = (/** @type {string} */ absent) => heard.filter((one) => !are(absent)(one));
  /** @type {Record<Exclude<PresetName, "all" | "own">, string[]>} */
  const possible = {
    karaoke: without("vocals"),
    acapella: heard.filter(are("vocals")),
    drumless: without("drums"),
    bassless: without("bass"),
  };
  const some = Object.entries(possible)
    .filter(([, some]) => some.length > 0 && some.length < heard.length)
    .map(([name, some]) => ({ name: /** @type {PresetName} */ (name), heard: some }));
  return [{ name: "all", heard }, ...some, { name: "own", heard: null }];
}
