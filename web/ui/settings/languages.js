/**
 * The language setting.
 *
 * @module
 */

import { byId, make } from "../elements.js";
import { chooseLanguage, language, LANGUAGES } from "../words.js";

export function offerLanguages() {
  const select = byId("language", HTMLSelectElement);
  for (const [value, { language: name }] of Object.entries(LANGUAGES)) {
    select.append(make("option", { value, textContent: name, lang: value }));
  }
  select.value = language();
  select.addEventListener("change", () => chooseLanguage(select.value));
}
