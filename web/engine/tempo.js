/**
 * How fast, and how high.
 *
 * @module
 */

/**
 * @typedef {object} Tempo
 * @property {number} speed         0.5 to 1.5, at the same pitch
 * @property {number} semitones     -12 to 12, at the same speed
 */

/** @param {Partial<Tempo>} given @returns {Tempo} within what is possible; as it was, else */
export function tempoOf({ speed, semitones }) {
  return { speed: clamp(speed, 0.5, 1.5, 1), semitones: clamp(semitones, -12, 12, 0) };
}

/** @param {Tempo} tempo @returns {boolean} whether nothing is to be done */
export function isPlain({ speed, semitones }) {
  return speed === 1 && semitones === 0;
}

/**
 * @param {unknown} value @param {number} least @param {number} most @param {number} otherwise
 * @returns {number} the value within its bounds; `otherwise` if it is no number
 */
export function clamp(value, least, most, otherwise) {
  if (typeof value !== "number" || Number.isNaN(value)) return otherwise;
  return Math.min(Math.max(value, least), most);
}
