/**
 * What the person reads when something goes wrong: what happened and what to do, one sentence or
 * two.
 *
 * @module
 */

/** An error whose message is meant for the person. Any other error is a fault of the program. */
export class UserError extends Error {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super(message, { cause });
    this.name = "UserError";
  }
}

/** The graphics card cannot do what it was asked for; the processor can. */
export class GraphicsError extends UserError {}

export const SENTENCES = {
  empty: "This file is empty. Choose a file that has audio in it.",
  notAudio:
    "This is not an audio file that your browser can read. Try WAV, FLAC, MP3, M4A, Ogg or Opus.",
  noTrack: "This file has no audio track. Choose a file that has audio in it.",
  nothingDecoded:
    "Nothing could be decoded from this file: it may be damaged or cut short. " +
    "Try to convert it to WAV or FLAC first.",
  stoppedDecoding:
    "This file could not be decoded to its end: it may be damaged. " +
    "Try to convert it to WAV or FLAC first.",
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
};

/** @param {string} name of the card @returns {string} */
export function cardIsSoftware(name) {
  return (
    `The only graphics card here is one that the processor imitates (${name}). ` +
    "On its own the processor is faster, so it computes."
  );
}

/** @param {string} name of the card @returns {string} */
export function cardIsWrong(name) {
  return (
    `The graphics card (${name}) gave wrong numbers in a test, so the processor computes. ` +
    "A newer driver may help."
  );
}

/** @param {number} bytes that are needed @returns {string} */
export function cardIsFull(bytes) {
  return (
    `The graphics card has not enough memory left (${Math.ceil(bytes / 1e6)} MB are needed): ` +
    "the processor computes."
  );
}

/**
 * @param {string} card that began a song @param {string | null} other that goes on; null: none does
 * @returns {string}
 */
export function cardIsGone(card, other) {
  return (
    `This song was begun by the graphics card ${card}, which is not in use now: ` +
    `${other ?? "the processor"} goes on with it.`
  );
}

/** @param {string} url @returns {UserError} */
export function missingFile(url) {
  return new UserError(
    `A file of this site is missing on its server (${url}). ` +
      "Reload the page; if that does not help, tell whoever runs the site.",
  );
}

/** @param {string} url @returns {UserError} */
export function damagedFile(url) {
  return new UserError(
    `A file of this site arrived damaged (${url}): its checksum is wrong, so it was not used. ` +
      "Try again; if that does not help, tell whoever runs the site.",
  );
}

/** @returns {UserError} */
export function noNetwork() {
  return new UserError(
    "The download was interrupted. Check your connection and try again: " +
      "what has arrived is kept where the browser allows it.",
  );
}

/** @param {number} needed bytes @returns {UserError} */
export function storageFull(needed) {
  return new UserError(
    `The browser has no room to keep the engine (${Math.ceil(needed / 1e6)} MB) for offline use. ` +
      "Free some space on the disk and try again.",
  );
}

/** @param {number} needed bytes @param {unknown} cause @returns {UserError} */
export function noRoom(needed, cause) {
  return new UserError(
    `This song and its stems need ${(needed / 1e9).toFixed(1)} GB of the browser's storage, ` +
      "which are not left. Free some space on the disk, discard songs that are kept here, " +
      "or use the command line.",
    cause,
  );
}

/** @param {number} minutes @returns {UserError} */
export function tooLong(minutes) {
  return new UserError(
    `This song is too long: here the page takes at most ${minutes} minutes. ` +
      "Cut the song into parts, or use the command line.",
  );
}

/**
 * @param {[number, number][]} stretches in seconds
 * @returns {UserError}
 */
export function incomplete(stretches) {
  const at = stretches.map(([start, stop]) => `${start.toFixed(1)}-${stop.toFixed(1)} s`);
  return new UserError(
    `Some of the song could not be separated (${at.join(", ")}), perhaps for want of memory. ` +
      "The rest is finished and kept: close other tabs, then continue.",
  );
}

/** @param {number} seconds where in the song @returns {UserError} */
export function notFinite(seconds) {
  return new UserError(
    `This song has a sample that is not a finite number at ${seconds.toFixed(3)} s. ` +
      "Repair or re-export the file.",
  );
}

/**
 * @param {unknown} error
 * @returns {boolean} whether an allocation failed
 */
export function isOutOfMemory(error) {
  return error instanceof RangeError && /alloc|array length|buffer|memory/i.test(error.message);
}
