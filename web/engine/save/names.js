/**
 * Names of files that every system takes, whatever a song is called.
 *
 * @module
 */

/** Of UTF-8, most file systems take 255; some of it is for what follows the song's name. */
const MOST_BYTES = 150;

/**
 * What Windows, macOS or Linux forbid in names, what cannot be seen, and what turns the direction of
 * writing, by which a name can look as if it ended otherwise.
 */
const FORBIDDEN = /[<>:"/\\|?*\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Devices, for Windows, whatever the extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/iu;

/** Where a song has no name that can be kept. */
const NAMELESS = "song";

/**
 * @param {string} name of a song, or of a part of it
 * @returns {string} that any file can have
 */
export function safeName(name) {
  const visible = name.normalize("NFC").replace(FORBIDDEN, " ").replace(/\s+/gu, " ");
  // Leading dots hide a file, and Windows drops those at the end.
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
 * @param {string} song @param {string} part what of it is in the file
 * @param {string} extension
 * @returns {string} "Song - vocals.wav"
 */
export function fileName(song, part, extension) {
  return `${safeName(song)} - ${safeName(part)}.${extension}`;
}

/**
 * @param {import("../stretch/tempo.js").Tempo} tempo
 * @returns {string} "80% +2": as part of a name, in every language
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
  return name.replace(/(?=\.[^.]+$)/u, ` (${count})`);
}
