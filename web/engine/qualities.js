/**
 * The user's choice between speed and quality, for models that cut songs into segments.
 *
 * @module
 */

/** @typedef {import("./protocol.js").ModelInfo} ModelInfo */
/** @typedef {import("./separation.js").Options} Options */

export const STANDARD = "standard";

/** More overlap between segments and more averaged passes make the seams less audible. */
export const QUALITIES = {
  fast: { overlap: 0.1, shifts: 0 },
  [STANDARD]: { overlap: 0.25, shifts: 0 },
  best: { overlap: 0.5, shifts: 2 },
};

/** @typedef {keyof typeof QUALITIES} Quality */

/** @param {string} name @returns {name is Quality} */
export function isQuality(name) {
  return Object.hasOwn(QUALITIES, name);
}

/**
 * @param {ModelInfo} model @param {string} quality
 * @returns {Options} options for a song
 */
export function optionsFor({ step, options }, quality) {
  if (step === null) return options;
  return { ...QUALITIES[isQuality(quality) ? quality : STANDARD], ...options };
}

/**
 * @param {Options} options
 * @returns {number} relative cost of these options; 1 for the standard quality
 */
export function passes({ overlap, shifts }) {
  const standard = QUALITIES[STANDARD];
  const times = Math.max(1, shifts ?? standard.shifts);
  return (times * (1 - standard.overlap)) / (1 - (overlap ?? standard.overlap));
}
