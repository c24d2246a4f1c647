/**
 * The mixer's channel strips as the user set them: one for each stem, presets, master.
 *
 * @module
 */

import { isDivided, undividedAmong, wholeOf } from "./divided.js";
import { presets } from "./presets.js";
import { clamp } from "./stretch/tempo.js";

/** @typedef {import("./presets.js").PresetName} PresetName */

/**
 * Mixer settings of a stem.
 * @typedef {object} Channel
 * @property {number} volume    0 to 1.5
 * @property {number} pan       -1 (left) to 1 (right), see pan.js
 * @property {boolean} muted
 * @property {boolean} solo     while any stem is solo, only solo stems are heard
 */

/**
 * Plain JSON.
 * @typedef {object} StripSettings
 * @property {Record<string, Channel>} channels
 * @property {Record<string, Channel>} own  the user's mix, for the preset "own"
 * @property {PresetName} preset
 * @property {number} master
 */

const LOUDEST = 1.5;

/** @type {Readonly<Channel>} */
const UNTOUCHED = { volume: 1, pan: 0, muted: false, solo: false };

export class Strips {
  #sources;
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  #master = 1;
  /** @type {PresetName} */
  #preset = "all";
  /** @type {Map<string, Channel>} the user's mix, while a preset is in use */
  #own;

  /** @param {string[]} sources names of the stems */
  constructor(sources) {
    this.#sources = sources;
    this.#hear(undividedAmong(sources));
    this.#own = this.#snapshot();
  }

  /** @param {string} source @returns {Readonly<Channel>} */
  channel(source) {
    const channel = this.#channels.get(source);
    if (!channel) throw new Error(`There is no stem ${source}.`);
    return channel;
  }

  /** @param {string} source @param {Partial<Channel>} change */
  setChannel(source, change) {
    this.#channels.set(source, channelOf({ ...this.channel(source), ...change }));
    this.#preset = "own";
  }

  /** @returns {number} overall volume, 0 to 1 */
  get master() {
    return this.#master;
  }

  set master(gain) {
    this.#master = clamp(gain, 0, 1, 1);
  }

  /** @returns {PresetName} "own" once the user has changed something */
  get presetName() {
    return this.#preset;
  }

  /** @param {PresetName} name one of `presets` for these stems; "own": the user's mix */
  preset(name) {
    const preset = presets(this.#sources).find((one) => one.name === name);
    if (!preset) throw new Error(`There is no preset ${name} for these stems.`);
    if (this.#preset === "own") this.#own = this.#snapshot();
    this.#preset = name;
    if (preset.heard) this.#hear(preset.heard);
    else for (const [source, channel] of this.#own) this.#channels.set(source, { ...channel });
  }

  /** @param {string} source @returns {boolean} */
  isHeard(source) {
    const { muted, solo } = this.channel(source);
    return !muted && (solo || ![...this.#channels.values()].some((channel) => channel.solo));
  }

  /** @returns {Map<string, {volume: number, pan: number}>} the audible stems */
  heard() {
    const heard = [...this.#channels].filter(([source]) => this.isHeard(source));
    return new Map(heard.map(([source, { volume, pan }]) => [source, { volume, pan }]));
  }

  /** @returns {StripSettings} */
  get settings() {
    return {
      channels: Object.fromEntries(this.#snapshot()),
      own: Object.fromEntries(this.#preset === "own" ? this.#snapshot() : this.#own),
      preset: this.#preset,
      master: this.#master,
    };
  }

  /** Invalid values fall back to their defaults. */
  set settings({ channels, own, preset, master }) {
    for (const source of this.#sources) {
      this.#channels.set(source, this.#restored(source, channels));
      this.#own.set(source, this.#restored(source, own));
    }
    const known = presets(this.#sources).find(({ name }) => name === preset);
    this.#preset = known?.name ?? "own";
    if (known?.heard) this.#hear(known.heard);
    this.master = master;
  }

  /** @param {readonly string[]} heard the stems that are heard, as they are; the others are muted */
  #hear(heard) {
    for (const source of this.#sources) {
      this.#channels.set(source, { ...UNTOUCHED, muted: !heard.includes(source) });
    }
  }

  /**
   * @param {string} source @param {Record<string, Channel> | undefined} stored
   * @returns {Channel} as stored; if the stem has been divided since, its parts are heard instead
   */
  #restored(source, stored) {
    const undivided = heardAs(source, stored ?? {});
    if (!isDivided(source, this.#sources)) return undivided;
    if (isDivided(source, Object.keys(Object(stored)))) return channelOf(stored?.[source]);
    return { ...undivided, muted: true, solo: false };
  }

  /** @returns {Map<string, Channel>} */
  #snapshot() {
    return new Map([...this.#channels].map(([source, channel]) => [source, { ...channel }]));
  }
}

/**
 * @param {string} source @param {Record<string, Channel>} stored
 * @returns {Channel} settings with which a stem that is not divided is heard as before: a part that
 *   is new like its whole, and a whole whose parts are gone like these
 */
function heardAs(source, stored) {
  const whole = wholeOf(source);
  if (!Object.hasOwn(stored, source)) return whole ? heardAs(whole, stored) : { ...UNTOUCHED };
  const channel = channelOf(stored[source]);
  const parts = Object.keys(stored).filter((other) => wholeOf(other) === source);
  if (parts.length === 0) return channel;
  const heard = parts.map((part) => heardAs(part, stored));
  const muted = heard.every((part) => part.muted);
  return { ...channel, muted, solo: heard.some(({ solo }) => solo) };
}

/** @param {Partial<Channel> | undefined} given, perhaps from an old file @returns {Channel} */
function channelOf(given) {
  return {
    volume: clamp(given?.volume, 0, LOUDEST, UNTOUCHED.volume),
    pan: clamp(given?.pan, -1, 1, UNTOUCHED.pan),
    muted: given?.muted === true,
    solo: given?.solo === true,
  };
}
