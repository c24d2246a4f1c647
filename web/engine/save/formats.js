/**
 * The file formats for saving.
 *
 * @module
 */

/**
 * @typedef {object} FormatFacts
 * @property {"wav" | "flac" | "mp3" | "mp4"} container
 * @property {string} extension         of the file's name
 * @property {boolean} isTogether       whether one file holds the song and all its stems, not one of
 *   them
 * @property {"pcm-s16" | "pcm-s24" | "pcm-f32" | "flac" | "mp3" | "aac"} codec
 * @property {boolean} hasCover         whether files of it have a place for a cover picture
 * @property {16 | 24 | null} bits      of the encoded integers; null: unchanged floats
 * @property {string} type              MIME type
 * @property {readonly number[] | null} rates    supported rates in hertz; null: all
 */

/** @typedef {"wav16" | "wav24" | "wav32f" | "flac16" | "flac24" | "mp3" | "stems"} Format */

const WAV = /** @type {const} */ ({
  container: "wav",
  extension: "wav",
  isTogether: false,
  hasCover: false,
  type: "audio/wav",
  rates: null,
});
const FLAC = /** @type {const} */ ({
  container: "flac",
  extension: "flac",
  isTogether: false,
  hasCover: true,
  codec: "flac",
  type: "audio/flac",
  rates: [8000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000],
});

/** @type {Readonly<Record<Format, FormatFacts>>} */
export const FORMATS = {
  wav16: { ...WAV, codec: "pcm-s16", bits: 16 },
  wav24: { ...WAV, codec: "pcm-s24", bits: 24 },
  wav32f: { ...WAV, codec: "pcm-f32", bits: null },
  flac16: { ...FLAC, bits: 16 },
  flac24: { ...FLAC, bits: 24 },
  // Lower rates have a different kind of frame: see mp3.js.
  mp3: {
    container: "mp3",
    extension: "mp3",
    isTogether: false,
    hasCover: true,
    codec: "mp3",
    bits: 16,
    type: "audio/mpeg",
    rates: [32000, 44100, 48000],
  },
  // A stem file for DJs: see stem-file.js.
  stems: {
    container: "mp4",
    extension: "stem.mp4",
    isTogether: true,
    hasCover: true,
    codec: "aac",
    bits: 16,
    type: "audio/mp4",
    rates: [44100, 48000],
  },
};

/** Bits per second: the highest rate of MP3. */
export const MP3_BITRATE = 320_000;

/** Bits per second of each track of a stem file, on average. */
export const STEM_BITRATE = 256_000;

/** A stem file holds the song and exactly this many stems. */
export const STEMS_TOGETHER = 4;

/** What a block of AAC may have beyond the average. */
const STEM_MARGIN = 1.25;

/**
 * @param {Format} format @param {number} frames @param {number} rate in hertz
 * @returns {number} largest size of a file in bytes, without tags; FLAC files typically have half
 */
export function mostBytes(format, frames, rate) {
  const seconds = frames / rate + 1;
  if (format === "mp3") return Math.ceil(seconds * (MP3_BITRATE / 8));
  if (format === "stems") {
    return Math.ceil((STEMS_TOGETHER + 1) * seconds * STEM_MARGIN * (STEM_BITRATE / 8));
  }
  return frames * 2 * ((FORMATS[format].bits ?? 32) / 8);
}

/** @param {Format} format @param {number} rate in hertz @returns {boolean} */
export function takesRate(format, rate) {
  return FORMATS[format].rates?.includes(rate) ?? true;
}
