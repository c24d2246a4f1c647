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

  /** Where songs come in. */
  start: {
    title: "Take a song apart",
    what:
      "Drums, bass, vocals and the rest, each on its own: to listen to, to mix and to save. " +
      "Your browser does all of it, and nothing is uploaded.",
    drop: "Drop songs here",
    choose: "or choose files",
    folder: "Choose a folder",
    demo: "Try the demo song",
    /** Of the file, too. */
    demoName: "Demo song",
    formats: (/** @type {number} */ minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus and the sound of videos, up to " +
      (minutes < 120
        ? plural(minutes, { one: "one minute", other: `${number(minutes)} minutes` })
        : `${number(Math.floor(minutes / 60))} hours`),
    download: (/** @type {number} */ bytes) =>
      `The first song needs ${megabytes(bytes)} from this site, once. ` +
      "After that the page works without a network.",
    downloaded: "All that songs need is on this device: the page works without a network.",
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
    noSongs: "There is no audio file in there. Choose another folder, or drop songs.",
    nothingShared:
      "What was shared with this page has not arrived, perhaps for want of room. " +
      "Choose the files here instead.",
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
