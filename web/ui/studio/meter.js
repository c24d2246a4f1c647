/**
 * Scale of the level meters.
 *
 * @module
 */

/** Lowest level shown, in dB relative to full scale. */
const SOFTEST = -54;

/** @param {number} level 1: full scale @returns {number} between 0 and 1, on a logarithmic scale */
export function meterShare(level) {
  const share = 1 - (20 * Math.log10(level + 1e-9)) / SOFTEST;
  return Math.min(Math.max(share, 0), 1);
}
