/**
 * A song of the session: in the queue, at work or in the library.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { PEAK_FRAMES } from "./peaks.js";

/** @typedef {import("./open-song.js").OpenSong} OpenSong */
/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Notes} Notes */

/**
 * waiting: for its turn. reading, working: the song at work. paused: that, while nothing is begun.
 * failed: `error` says why. kept: what is finished of it is in the store, and nobody goes on with
 * it. finished: in the library.
 * @typedef {"waiting" | "reading" | "working" | "paused" | "failed" | "kept" | "finished"} State
 */

/** What changes while it is at work. */
export class Song {
  /** @type {State} */
  state = "waiting";
  /** Of the work, 0 to 1. */
  share = 0;
  /** @type {number | null} at the moment `toldAt`; null: not known */
  secondsLeft = null;
  /** Of `performance.now()`. */
  toldAt = 0;
  /** @type {unknown} why it has failed */
  error = null;
  /** @type {File | null} that was chosen in this tab, until it is read */
  file = null;
  /** Whether the store has a copy of the file. */
  isFileKept = false;
  /** What can be decoded of a damaged file is good enough. */
  takesPart = false;
  /** @type {About | null} null: it has not begun */
  about = null;
  /** @type {OpenSong | null} what can be listened to, while it is open */
  opened = null;

  /** @param {string} id in the store @param {Notes} notes */
  constructor(id, notes) {
    this.id = id;
    this.notes = notes;
  }

  /** @param {KeptSong} kept @returns {Song} as the store has it */
  static from(kept) {
    const song = new Song(kept.id, kept.notes);
    song.takeUp(kept);
    return song;
  }

  /**
   * Become what the store has, which another tab may have changed.
   *
   * @param {KeptSong} kept of this song, which nobody is at
   */
  takeUp({ about, notes, hasFile, done, isFinished }) {
    this.notes = notes;
    this.about = about;
    this.isFileKept = hasFile;
    this.share = about ? done / Math.max(1, about.cost) : 0;
    this.state = isFinished ? "finished" : "kept";
    this.error = null;
    if (about || hasFile || this.file) return;
    this.state = "failed";
    this.error = new UserError("fileGone");
  }

  /** Whether there is something to read it from. */
  get hasFile() {
    return this.file !== null || this.isFileKept;
  }

  get name() {
    return this.notes.name;
  }

  get artist() {
    return this.notes.artist;
  }

  get model() {
    return this.about?.model ?? this.notes.choice.model;
  }

  get quality() {
    return this.notes.choice.quality;
  }

  /** Those that are wanted; null: all. */
  get stems() {
    return this.notes.choice.stems;
  }

  /** When it was added. */
  get date() {
    return new Date(this.notes.added);
  }

  /** What its file told; null: it was not read yet, or by an older version of the page. */
  get source() {
    return this.notes.source;
  }

  /** How the person has left the mixer; null: as it is at first. */
  get mixer() {
    return this.notes.mixer;
  }

  /** What it takes in the store when it is finished. */
  get bytes() {
    const { measured, stems } = this.about ?? { measured: { length: 0 }, stems: [] };
    const frames = measured.length + Math.ceil(measured.length / PEAK_FRAMES);
    return (1 + stems.length) * frames * FRAME_BYTES;
  }

  /** @returns {number | null} seconds; null: not known yet */
  get duration() {
    return this.about && this.about.measured.length / RATE;
  }

  /** Whether it is being worked on, or would be if nothing were paused. */
  get isAtWork() {
    return ["reading", "working", "paused"].includes(this.state);
  }

  /** Whether it can be listened to, at least in part. */
  get canOpen() {
    return this.state === "finished" || (this.opened?.isOpen ?? false);
  }
}

/** Hertz, of all that is stored. */
export const RATE = 44100;
/** Two floats: the samples of a plane, and what 512 of them have for peaks. */
export const FRAME_BYTES = 8;

/**
 * @param {{name: string, size: number}} file @param {import("./protocol.js").Choice} choice
 * @param {number} added the moment, in milliseconds since 1970
 * @returns {Notes}
 */
export function newNotes({ name: file, size }, choice, added) {
  const name = trackName(file);
  return { name, artist: "", file, size, choice, added, source: null, mixer: null };
}

/** @param {string} fileName @returns {string} without its extension */
export function trackName(fileName) {
  return fileName.replace(/(?<=.)\.[^.\s]{1,5}$/, "");
}
