/**
 * The engine's status: progress of its start, whether it works offline, its versions.
 *
 * @module
 */

import { announce, byId, setBar } from "../elements.js";
import { megabytes, percent, span } from "../format.js";
import { say, word } from "../words.js";

/** @typedef {import("../../engine/engine.js").Engine} Engine */
/** @typedef {import("../../engine/engine.js").Stage} Stage */

export class EngineCard {
  #engine;
  #card = byId("engine", HTMLElement);
  #text = byId("engine-text", HTMLSpanElement);
  #number = byId("engine-number", HTMLSpanElement);
  #bar = byId("engine-bar", HTMLProgressElement);
  #offline = byId("offline", HTMLParagraphElement);
  #pace = byId("pace", HTMLParagraphElement);
  #versions = byId("versions", HTMLParagraphElement);
  /** @type {Stage["stage"] | null} */
  #stage = null;

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
    engine.addEventListener("stage", (event) => {
      this.#show(/** @type {CustomEvent<Stage | null>} */ (event).detail);
    });
    engine.addEventListener("change", () => this.#showVersions());
  }

  /** @param {Stage | null} stage */
  #show(stage) {
    this.#card.hidden = stage === null;
    const isNew = stage !== null && stage.stage !== this.#stage;
    this.#stage = stage?.stage ?? null;
    if (!stage) return;
    const { done, total } = stage;
    if (isNew) {
      say(this.#text, ({ engine }) => engine.stages[stage.stage]);
      announce(word(({ engine }) => engine.stages[stage.stage]));
    }
    const isCounted = total > 0;
    const parts = /** @type {const} */ ([megabytes(done), megabytes(total), percent(done / total)]);
    say(this.#number, ({ engine }) => (isCounted ? engine.amount(...parts) : ""));
    setBar(this.#bar, isCounted ? done / total : null);
  }

  /** @param {string | null} model that works offline; null if none does */
  tellOffline(model) {
    say(this.#offline, ({ engine }) => (model === null ? "" : engine.offline));
    this.#offline.dataset.model = model ?? "";
    this.#offline.classList.toggle("ready", model !== null);
  }

  /** @param {number | null} seconds for a song of typical length; null if unknown */
  tellPace(seconds) {
    say(this.#pace, ({ engine }) => (seconds === null ? "" : engine.pace(span(seconds))));
  }

  #showVersions() {
    const { info, pool } = this.#engine;
    const card = pool?.card;
    if (!info) {
      say(this.#versions, () => "");
      return;
    }
    if (this.#versions.textContent === "") announce(word(({ engine }) => engine.ready));
    const { py_demixer, python, numpy } = info.versions;
    const versions = `py-demixer ${py_demixer}, Python ${python}, NumPy ${numpy}`;
    say(this.#versions, ({ engine }) => {
      const by = card ? engine.byCard(card.name) : engine.byProcessor(info.backend);
      return `${versions}, ${by}`;
    });
  }
}
