/**
 * The file formats for saving.
 *
 * @module
 */

/**
 * @typedef {object} FormatFacts
 * @property {"wav" | "flac" | "mp3"} container   also the file's extension
 * @property {"pcm-s16" | "pcm-s24" | "pcm-f32" | "flac" | "mp3"} codec
 * @property {16 | 24 | null} bits      of the encoded integers; null: unchanged floats
 * @property {string} type              MIME type
 * @property {readonly number[] | null} rates    supported rates in hertz; null: all
 */

/** @typedef {"wav16" | "wav24" | "wav32f" | "flac16" | "flac24" | "mp3"} Format */

const WAV = /** @type {const} */ ({ container: "wav", type: "audio/wav", rates: null });
const FLAC = /** @type {const} */ ({
  container: "flac",
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
    codec: "mp3",
    bits: 16,
    type: "audio/mpeg",
    rates: [32000, 44100, 48000],
  },
};

/** Bits per second: the highest rate of MP3. */
export const MP3_BITRATE = 320_000;

/**
 * @param {Format} format @param {number} frames @param {number} rate in hertz
 * @returns {number} largest size of a file in bytes, without tags; FLAC files typically have half
 */
export function mostBytes(format, frames, rate) {
  if (format === "mp3") return Math.ceil((frames / rate + 1) * (MP3_BITRATE / 8));
  return frames * 2 * ((FORMATS[format].bits ?? 32) / 8);
}

/** @param {Format} format @param {number} rate in hertz @returns {boolean} */
export function takesRate(format, rate) {
  return FORMATS[format].rates?.includes(rate) ?? true;
}
