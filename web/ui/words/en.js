/**
 * The page in English. A language is one file like this; the checker refuses one that lacks a key.
 *
 * Strings, or functions of the values that are told.
 *
 * @module
 */

import { clock, gigabytes, megabytes, number } from "../format.js";
import { plural } from "./plural.js";

/** @typedef {typeof en} Words */

export const en = {
  /** In its own words. */
  language: "English",

  /** What to save, as what, and what becomes of it. */
  save: {
    what: "What",
    whats: { all: "All stems", mix: "What you hear", stem: "One stem" },
    stem: "Stem",
    format: "Format",
    formats: {
      wav16: { title: "WAV, 16-bit", note: "Opens everywhere." },
      wav24: { title: "WAV, 24-bit", note: "For music programs; finer than anybody hears." },
      wav32f: {
        title: "WAV, 32-bit float",
        note: "Every sample as it was computed, to the bit. The largest files.",
      },
      flac16: { title: "FLAC, 16-bit", note: "The same sound as WAV in about half the space." },
      flac24: {
        title: "FLAC, 24-bit",
        note: "The same sound as WAV in less space; for music programs that read FLAC.",
      },
      mp3: {
        title: "MP3, 320 kbit/s",
        note: "The smallest files; something of the sound is lost. Encoded by LAME (LGPL):",
      },
    },
    lameLicence: "its licence",
    rate: "Sample rate",
    rateOfStems: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as it is computed`,
    rateOfFile: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as your file has it`,
    regionOnly: (/** @type {{start: string, stop: string}} */ { start, stop }) =>
      `Only the loop, ${start}–${stop}`,
    to: "Where",
    places: {
      one: { download: "Downloads", place: "A place that I choose" },
      several: { download: "Downloads, as one zip", place: "A folder that I choose" },
    },
    notYet: "The song is still being separated: it can be saved when it is finished.",
    regionNotYet: "This part is still being separated: it can be saved when it is finished.",
    size: (/** @type {{size: string}} */ { size }) => `about ${size}`,
    go: "Save",
    /** The list of saves. */
    atWork: (/** @type {{count: number, share: string}} */ { count, share }) =>
      plural(count, {
        one: `Saving: ${share}`,
        other: `Saving ${number(count)}: ${share}`,
      }),
    allDone: (/** @type {{count: number}} */ { count }) =>
      plural(count, { one: "Saved", other: `${number(count)} saved` }),
    waits: "Waits for its turn",
    saved: "Saved",
    turnedDown: (/** @type {{decibels: string}} */ { decibels }) =>
      `Saved, and turned down by ${decibels} dB, all alike: in this format the loudest part would ` +
      "clip. 32-bit float keeps the level.",
    ready: (/** @type {{name: string}} */ { name }) => `${name} is saved.`,
    again: "Again",
    againOf: (/** @type {{name: string}} */ { name }) => `Save ${name} again`,
    drag: "Saves it once more. In Chrome and Edge it can be dragged to the desktop, too.",
    cancel: (/** @type {{name: string}} */ { name }) => `Cancel saving ${name}`,
    dismiss: (/** @type {{name: string}} */ { name }) => `Take ${name} off the list`,
    retry: "Try again",
    retryOf: (/** @type {{name: string}} */ { name }) => `Try to save ${name} again`,
  },

  /** The frame: header, side, titles of dialogs. */
  page: {
    claim: "Nothing leaves your machine",
    songs: "Songs",
    add: "Add songs",
    queue: "Queue",
    library: "Library",
    start: "Start",
    player: "Player",
    settings: "Model and settings",
    language: "Language",
    help: "Help",
    save: "Save",
    keys: "Keys",
    happening: "What is happening",
    close: "Close",
  },

  /** Whatever goes wrong: what happened and what to do. By the codes of engine/errors.js. */
  errors: {
    /** A sentence of Python's, which speaks English only. */
    said: (/** @type {{sentence: string}} */ { sentence }) => sentence,
    empty: "This file is empty. Choose a file that has audio in it.",
    notAudio:
      "This is not an audio file that your browser can read. " +
      "Try WAV, AIFF, FLAC, MP3, M4A, Ogg or Opus.",
    noTrack: "This file has no audio track. Choose a file that has audio in it.",
    nothingDecoded:
      "Nothing could be decoded from this file: it may be damaged or cut short. " +
      "Try to convert it to WAV or FLAC first.",
    stoppedDecoding: (/** @type {{seconds: number}} */ { seconds }) =>
      `This file could not be decoded to its end: it is damaged after ${clock(seconds)}. ` +
      "Use the part before that, or try to convert the file to WAV or FLAC first.",
    unreadable: "This file could not be read. If it was moved or changed, choose it again.",
    severalFiles: "Please drop one song at a time.",
    busy: "A song is being separated. Wait until it is done, or cancel it first.",
    noFile: "That was not a file. Drop an audio file from your computer.",
    memory:
      "There is not enough memory for this song. Close other tabs or programs and try again, " +
      "or try a shorter song.",
    engineMemory:
      "There is not enough memory to start the engine. Close other tabs or programs and try again.",
    old:
      "Your browser is too old to run the engine: it needs WebAssembly with SIMD and " +
      "DecompressionStream. Update your browser, or try a recent Chrome, Edge, Firefox or Safari.",
    died:
      "The engine stopped unexpectedly, perhaps for want of memory. It is being started again; " +
      "then try the song once more: what is finished of it is kept.",
    silent:
      "The engine gave no answer for a very long time and was stopped. It is being started again; " +
      "then try the song once more.",
    fault:
      "The engine met an error that it did not expect; the browser's console has the details. " +
      "It is being started again; then try the song once more.",
    muted: "Every stem is muted: there is nothing to save. Unmute one first.",
    stemRoom: "There is no room on the disk for this file. Free some space and try again.",
    stemFile:
      "The file could not be made, perhaps for want of memory. Close other tabs and try again.",
    stemPlace:
      "The file could not be written there. Choose another place, or save it among the downloads.",
    resampler:
      "The sample rate of this song could not be converted, perhaps for want of memory. " +
      "Close other tabs and try again.",
    otherTab:
      "This song is being separated in another tab or window. " +
      "Go on there, or close it and try again.",
    full:
      "The browser's storage is full. What is finished of the song is kept: " +
      "free some space on the disk, then continue.",
    storage:
      "The browser could not read or write its files. What is finished of the song is kept: " +
      "reload the page and continue.",
    insecure:
      "This address is not a secure one (HTTPS), so the browser keeps nothing for offline use: " +
      "the page works, but downloads its engine again on every visit.",
    noStorage:
      "This browser keeps nothing for offline use here (a private window, perhaps): " +
      "the page works, but downloads its engine again on every visit.",
    noGraphics:
      "This browser gives pages no graphics card to compute with (WebGPU): the processor computes.",
    insecureGraphics:
      "At an address that is not a secure one (HTTPS), browsers give pages no graphics card: " +
      "the processor computes.",
    noCard: "The browser has found no graphics card that it can use: the processor computes.",
    cardLost:
      "The graphics card was lost: perhaps its driver was restarted. The processor goes on, and " +
      "what is finished of the song is kept.",
    cardFault:
      "The graphics card refused what it was asked for; the browser's console has the details. " +
      "The processor computes.",
    cardIsSoftware: (/** @type {{name: string}} */ { name }) =>
      `The only graphics card here is one that the processor imitates (${name}). ` +
      "On its own the processor is faster, so it computes.",
    cardIsWrong: (/** @type {{name: string}} */ { name }) =>
      `The graphics card (${name}) gave wrong numbers in a test, so the processor computes. ` +
      "A newer driver may help.",
    cardIsFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The graphics card has not enough memory left (${megabytes(bytes)} are needed): ` +
      "the processor computes.",
    cardIsGone: (/** @type {{name: string, other: string | null}} */ { name, other }) =>
      `This song was begun by the graphics card ${name}, which is not in use now: ` +
      `${other ?? "the processor"} goes on with it.`,
    missingFile: (/** @type {{url: string}} */ { url }) =>
      `A file of this site is missing on its server (${url}). ` +
      "Reload the page; if that does not help, tell whoever runs the site.",
    damagedFile: (/** @type {{url: string}} */ { url }) =>
      `A file of this site arrived damaged (${url}): its checksum is wrong, so it was not used. ` +
      "Try again; if that does not help, tell whoever runs the site.",
    noNetwork:
      "The download was interrupted. Check your connection and try again: " +
      "what has arrived is kept where the browser allows it.",
    storageFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The browser has no room to keep the engine (${megabytes(bytes)}) for offline use. ` +
      "Free some space on the disk and try again.",
    noRoom: (/** @type {{bytes: number}} */ { bytes }) =>
      `This song and its stems need ${gigabytes(bytes)} of the browser's storage, ` +
      "which are not left. Free some space on the disk, delete songs that are kept here, " +
      "or use the command line.",
    tooLong: (/** @type {{minutes: number}} */ { minutes }) =>
      `This song is too long: here the page takes at most ${plural(minutes, {
        one: "one minute",
        other: `${number(minutes)} minutes`,
      })}. Cut the song into parts, or use the command line.`,
    incomplete: (/** @type {{stretches: [number, number][]}} */ { stretches }) =>
      `Some of the song could not be separated (${stretches
        .map(([start, stop]) => `${number(start, 1)}-${number(stop, 1)} s`)
        .join(", ")}), perhaps for want of memory. ` +
      "The rest is finished and kept: close other tabs, then continue.",
    notFinite: (/** @type {{seconds: number}} */ { seconds }) =>
      `This song has a sample that is not a finite number at ${number(seconds, 3)} s. ` +
      "Repair or re-export the file.",
  },
};
