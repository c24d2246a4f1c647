/**
 * Numbers and times formatted for the user.
 *
 * @module
 */

import { locale } from "./words/locale.js";

/**
 * @param {number} value @param {number} [digits] decimal places
 * @returns {string} formatted for the page's language
 */
export function number(value, digits = 0) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale(), options).format(value);
}

/** @param {number} bytes @returns {string} "84 MB" */
export function megabytes(bytes) {
  return `${number(bytes / 1e6)} MB`;
}

/** @param {number} bytes @returns {string} "1.2 GB" */
export function gigabytes(bytes) {
  return `${number(bytes / 1e9, 1)} GB`;
}

/** Guards against rounding: 0.57 * 100 is slightly below 57. */
const ROUNDING = 1e-9;

/** @param {number} share between 0 and 1 @returns {string} "42%"; 100% only at exactly 1 */
export function percent(share) {
  const whole = Math.floor(share * 100 + ROUNDING) / 100;
  return new Intl.NumberFormat(locale(), { style: "percent" }).format(whole);
}

/** @param {number} seconds @returns {string} "1:02:03" or "2:03" */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const tail = pad(whole % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** @param {number} seconds @returns {string} "25 s", "3 min" or "1 h 40 min" */
export function span(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.ceil(seconds / 5)) * 5} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {Date} date @returns {string} "25 Nov 2026" */
export function day(date) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(date);
}
