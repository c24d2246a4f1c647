/**
 * Named mixes, such as karaoke.
 *
 * @module
 */

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
  const without = (/** @type {string} */ absent) => sources.filter((source) => source !== absent);
  /** @type {Record<Exclude<PresetName, "all" | "own">, string[]>} */
  const possible = {
    karaoke: without("vocals"),
    acapella: sources.filter((source) => source === "vocals"),
    drumless: without("drums"),
    bassless: without("bass"),
  };
  const some = Object.entries(possible)
    .filter(([, heard]) => heard.length > 0 && heard.length < sources.length)
    .map(([name, heard]) => ({ name: /** @type {PresetName} */ (name), heard }));
  return [{ name: "all", heard: [...sources] }, ...some, { name: "own", heard: null }];
}
