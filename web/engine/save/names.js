/**
 * File names that are valid on every system, whatever a song is called.
 *
 * @module
 */

/** Most file systems allow 255 bytes of UTF-8; leave some for what follows the song's name. */
const MOST_BYTES = 150;

/**
 * Characters forbidden in names on Windows, macOS or Linux, invisible ones, and those that change
 * the writing direction, with which a name can fake its extension.
 */
const FORBIDDEN = /[<>:"/\\|?*\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Names of devices on Windows, whatever the extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/iu;

/** Used when nothing valid is left of a song's name. */
const NAMELESS = "song";

/**
 * @param {string} name of a song, or of a part of it
 * @returns {string} a valid file name
 */
export function safeName(name) {
  const visible = name.normalize("NFC").replace(FORBIDDEN, " ").replace(/\s+/gu, " ");
  // Leading dots hide a file, and Windows drops trailing ones.
  const trimmed = shortened(visible.replace(/^[. ]+/u, "")).replace(/[. ]+$/u, "");
  return (trimmed || NAMELESS).replace(RESERVED, "$1_");
}

/** @param {string} name @returns {string} */
function shortened(name) {
  const encoder = new TextEncoder();
  let bytes = 0;
  let short = "";
  for (const letter of name) {
    bytes += encoder.encode(letter).length;
    if (bytes > MOST_BYTES) return short;
    short += letter;
  }
  return short;
}

/**
 * @param {string} song @param {string} part the part of it in the file; empty: it is whole
 * @param {string} extension
 * @returns {string} "Song - vocals.wav"
 */
export function fileName(song, part, extension) {
  const names = part === "" ? [song] : [song, part];
  return `${names.map(safeName).join(" - ")}.${extension}`;
}

/**
 * @param {import("../stretch/tempo.js").Tempo} tempo
 * @returns {string} "80% +2", for file names in any language
 */
export function tempoName({ speed, semitones }) {
  const parts = speed === 1 ? [] : [`${Math.round(100 * speed)}%`];
  if (semitones !== 0) parts.push(`${semitones > 0 ? "+" : ""}${semitones}`);
  return parts.join(" ");
}

/**
 * @param {string} name with an extension @param {number} count
 * @returns {string} "Song - vocals (2).wav"
 */
export function numbered(name, count) {
  return name.replace(/(?=(?:\.stem)?\.[^.]+$)/u, ` (${count})`);
}
