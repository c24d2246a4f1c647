/**
 * Separating a stem further: it becomes a song of its own, for the model that the user picks.
 *
 * The stem is written to a file like one that is saved, and that file is read like one that is
 * dropped. So the new song has all that songs have, and needs the first one no longer. Where that is
 * shown, the new stems are shown below theirs (see divided.js).
 *
 * @module
 */

import { STANDARD } from "../../engine/qualities.js";
import { Maker } from "../../engine/save/maker.js";
import { makeStem } from "../../engine/save/saves.js";
import { TemporaryFiles } from "../../engine/save/temporary.js";
import { make } from "../elements.js";
import { asked } from "../songs/confirm.js";
import { say } from "../words.js";
import { stemName } from "../words/stems.js";

/** @typedef {import("../../engine/protocol.js").Assets} Assets */
/** @typedef {import("../../engine/protocol.js").Choice} Choice */
/** @typedef {import("../../engine/session.js").Session} Session */
/** @typedef {import("../../engine/song.js").Song} Song */

/**
 * Of the file: it holds the stem exactly.
 *
 * @type {import("../../engine/save/formats.js").Format}
 */
const FORMAT = "wav32f";

export class Further {
  #session;
  #maker = new Maker(new TemporaryFiles());

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Ask for a model, and queue the stem for it.
   *
   * @param {import("../../engine/divided.js").Origin} origin of the stem, in a finished song
   * @param {Assets["models"]} models @param {string} selected the model that is picked at first
   * @returns {Promise<Song | null>} the new song; null if the user has changed their mind
   * @throws {UserError}
   */
  async separate({ song, stems, source }, models, selected) {
    const model = await picked(source, models, selected);
    if (model === null) return null;
    const { artist } = song;
    const quality = models[model]?.step === null ? "" : STANDARD;
    const part = { stems, song: { name: song.name, artist }, source, format: FORMAT };
    const { signal } = new AbortController();
    const { file, name, discard } = await makeStem(this.#maker, part, signal);
    const content = new File([file], name);
    const choice = { model, quality, stems: null };
    const [made] = await this.#session.add([content], choice, { song: song.id, source });
    this.#discardLater(/** @type {Song} */ (made), discard);
    return made ?? null;
  }

  /**
   * @param {Song} song that is read from a temporary file
   * @param {() => Promise<void>} discard deletes that file; called when it has been read
   */
  #discardLater(song, discard) {
    const done = new AbortController();
    const look = () => {
      const isGone = !this.#session.songs.includes(song);
      if (!song.about && !isGone) return;
      done.abort();
      discard().catch((error) => console.warn(error));
    };
    for (const type of ["song", "change"]) {
      this.#session.addEventListener(type, look, { signal: done.signal });
    }
  }
}

/**
 * @param {string} source @param {Assets["models"]} models @param {string} selected
 * @returns {Promise<string | null>} the name of the model that the user picks; null: none
 */
async function picked(source, models, selected) {
  const title = make("h2", { id: "further-title" });
  say(title, (w) => w.studio.further(stemName(w, source)));
  const list = make("fieldset", { className: "models" });
  for (const [name, model] of Object.entries(models)) {
    const button = make("input", { type: "radio", name: "further", value: name });
    button.checked = name === selected;
    const heading = make("span", { className: "model-title", textContent: model.title });
    const use = make("span", { className: "model-use" });
    say(use, (w) => model.sources.map((stem) => stemName(w, stem)).join(", "));
    list.append(make("label", { className: "model" }, button, heading, use));
  }
  const about = make("p", { className: "quiet" });
  say(about, ({ studio }) => studio.furtherAbout);
  const chosen = await asked(
    "further",
    [title, list, about],
    ({ studio }) => studio.cancel,
    ({ studio }) => studio.furtherDo,
  );
  return /** @type {string | null} */ (chosen?.get("further") ?? null);
}
