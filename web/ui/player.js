/**
 * The player's controls: play, seek, and a small mixer with a strip for each stem.
 *
 * @module
 */

import { Player } from "../engine/player.js";
import { byId, within } from "./elements.js";
import { clock } from "./format.js";

/** @typedef {import("../engine/protocol.js").Stems} Stems */

/** How far the keys go, in seconds. */
const STEPS = new Map([
  ["ArrowLeft", -5],
  ["ArrowRight", 5],
  ["ArrowDown", -5],
  ["ArrowUp", 5],
  ["PageDown", -30],
  ["PageUp", 30],
]);

const WAITING = "Waiting for this part: it is played as soon as it is separated.";

/** What has a use of its own for the space bar. */
const TAKES_SPACE =
  "button, select, textarea, summary, a[href], input:not([type=range]), [contenteditable]";

export class PlayerControls {
  #button = byId("play", HTMLButtonElement);
  #slider = byId("seek", HTMLInputElement);
  #track = byId("seek-track", HTMLDivElement);
  #time = byId("time", HTMLSpanElement);
  #note = byId("player-note", HTMLParagraphElement);
  #stems;
  #player;
  #strips;
  /** Ends all listeners. */
  #closed = new AbortController();
  /** While the person drags the slider, it does not follow what is heard. */
  #dragged = false;
  #frameRequest = 0;

  /**
   * @param {Stems} stems
   * @param {Map<string, ParentNode>} strips the mixer's controls of each stem
   * @param {(error: unknown) => void} onError for stems that could not be read
   */
  constructor(stems, strips, onError) {
    this.#stems = stems;
    this.#strips = strips;
    const options = /** @type {const} */ ({ latencyHint: "playback", sampleRate: stems.rate });
    this.#player = new Player(stems, new AudioContext(options));
    this.#slider.max = String(stems.length / stems.rate);
    this.#listen(this.#player, "state", () => this.#showState());
    this.#listen(this.#player, "error", (event) => {
      onError(/** @type {CustomEvent} */ (event).detail);
    });
    this.#listen(stems, "final", () => this.#showFinal());
    this.#listen(this.#button, "click", () => this.#toggle());
    this.#listen(document, "keydown", (event) => this.#onKey(/** @type {KeyboardEvent} */ (event)));
    this.#listenToSlider();
    for (const [source, strip] of strips) this.#connectStrip(source, strip);
    this.#showFinal();
    this.#showState();
  }

  /** @returns {Map<string, number>} the volumes of the stems that are heard */
  volumes() {
    const { channels } = this.#player.mix();
    return new Map([...channels].map(([source, { volume }]) => [source, volume]));
  }

  /** @returns {Promise<void>} settled when nothing of the stems is read any more */
  async close() {
    this.#closed.abort();
    cancelAnimationFrame(this.#frameRequest);
    await this.#player.close();
  }

  /** @param {EventTarget} target @param {string} type @param {(event: Event) => void} listener */
  #listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.#closed.signal });
  }

  #toggle() {
    if (this.#player.state === "paused") this.#player.play();
    else this.#player.pause();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const taken = event.target instanceof Element && event.target.closest(TAKES_SPACE);
    if (event.key !== " " || taken || event.defaultPrevented) return;
    event.preventDefault();
    if (!event.repeat) this.#toggle();
  }

  #listenToSlider() {
    this.#listen(this.#slider, "input", () => {
      this.#dragged = true;
      this.#showTime();
    });
    this.#listen(this.#slider, "change", () => {
      this.#dragged = false;
      this.#seek(this.#slider.valueAsNumber);
    });
    this.#listen(this.#slider, "keydown", (event) => {
      const step = STEPS.get(/** @type {KeyboardEvent} */ (event).key);
      if (step === undefined) return;
      event.preventDefault();
      this.#seek(this.#player.position / this.#stems.rate + step);
    });
  }

  /** @param {number} seconds */
  #seek(seconds) {
    this.#player.seek(seconds * this.#stems.rate);
    this.#showPosition();
  }

  /** @param {string} source @param {ParentNode} strip */
  #connectStrip(source, strip) {
    for (const name of /** @type {const} */ (["muted", "solo"])) {
      const button = within(strip, `[data-mix="${name}"]`, HTMLButtonElement);
      this.#listen(button, "click", () => {
        this.#player.setChannel(source, { [name]: !this.#player.channel(source)[name] });
        this.#showMix();
      });
    }
    const slider = within(strip, '[data-mix="volume"]', HTMLInputElement);
    this.#listen(slider, "input", () => {
      this.#player.setChannel(source, { volume: slider.valueAsNumber / 100 });
      this.#showMix();
    });
  }

  #showMix() {
    for (const [source, strip] of this.#strips) {
      const channel = this.#player.channel(source);
      for (const name of /** @type {const} */ (["muted", "solo"])) {
        const button = within(strip, `[data-mix="${name}"]`, HTMLButtonElement);
        button.setAttribute("aria-pressed", String(channel[name]));
      }
      const slider = within(strip, '[data-mix="volume"]', HTMLInputElement);
      slider.setAttribute("aria-valuetext", `${slider.value} %`);
      slider.style.setProperty("--value", String(channel.volume));
      slider.classList.toggle("off", !this.#player.isHeard(source));
    }
  }

  #showState() {
    const { state } = this.#player;
    this.#button.dataset.state = state;
    this.#button.setAttribute("aria-label", state === "paused" ? "Play" : "Pause");
    this.#note.textContent = state === "buffering" ? WAITING : "";
    this.#showPosition();
    this.#showMix();
    cancelAnimationFrame(this.#frameRequest);
    if (state === "playing") this.#follow();
  }

  #follow() {
    this.#frameRequest = requestAnimationFrame(() => {
      this.#showPosition();
      this.#follow();
    });
  }

  #showPosition() {
    if (this.#dragged) return;
    this.#slider.value = String(this.#player.position / this.#stems.rate);
    this.#showTime();
  }

  /** What the slider says, in words and as the length of its bar. */
  #showTime() {
    const seconds = this.#slider.valueAsNumber;
    const duration = this.#stems.length / this.#stems.rate;
    this.#track.style.setProperty("--played", `${(100 * seconds) / duration}%`);
    const text = `${clock(seconds)} / ${clock(duration)}`;
    // So that a screen reader is told only what is new.
    if (this.#time.textContent === text) return;
    this.#time.textContent = text;
    this.#slider.setAttribute("aria-valuetext", text.replace("/", "of"));
  }

  /** Mark what is final on the slider's track. */
  #showFinal() {
    const { length } = this.#stems;
    const stops = this.#stems.finalRanges().flatMap(([start, stop]) => {
      const [from, to] = [(100 * start) / length, (100 * stop) / length];
      return [`transparent ${from}%`, `var(--final) ${from}% ${to}%`, `transparent ${to}%`];
    });
    const colours = ["90deg", "transparent 0%", ...stops, "transparent"].join(", ");
    this.#track.style.setProperty("--ranges", `linear-gradient(${colours})`);
  }
}
