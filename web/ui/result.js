/**
 * The stems of a song: players and downloads.
 *
 * @module
 */

import { SENTENCES, UserError } from "../engine/errors.js";
import { sharedGain, wavFile } from "../engine/wav.js";
import { announce, byId, within } from "./elements.js";
import { trackName } from "./format.js";

/** @typedef {import("../engine/separator.js").Stem} Stem */

/** How long a download's URL is kept for the browser to take the file. */
const KEEP_URL_MS = 60_000;

export class Result {
  #section = byId("result", HTMLElement);
  #list = byId("stems", HTMLUListElement);
  #template = byId("stem", HTMLTemplateElement);
  /** @type {string[]} */
  #urls = [];
  #onError;

  /** @param {(error: unknown) => void} onError for files that are made only when asked for */
  constructor(onError) {
    this.#onError = onError;
  }

  /** Forget the last song and give its memory back. */
  clear() {
    this.#section.hidden = true;
    for (const player of this.#list.querySelectorAll("audio")) {
      player.pause();
      player.removeAttribute("src");
      player.load();
    }
    this.#list.replaceChildren();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#urls = [];
  }

  /**
   * @param {string} fileName of the song
   * @param {Stem[]} stems
   * @param {number} rate in hertz
   */
  async show(fileName, stems, rate) {
    const track = trackName(fileName);
    const gain = sharedGain(stems);
    const cards = [];
    for (const stem of stems) cards.push(await this.#card(track, stem, rate, gain));
    const heading = byId("result-name", HTMLHeadingElement);
    heading.textContent = track;
    byId("result-note", HTMLParagraphElement).textContent = noteOn(gain);
    this.#list.replaceChildren(...cards);
    this.#section.hidden = false;
    heading.focus({ preventScroll: true });
    announce(`${track} is separated into ${stems.map(({ name }) => name).join(", ")}.`);
  }

  /**
   * @param {string} track @param {Stem} stem @param {number} rate @param {number} gain
   * @returns {Promise<DocumentFragment>}
   */
  async #card(track, stem, rate, gain) {
    const card = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    within(card, "li", HTMLLIElement).dataset.stem = stem.name;
    within(card, "h3", HTMLHeadingElement).textContent = stem.name;
    const url = URL.createObjectURL(await makeFile(stem, rate, { codec: "pcm-s16", gain }));
    this.#urls.push(url);
    const player = within(card, "audio", HTMLAudioElement);
    player.src = url;
    player.setAttribute("aria-label", stem.name);
    const link = within(card, "a", HTMLAnchorElement);
    link.href = url;
    link.download = `${track} - ${stem.name}.wav`;
    link.setAttribute("aria-label", `Download ${stem.name} as WAV, 16-bit`);
    const button = within(card, "button", HTMLButtonElement);
    button.setAttribute("aria-label", `Download ${stem.name} as WAV, 32-bit float`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const file = await makeFile(stem, rate, { codec: "pcm-f32", gain: 1 });
        save(file, `${track} - ${stem.name} (32-bit float).wav`);
      } catch (error) {
        this.#onError(error);
      } finally {
        button.disabled = false;
      }
    });
    return card;
  }
}

/**
 * @param {Stem} stem @param {number} rate @param {Parameters<typeof wavFile>[2]} options
 * @returns {Promise<Blob>}
 * @throws {UserError}
 */
async function makeFile(stem, rate, options) {
  try {
    return await wavFile(stem, rate, options);
  } catch (error) {
    throw new UserError(SENTENCES.stemFile, error);
  }
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_URL_MS);
}

/** @param {number} gain @returns {string} */
function noteOn(gain) {
  if (gain === 1) return "The stems have the level they have in the song.";
  const decibels = (-20 * Math.log10(gain)).toFixed(2);
  return (
    `The loudest stem would clip in 16 bits: players and 16-bit files of all stems are turned down ` +
    `by the same ${decibels} dB. The 32-bit float files keep the song's own level.`
  );
}
