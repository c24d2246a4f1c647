/**
 * Beats and key of the shown song: what was found, corrections, the click, the tempo as a file.
 *
 * @module
 */

import { Beats } from "../../engine/beats.js";
import { fileName } from "../../engine/save/names.js";
import { byId, make } from "../elements.js";
import { number } from "../format.js";
import { fileLink } from "../save/places.js";
import { say, word } from "../words.js";
import { placeAbove } from "./popover.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/protocol.js").Correction} Correction */
/** @typedef {import("../../engine/protocol.js").Key} Key */
/** @typedef {import("../../engine/song.js").Song} Song */

/** @typedef {{song: Song, player: Player}} Shown */

const TONICS = 12;
const MODES = /** @type {const} */ (["major", "minor"]);
/** Fewer have no tempo. */
const LEAST_BEATS = 2;
const TIMES = { least: 0.5, most: 2 };

export class Music {
  #button = byId("music-open", HTMLButtonElement);
  #beats = byId("beats", HTMLDivElement);
  #half = byId("beats-half", HTMLButtonElement);
  #double = byId("beats-double", HTMLButtonElement);
  #shift = byId("beats-shift", HTMLButtonElement);
  #clicks = byId("clicks", HTMLSelectElement);
  #midi = byId("midi", HTMLButtonElement);
  #key = byId("key", HTMLSelectElement);
  /** @type {Shown | null} */
  #shown = null;
  #correct;
  /** What `player.beats` was made from. */
  #madeFrom = "";
  #closed = new AbortController();

  /** @param {(song: Song, change: Partial<Correction>) => void} correct */
  constructor(correct) {
    this.#correct = correct;
    placeAbove(byId("music", HTMLDivElement), this.#button);
    this.#half.addEventListener("click", () => this.#multiply(0.5));
    this.#double.addEventListener("click", () => this.#multiply(2));
    this.#shift.addEventListener("click", () => {
      this.#change(({ isShifted }) => ({ isShifted: !isShifted }));
    });
    this.#clicks.addEventListener("change", () => {
      if (this.#shown) this.#shown.player.clicks = /** @type {any} */ (this.#clicks.value);
    });
    this.#key.addEventListener("change", () => this.#change(() => ({ key: keyOf(this.#key.value) })));
    this.#midi.addEventListener("click", () => {
      this.#save().catch((error) => {
        this.#shown?.player.dispatchEvent(new CustomEvent("error", { detail: error }));
      });
    });
    this.#fillKeys();
    addEventListener("language", () => this.update());
  }

  /** @param {Shown} shown */
  show(shown) {
    this.clear();
    this.#shown = shown;
    this.#closed = new AbortController();
    shown.player.addEventListener("mix", () => this.update(), { signal: this.#closed.signal });
    this.update();
  }

  clear() {
    this.#closed.abort();
    this.#shown = null;
    this.#madeFrom = "";
    this.#button.hidden = true;
    byId("music", HTMLDivElement).hidePopover();
  }

  /** Show changes of the song's analysis or its corrections. */
  update() {
    const { song, player } = this.#shown ?? {};
    const { analysis, correction } = song ?? {};
    this.#button.hidden = !analysis;
    if (!song || !player || !analysis || !correction) return;
    this.#hand(player, analysis.beats, correction);
    const bpm = analysis.bpm && analysis.bpm * correction.times * player.speed;
    const key = correction.key ?? analysis.key;
    const heard = key && transposed(key, player.semitones);
    this.#beats.hidden = !player.beats;
    this.#midi.disabled = (player.beats?.frames.length ?? 0) < LEAST_BEATS;
    byId("no-beats", HTMLParagraphElement).hidden = player.beats !== null;
    say(byId("music-text", HTMLElement), ({ music }) => {
      const facts = [bpm && music.bpm(number(bpm)), heard && music.keys[heard.mode][heard.tonic]];
      return facts.filter(Boolean).join(" · ") || music.title;
    });
    say(byId("bpm", HTMLElement), ({ music }) => (bpm ? music.bpm(number(bpm, 1)) : ""));
    this.#half.disabled = correction.times <= TIMES.least;
    this.#double.disabled = correction.times >= TIMES.most;
    this.#shift.setAttribute("aria-pressed", String(correction.isShifted));
    this.#clicks.value = player.clicks;
    this.#key.value = key ? valueOf(key) : "";
    say(byId("key-heard", HTMLElement), ({ music }) =>
      heard && player.semitones !== 0 ? music.keyHeard(music.keys[heard.mode][heard.tonic] ?? "") : "",
    );
  }

  /**
   * Give the player the beats, unless it has them.
   *
   * @param {Player} player @param {number[] | null} found @param {Correction} correction
   */
  #hand(player, found, { times, isShifted }) {
    const made = JSON.stringify([times, isShifted, found?.length]);
    if (made === this.#madeFrom) return;
    this.#madeFrom = made;
    player.beats = found && new Beats(found, { times, isShifted });
  }

  /** @param {number} factor */
  #multiply(factor) {
    const { least, most } = TIMES;
    this.#change(({ times }) => ({ times: Math.min(Math.max(times * factor, least), most) }));
  }

  /** @param {(correction: Correction) => Partial<Correction>} change */
  #change(change) {
    const { song } = this.#shown ?? {};
    if (song) this.#correct(song, change(song.correction));
  }

  /** Save the tempo at normal speed, for the stems as they are. */
  async #save() {
    const { song, player } = this.#shown ?? {};
    if (!song || !player?.beats) return;
    const { frames } = player.beats;
    const { tempoFile } = await import("../../engine/save/midi.js");
    const content = tempoFile(frames, player.rate);
    const part = word(({ music }) => music.tempoFile);
    const name = fileName({ name: song.name }, part, "mid");
    const link = fileLink(name, new Blob([content], { type: "audio/midi" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #fillKeys() {
    const unknown = make("option", { value: "" });
    say(unknown, ({ music }) => music.keyUnknown);
    const keys = MODES.flatMap((mode) => Array.from({ length: TONICS }, (_, tonic) => ({ tonic, mode })));
    const options = keys.map((key) => {
      const option = make("option", { value: valueOf(key) });
      say(option, ({ music }) => music.keys[key.mode][key.tonic] ?? "");
      return option;
    });
    this.#key.append(unknown, ...options);
  }
}

/** @param {Key} key @returns {string} */
function valueOf({ tonic, mode }) {
  return `${tonic} ${mode}`;
}

/** @param {string} value @returns {Key | null} */
function keyOf(value) {
  const [tonic, mode] = value.split(" ");
  return mode === "major" || mode === "minor" ? { tonic: Number(tonic), mode } : null;
}

/** @param {Key} key @param {number} semitones @returns {Key} */
function transposed({ tonic, mode }, semitones) {
  return { tonic: (((tonic + semitones) % TONICS) + TONICS) % TONICS, mode };
}
