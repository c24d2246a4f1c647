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

/** How files are named unless the user says otherwise. */
export const PATTERN = "{song} - {stem}";

/** What a pattern can name: `song` is its name on the page, the others are from its tags. */
export const FIELDS = /** @type {const} */ (["song", "artist", "title", "album", "stem"]);

/** Between the pieces of a pattern. */
const BETWEEN = " - ";

/** Most bytes of a name without its extension, whatever the pattern. */
const MOST_OF_ALL = 220;

/** Shorter regions are named to a hundredth of a second. */
const SHORT_SECONDS = 2;

/**
 * @param {string} name
 * @param {number} most bytes of UTF-8
 * @returns {string} a valid file name, or part of one
 */
function safeName(name, most) {
  const visible = name.normalize("NFC").replace(FORBIDDEN, " ").replace(/\s+/gu, " ");
  // Leading dots hide a file, and Windows drops trailing ones.
  const trimmed = shortened(visible.replace(/^[. ]+/u, ""), most).replace(/[. ]+$/u, "");
  return (trimmed || NAMELESS).replace(RESERVED, "$1_");
}

/** @param {string} name @param {number} most bytes @returns {string} */
function shortened(name, most) {
  const encoder = new TextEncoder();
  let bytes = 0;
  let short = "";
  for (const letter of name) {
    bytes += encoder.encode(letter).length;
    if (bytes > most) return short;
    short += letter;
  }
  return short;
}

/**
 * @param {import("./maker.js").Song} song
 * @param {string} part the part of it in the file; empty: it is whole
 * @param {string} extension
 * @param {string} [pattern] pieces of which nothing is known are left out
 * @returns {string} "Song - vocals.wav"
 */
export function fileName(song, part, extension, pattern = PATTERN) {
  const { name, artist, album } = song;
  /** @type {Record<string, string | undefined>} */
  const values = { song: name, title: song.title || name, artist, album, stem: part };
  const long = FIELDS.filter((field) => field !== "stem" && pattern.includes(`{${field}}`));
  const most = Math.floor(MOST_BYTES / Math.max(1, long.length));
  const filled = (/** @type {string} */ piece) => {
    let isKnown = !piece.includes("{");
    const text = piece.replace(/\{(\w+)\}/gu, (whole, field) => {
      if (!FIELDS.includes(field)) return whole;
      // A song may have no name, but a part that is not named is the whole.
      const value = field === "song" || values[field] ? safeName(values[field] ?? "", most) : "";
      isKnown ||= value !== "";
      return value;
    });
    return isKnown ? text : "";
  };
  const made = pattern.split(BETWEEN).map(filled).filter(Boolean).join(BETWEEN);
  // What the pattern itself has may be forbidden, too.
  const bare = made.replace(/\s*(?:\(\s*\)|\[\s*\])/gu, "");
  return `${safeName(bare, MOST_OF_ALL)}.${extension}`;
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
 * @param {readonly [number, number]} region in frames @param {number} rate hertz
 * @returns {string} "1m05-1m20"
 */
function regionName(region, rate) {
  const place = (/** @type {number} */ frame, /** @type {number} */ digits) => {
    const ticks = Math.floor((frame / rate) * 10 ** digits);
    const [minutes, rest] = [Math.floor(ticks / 10 ** digits / 60), ticks % (60 * 10 ** digits)];
    const width = digits === 0 ? 2 : 3 + digits;
    return `${minutes}m${(rest / 10 ** digits).toFixed(digits).padStart(width, "0")}`;
  };
  const isShort = region[1] - region[0] < SHORT_SECONDS * rate;
  return region.map((frame) => place(frame, isShort ? 2 : 0)).join("-");
}

/**
 * @param {string} name of a stem or a mix; empty: the song
 * @param {{rate: number, region?: readonly [number, number],
 *   tempo?: import("../stretch/tempo.js").Tempo}} how    what is saved of it, and how
 * @returns {string} "vocals, 1m05-1m20, 80% +2"
 */
export function partName(name, { rate, region, tempo }) {
  const place = region && regionName(region, rate);
  return [name, place, tempo && tempoName(tempo)].filter(Boolean).join(", ");
}

/**
 * @param {string} name with an extension @param {number} count
 * @returns {string} "Song - vocals (2).wav"
 */
export function numbered(name, count) {
  return name.replace(/(?=(?:\.stem)?\.[^.]+$)/u, ` (${count})`);
}
