/**
 * The bar at the bottom: play, position, loop, original or stems, presets, speed and key, volume.
 *
 * @module
 */

import { presets } from "../../engine/presets.js";
import { announce, byId, within } from "../elements.js";
import { clock, number, percent } from "../format.js";
import { connect, fill } from "../slider.js";
import { meterShare } from "../studio/meter.js";
import { say, sayAs, word } from "../words.js";
import { placeAbove } from "./popover.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/presets.js").PresetName} PresetName */
/** @typedef {import("../../engine/protocol.js").Stems} Stems */

/** Seconds by which the keys move the slider. */
const STEPS = new Map([
  ["ArrowLeft", -5],
  ["ArrowRight", 5],
  ["ArrowDown", -5],
  ["ArrowUp", 5],
  ["PageDown", -30],
  ["PageUp", 30],
]);

/** Length of the loop when it is first switched on. */
const LOOP_SECONDS = 8;

export class Transport {
  #bar = byId("transport", HTMLElement);
  #play = byId("play", HTMLButtonElement);
  #slider = byId("seek", HTMLInputElement);
  #track = byId("seek-track", HTMLDivElement);
  #time = byId("time", HTMLSpanElement);
  #note = byId("player-note", HTMLParagraphElement);
  #loop = byId("loop", HTMLButtonElement);
  #heard = byId("heard", HTMLFieldSetElement);
  #presets = byId("presets", HTMLFieldSetElement);
  #speed = byId("speed", HTMLInputElement);
  #semitones = byId("semitones", HTMLInputElement);
  #master = byId("master", HTMLInputElement);
  #meter = within(this.#bar, ".master .meter span", HTMLSpanElement);
  /** @type {{stems: Stems, player: Player} | null} */
  #shown = null;
  #closed = new AbortController();
  #frameRequest = 0;
  /** While the user drags the slider, it does not follow playback. */
  #isDragged = false;
  /** @type {readonly [number, number] | null} the last loop, switched off */
  #lastLoop = null;
  /** @type {import("../../engine/player.js").Clicks} the last ones, switched off */
  #lastClicks = "beats";

  constructor() {
    this.#listen();
    placeAbove(byId("tempo", HTMLDivElement), byId("tempo-open", HTMLButtonElement));
    addEventListener("language", () => {
      this.#showMix();
      this.#showState();
    });
  }

  /** @param {{stems: Stems, player: Player}} shown the song to play */
  show({ stems, player }) {
    this.clear();
    this.#shown = { stems, player };
    this.#closed = new AbortController();
    const { signal } = this.#closed;
    this.#slider.max = String(stems.length / stems.rate);
    this.#offerPresets(stems.sources);
    player.addEventListener("state", () => this.#showState(), { signal });
    player.addEventListener("seek", () => this.#showPosition(), { signal });
    player.addEventListener("mix", () => this.#showMix(), { signal });
    player.addEventListener("loop", () => this.#showLoop(), { signal });
    stems.addEventListener("final", () => this.#showFinal(), { signal });
    stems.addEventListener("working", () => this.#showNote(), { signal });
    this.#bar.hidden = false;
    this.#showFinal();
    this.#showState();
    this.#showMix();
    this.#showLoop();
  }

  clear() {
    this.#closed.abort();
    cancelAnimationFrame(this.#frameRequest);
    this.#shown = null;
    this.#lastLoop = null;
    this.#bar.hidden = true;
  }

  /** @returns {Player | null} player of the shown song */
  get player() {
    return this.#shown?.player ?? null;
  }

  toggle() {
    const player = this.player;
    if (player?.state === "paused") player.play();
    else player?.pause();
  }

  /** @param {number} seconds forward; negative: back */
  move(seconds) {
    if (!this.#shown) return;
    const { stems, player } = this.#shown;
    player.seek(player.position + seconds * stems.rate);
  }

  /** @param {number} share of the song */
  moveTo(share) {
    if (this.#shown) this.#shown.player.seek(share * this.#shown.stems.length);
  }

  toggleLoop() {
    if (!this.#shown) return;
    const { stems, player } = this.#shown;
    if (player.loop) {
      this.#lastLoop = player.loop;
      player.loop = null;
      announce(word(({ transport }) => transport.loopOff));
      return;
    }
    const { beats } = player;
    const snapped = (/** @type {number} */ frame) => beats?.nearest(frame) ?? frame;
    const start = beats?.before(player.position) ?? player.position;
    const stop = Math.min(snapped(start + LOOP_SECONDS * stems.rate), stems.length);
    player.loop = [...(this.#lastLoop ?? /** @type {const} */ ([start, stop]))];
    announce(word(({ transport }) => transport.loopOn));
  }

  /** @param {0 | 1} end set the loop's start (0) or end (1) to the current position */
  setLoopEnd(end) {
    if (!this.#shown) return;
    const { stems, player } = this.#shown;
    const [start, stop] = player.loop ?? [0, stems.length];
    const here = player.position;
    player.loop = end === 0 ? [here, Math.max(stop, here)] : [Math.min(start, here), here];
  }

  toggleClicks() {
    const { player } = this;
    if (!player?.beats) return;
    if (player.clicks !== "off") this.#lastClicks = player.clicks;
    player.clicks = player.clicks === "off" ? this.#lastClicks : "off";
    announce(word(({ music }) => (player.clicks === "off" ? music.clicksAreOff : music.clicksAreOn)));
  }

  toggleHeard() {
    const player = this.player;
    if (player) player.heard = player.heard === "stems" ? "original" : "stems";
  }

  #listen() {
    this.#play.addEventListener("click", () => this.toggle());
    this.#loop.addEventListener("click", () => this.toggleLoop());
    this.#slider.addEventListener("input", () => {
      this.#isDragged = true;
      this.#showTime();
    });
    this.#slider.addEventListener("change", () => {
      this.#isDragged = false;
      this.moveTo(this.#slider.valueAsNumber / Number(this.#slider.max));
    });
    this.#slider.addEventListener("keydown", (event) => {
      const step = STEPS.get(event.key);
      if (step === undefined) return;
      event.preventDefault();
      this.move(step);
    });
    this.#heard.addEventListener("change", () => {
      const heard = checked(this.#heard) === "original" ? "original" : "stems";
      if (this.player) this.player.heard = heard;
    });
    this.#presets.addEventListener("change", () => {
      this.player?.preset(/** @type {PresetName} */ (checked(this.#presets)));
    });
    connect(this.#master, 100, (value) => {
      if (this.player) this.player.master = value / 100;
    });
    connect(this.#speed, 100, (value) => this.#setTempo({ speed: value / 100 }));
    connect(this.#semitones, 0, (value) => this.#setTempo({ semitones: value }));
    byId("tempo-reset", HTMLButtonElement).addEventListener("click", () => {
      this.#setTempo({ speed: 1, semitones: 0 });
    });
  }

  /** @param {{speed?: number, semitones?: number}} change */
  #setTempo(change) {
    const { player } = this;
    player?.setTempo(change).catch((error) => {
      player.dispatchEvent(new CustomEvent("error", { detail: error }));
    });
  }

  /** @param {readonly string[]} sources */
  #offerPresets(sources) {
    for (const label of this.#presets.querySelectorAll("label")) label.remove();
    this.#presets.append(...presets(sources).map(({ name }) => presetLabel(name)));
  }

  #showState() {
    if (!this.#shown) return;
    const { state } = this.#shown.player;
    this.#play.dataset.state = state;
    sayAs(this.#play, "ariaLabel", ({ transport }) =>
      state === "paused" ? transport.play : transport.pause,
    );
    this.#showNote();
    this.#follow();
  }

  /** Tell why nothing is heard. */
  #showNote() {
    if (!this.#shown) return;
    const { player, stems } = this.#shown;
    say(this.#note, ({ transport }) => {
      if (player.state !== "buffering") return "";
      return stems.grows ? transport.buffering : transport.stopped;
    });
  }

  #follow() {
    cancelAnimationFrame(this.#frameRequest);
    if (!this.#shown) return;
    const isPlaying = this.#shown.player.state === "playing";
    const level = isPlaying ? this.#shown.player.level("master").peak : 0;
    this.#meter.style.setProperty("--level", meterShare(level).toFixed(3));
    this.#showPosition();
    if (isPlaying) this.#frameRequest = requestAnimationFrame(() => this.#follow());
  }

  #showPosition() {
    if (this.#isDragged || !this.#shown) return;
    this.#slider.value = String(this.#shown.player.position / this.#shown.stems.rate);
    this.#showTime();
  }

  /** Show the slider's time as text and as the length of its bar. */
  #showTime() {
    const seconds = this.#slider.valueAsNumber;
    const duration = Number(this.#slider.max);
    this.#track.style.setProperty("--played", `${(100 * seconds) / duration}%`);
    const [now, all] = [clock(seconds), clock(duration)];
    const text = `${now} / ${all}`;
    // Tell screen readers only about changes.
    if (this.#time.textContent === text) return;
    this.#time.textContent = text;
    sayAs(this.#slider, "ariaValueText", ({ transport }) => transport.positionOf({ now, all }));
  }

  /** Mark what is final on the slider's track. */
  #showFinal() {
    if (!this.#shown) return;
    const { stems } = this.#shown;
    const stops = stems.finalRanges().flatMap(([start, stop]) => {
      const [from, to] = [(100 * start) / stems.length, (100 * stop) / stems.length];
      return [`transparent ${from}%`, `var(--final) ${from}% ${to}%`, `transparent ${to}%`];
    });
    const colours = ["90deg", "transparent 0%", ...stops, "transparent"].join(", ");
    this.#track.style.setProperty("--ranges", `linear-gradient(${colours})`);
  }

  #showMix() {
    if (!this.#shown) return;
    const { player } = this.#shown;
    check(this.#heard, player.heard);
    check(this.#presets, player.presetName);
    fill(this.#master, Math.round(100 * player.master));
    sayAs(this.#master, "ariaValueText", () => percent(player.master));
    this.#showTempo(player);
  }

  /** @param {Player} player */
  #showTempo({ speed, semitones }) {
    fill(this.#speed, Math.round(100 * speed), 100);
    fill(this.#semitones, semitones, 0);
    const key = `${semitones > 0 ? "+" : ""}${number(semitones)}`;
    const isChanged = speed !== 1 || semitones !== 0;
    say(byId("tempo-text", HTMLElement), ({ transport }) =>
      isChanged ? `${percent(speed)} · ${key}` : transport.tempo,
    );
    say(byId("speed-text", HTMLElement), () => percent(speed));
    say(byId("semitones-text", HTMLElement), (w) => w.transport.semitonesNow(semitones));
    sayAs(this.#speed, "ariaValueText", () => percent(speed));
    sayAs(this.#semitones, "ariaValueText", (w) => w.transport.semitonesNow(semitones));
  }

  #showLoop() {
    if (!this.#shown) return;
    const { stems, player } = this.#shown;
    const { loop } = player;
    this.#loop.setAttribute("aria-pressed", String(loop !== null));
    say(byId("loop-text", HTMLElement), ({ transport }) => {
      if (!loop) return transport.loop;
      const [start, stop] = loop.map((frame) => clock(frame / stems.rate));
      return transport.loopOf({ start: start ?? "", stop: stop ?? "" });
    });
  }
}

/** @param {PresetName} name @returns {HTMLLabelElement} */
function presetLabel(name) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "preset", value: name });
  const text = document.createElement("span");
  say(text, ({ transport }) => transport.preset[name]);
  label.append(input, text);
  return label;
}

/** @param {HTMLFieldSetElement} group @returns {string} the chosen value */
function checked(group) {
  return within(group, "input:checked", HTMLInputElement).value;
}

/** @param {HTMLFieldSetElement} group @param {string} value */
function check(group, value) {
  for (const input of group.querySelectorAll("input")) input.checked = input.value === value;
}
