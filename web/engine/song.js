/**
 * A song of the session: queued, in progress or in the library.
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
 * waiting: queued. reading, working: in progress. paused: in progress while everything is paused.
 * failed: `error` says why. kept: finished work is in the store, and no tab resumes it. finished:
 * in the library.
 * @typedef {"waiting" | "reading" | "working" | "paused" | "failed" | "kept" | "finished"} State
 */

/** A song and its current state. */
export class Song {
  /** @type {State} */
  state = "waiting";
  /** Finished share of the work, 0 to 1. */
  share = 0;
  /** @type {number | null} as of `toldAt`; null: unknown */
  secondsLeft = null;
  /** Time of the last change, from `performance.now()`. */
  toldAt = 0;
  /** @type {unknown} reason of a failure */
  error = null;
  /** @type {File | null} the file chosen in this tab, until it is read */
  file = null;
  /** Whether the store has a copy of the file. */
  isFileKept = false;
  /** Whether the decodable part of a damaged file is good enough. */
  acceptsPart = false;
  /** @type {About | null} null before the separation has started */
  about = null;
  /** @type {[number, number][]} where all its stems were final when nothing worked on it */
  final = [];
  /** @type {OpenSong | null} its stems, while they are open */
  opened = null;

  /** @param {string} id id in the store @param {Notes} notes */
  constructor(id, notes) {
    this.id = id;
    this.notes = notes;
  }

  /** @param {KeptSong} kept @returns {Song} song as in the store */
  static from(kept) {
    const song = new Song(kept.id, kept.notes);
    song.takeUp(kept);
    return song;
  }

  /**
   * Take over the state in the store, which another tab may have changed.
   *
   * @param {KeptSong} kept this song, while nothing works on it
   */
  takeUp({ about, notes, hasFile, done, final, isFinished }) {
    this.notes = notes;
    this.about = about;
    this.isFileKept = hasFile;
    this.final = final;
    this.share = about ? done / Math.max(1, about.cost) : 0;
    this.state = isFinished ? "finished" : "kept";
    this.error = null;
    if (about) return;
    if (notes.failure) this.#fail(notes.failure);
    else if (!hasFile && !this.file) this.#fail({ code: "fileGone", values: {} });
  }

  /** @param {import("./errors.js").Notice} reason */
  #fail({ code, values }) {
    this.state = "failed";
    this.error = new UserError(code, values);
  }

  /** Whether there is a file to read it from. */
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

  /** The wanted stems; null: all. */
  get stems() {
    return this.notes.choice.stems;
  }

  /** Time when it was added. */
  get date() {
    return new Date(this.notes.added);
  }

  /** Facts about its file; null if not read yet, or read by an older version of the page. */
  get source() {
    return this.notes.source;
  }

  /** Settings of the mixer as the user left them; null: the defaults. */
  get mixer() {
    return this.notes.mixer;
  }

  /** The stem of another song that it was made of; undefined for others. */
  get part() {
    return this.notes.part;
  }

  /** What was found out about its music; undefined before that. */
  get analysis() {
    return this.notes.analysis;
  }

  /** What the user has changed about that. */
  get correction() {
    return this.notes.correction ?? NO_CORRECTION;
  }

  /** Storage that the finished song takes, in bytes. */
  get bytes() {
    const { measured, stems } = this.about ?? { measured: { length: 0 }, stems: [] };
    const frames = measured.length + Math.ceil(measured.length / PEAK_FRAMES);
    return (1 + stems.length) * frames * FRAME_BYTES;
  }

  /** @returns {number | null} seconds; null if not known yet */
  get duration() {
    return this.about && this.about.measured.length / RATE;
  }

  /** Whether it is in progress, perhaps paused. */
  get isAtWork() {
    return ["reading", "working", "paused"].includes(this.state);
  }

  /** Whether it can be played, at least in part. */
  get canOpen() {
    if (this.state === "finished" || this.opened?.isOpen) return true;
    return ["kept", "failed"].includes(this.state) && this.final.length > 0;
  }
}

/** @type {Readonly<import("./protocol.js").Correction>} */
export const NO_CORRECTION = { times: 1, isShifted: false, key: null };

/** Sample rate in Hz of all stored audio. */
export const RATE = 44100;
/** Errors that are the file's fault, and that the next try would end with as well. */
const OF_FILE = [
  ...["codec", "empty", "noTrack", "notAudio", "nothingDecoded"],
  ...["notFinite", "stoppedDecoding", "tooLong"],
];

/**
 * @param {unknown} error
 * @returns {import("./errors.js").Notice | null} what is to be noted of a song that failed with it
 */
export function fileFaultOf(error) {
  if (!(error instanceof UserError) || !OF_FILE.includes(error.code)) return null;
  return error.notice;
}

/** Size of two floats: the samples of a frame, or the peaks of 512 frames. */
export const FRAME_BYTES = 8;

/** Name of the plane that holds the song itself. */
export const MIXTURE = "mixture";

/**
 * @param {{name: string, size: number}} file @param {import("./protocol.js").Choice} choice
 * @param {number} added time in milliseconds since 1970
 * @returns {Notes}
 */
export function newNotes({ name: file, size }, choice, added) {
  const name = trackName(file);
  const unknown = { source: null, mixer: null, failure: null };
  return { name, artist: "", file, size, choice, added, ...unknown };
}

/** @param {string} fileName @returns {string} name without the extension */
export function trackName(fileName) {
  return fileName.replace(/(?<=.)\.[^.\s]{1,5}$/, "");
}
