/**
 * The two cards that show how far things are: the engine's start and the song at work.
 *
 * @module
 */

import { announce, byId, setBar } from "./elements.js";
import { clock, megabytes, percent, timeLeft } from "./format.js";

/** @typedef {import("../engine/protocol.js").Notice} Notice */
/** @typedef {import("../engine/separator.js").Progress} Progress */

const STAGES = {
  download: "Downloading the engine (only once)",
  python: "Starting Python",
  packages: "Loading NumPy and the separator",
  weights: "Loading the model",
  graphics: "Trying the graphics card",
};

export class EngineCard {
  #card = byId("engine", HTMLElement);
  #text = byId("engine-text", HTMLSpanElement);
  #number = byId("engine-number", HTMLSpanElement);
  #bar = byId("engine-bar", HTMLProgressElement);

  /**
   * @param {keyof typeof STAGES} stage
   * @param {number} done bytes
   * @param {number} total bytes; 0 where they are not counted
   */
  show(stage, done, total) {
    if (this.#text.textContent !== STAGES[stage] || this.#card.hidden) announce(STAGES[stage]);
    this.#card.hidden = false;
    this.#text.textContent = STAGES[stage];
    this.#number.textContent =
      total === 0 ? "" : `${megabytes(done)} of ${megabytes(total)} · ${percent(done / total)}`;
    setBar(this.#bar, total === 0 ? null : done / total);
  }

  hide() {
    this.#card.hidden = true;
  }
}

export class JobCard {
  #card = byId("job", HTMLElement);
  #text = byId("job-text", HTMLSpanElement);
  #number = byId("job-number", HTMLSpanElement);
  #bar = byId("job-bar", HTMLProgressElement);
  #time = byId("job-time", HTMLSpanElement);
  #pause = byId("pause", HTMLButtonElement);
  #pageTitle = document.title;
  #name = "";
  #timer = 0;
  #isPaused = false;

  /** @param {string} name of the song */
  open(name) {
    this.#name = name;
    this.#card.hidden = false;
    const heading = byId("job-name", HTMLHeadingElement);
    heading.textContent = name;
    // The file picker, which had the focus, is hidden meanwhile.
    heading.focus();
  }

  /** @param {import("../engine/separator.js").Separation} separation can be paused from now on */
  begin(separation) {
    this.#isPaused = false;
    this.#pause.hidden = false;
    this.#pause.textContent = "Pause";
    this.#pause.onclick = () => {
      this.#isPaused = separation.paused = !separation.paused;
      this.#pause.textContent = this.#isPaused ? "Continue" : "Pause";
      this.#runClock(null);
    };
  }

  /** @param {string} text what is being done, where nobody knows how long it takes */
  stage(text) {
    this.#stopClock();
    this.#text.textContent = text;
    this.#number.textContent = "";
    setBar(this.#bar, null);
    announce(text);
  }

  /** @param {Progress} progress @param {number | null} expected seconds for all of it */
  separating({ done, total, secondsLeft }, expected) {
    const share = done / total;
    const before = Math.floor(this.#bar.position * 4);
    this.#text.textContent = "Separating";
    this.#number.textContent = percent(share);
    setBar(this.#bar, share);
    document.title = `${percent(share)} · ${this.#name}`;
    if (done === 0) announce("Separating");
    else if (Math.floor(share * 4) > before) announce(`${percent(share)} separated`);
    this.#runClock(secondsLeft ?? (expected && expected * (1 - share)));
  }

  /** @param {number | null} secondsLeft now; counted down until the next report */
  #runClock(secondsLeft) {
    this.#stopClock();
    if (this.#isPaused) {
      this.#time.textContent = "Paused; what is finished can be played.";
      return;
    }
    const began = performance.now();
    const tick = () => {
      const seconds = (performance.now() - began) / 1000;
      this.#time.textContent =
        secondsLeft === null
          ? `${clock(seconds)} so far; the time left is known after the first part`
          : timeLeft(secondsLeft - seconds);
    };
    tick();
    this.#timer = window.setInterval(tick, 1000);
  }

  #stopClock() {
    clearInterval(this.#timer);
    this.#time.textContent = "";
  }

  close() {
    this.#stopClock();
    this.#pause.hidden = true;
    this.#card.hidden = true;
    document.title = this.#pageTitle;
  }
}
