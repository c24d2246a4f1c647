/**
 * Forms of words that depend on a number.
 *
 * @module
 */

import { locale } from "./locale.js";

/**
 * @param {number} count
 * @param {Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} forms
 * @returns {string} the form for that number in the page's language
 */
export function plural(count, forms) {
  return forms[new Intl.PluralRules(locale()).select(count)] ?? forms.other;
}
