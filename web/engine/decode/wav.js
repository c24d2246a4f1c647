/**
 * WAV files with wrong headers: from interrupted recorders, from pipes that did not know the length
 * in advance, from programs that count wrongly.
 *
 * Mediabunny relies on the header, so it gets a correct header in front of the same samples; none
 * of them are copied. Formats: RIFF WAVE (Microsoft's "Multimedia Programming Interface", 1991),
 * RF64 (EBU Tech 3306) and BW64 (ITU-R BS.2088).
 *
 * @module
 */

import { UserError } from "../errors.js";

/**
 * @typedef {object} Wav
 * @property {Blob} file        the same sound with a correct header, or the MP3 file inside
 * @property {number} stated    bytes of sound that the header states, divided by those present; at
 *   least 1
 */

/**
 * A chunk and the position of its content. @typedef {{id: string, at: number, size: number}} Chunk
 */

/** First four letters of a file. */
const FORMS = new Set(["RIFF", "RF64", "BW64"]);
/** Marks a 64-bit size, stored in a chunk of its own. */
const ELSEWHERE = 0xffffffff;
/** Sizes around 2 GiB or near the 32-bit limit are what pipes write for an unknown length. */
const [HALF, SLACK] = [2 ** 31, 1 << 16];
/** Usual files have a handful of chunks. */
const MOST_CHUNKS = 1000;
const MOST_FORMAT_BYTES = 1024;
/** Shorter data after the sound that are no chunk are some program's tag. */
const LEAST_SOUND_BYTES = 1024;
/** Chunks with the song's name. */
const NAMES = new Set(["LIST", "id3 ", "ID3 "]);
/**
 * Sample formats: those that Mediabunny reads, MP3, and the one whose format is given elsewhere.
 */
const [PCM, MP3, EXTENSIBLE] = [1, 0x55, 0xfffe];
const READ = new Set([PCM, 3, 6, 7]);
/** Other formats, with names to search for. @type {Record<number, string>} */
const CODECS = {
  2: "Microsoft ADPCM",
  0x11: "IMA ADPCM",
  0x31: "GSM 6.10",
  0x50: "MPEG Layer II",
  0x61: "Duck ADPCM",
  0x92: "AC-3",
  0xff: "AAC",
  0x160: "Windows Media Audio",
  0x161: "Windows Media Audio",
  0x162: "Windows Media Audio Pro",
  0x163: "Windows Media Audio Lossless",
  0x270: "ATRAC3",
  0x2000: "AC-3",
  0x2001: "DTS",
};

/**
 * @param {Blob} file
 * @returns {Promise<Wav | null>} null if it is no WAV file, or too damaged
 * @throws {UserError} "codec" if no browser supports its codec
 */
export async function openWav(file) {
  const head = await bytesOf(file, 0, 12);
  if (head.byteLength < 12 || !FORMS.has(textAt(head, 0)) || textAt(head, 8) !== "WAVE") return null;
  const chunks = await chunksOf(file, 12);
  const [format, data] = ["fmt ", "data"].map((id) => chunks.find((chunk) => chunk.id === id));
  if (!format || !data || format.size < 16 || format.size > MOST_FORMAT_BYTES) return null;
  const form = await bytesOf(file, format.at, format.at + format.size);
  if (form.byteLength < 16) return null;
  const { stop, stated } = await extent(file, data, chunks);
  const sound = file.slice(data.at, stop);
  const tag = kindOf(form);
  if (tag === MP3) return { file: sound, stated };
  if (!READ.has(tag)) throw new UserError("codec", { name: CODECS[tag] ?? `format ${tag}` });
  if (tag === PCM) widen(form);
  const names = chunks.filter(({ id, at, size }) => NAMES.has(id) && at + size <= file.size);
  const parts = names.map(({ at, size }) => file.slice(at - 8, at + size + (size & 1)));
  return { file: framed(form, parts, sound), stated };
}

/**
 * Find the end of the sound.
 *
 * @param {Blob} file @param {Chunk} data @param {Chunk[]} chunks
 * @returns {Promise<{stop: number, stated: number}>} see `Wav`
 */
async function extent(file, data, chunks) {
  const there = file.size - data.at;
  const size = data.size === ELSEWHERE ? await sizeElsewhere(file, chunks) : data.size;
  const isKnown = size !== null && size < ELSEWHERE - SLACK && Math.abs(size - HALF) > SLACK;
  if (isKnown && size >= there) return { stop: file.size, stated: Math.max(1, size / there) };
  const rest = isKnown ? size + (size & 1) : 0;
  // Chunks follow; otherwise the header was written before the end of the sound.
  const isOver =
    isKnown &&
    (there - rest < LEAST_SOUND_BYTES || (await isMadeOfChunks(file, data.at + rest)));
  return { stop: isOver ? data.at + size : file.size, stated: 1 };
}

/** @param {Blob} file @param {Chunk[]} chunks @returns {Promise<number | null>} null if unknown */
async function sizeElsewhere(file, chunks) {
  const sizes = chunks.find(({ id, size }) => id === "ds64" && size >= 16);
  if (!sizes) return null;
  const view = await bytesOf(file, sizes.at, sizes.at + 16);
  return view.byteLength < 16 ? null : Number(view.getBigUint64(8, true));
}

/**
 * @param {Blob} file @param {number} at position of the first chunk
 * @returns {Promise<Chunk[]>} chunks up to the end of the file or the first invalid one
 */
async function chunksOf(file, at) {
  /** @type {Chunk[]} */
  const chunks = [];
  while (chunks.length < MOST_CHUNKS && at + 8 <= file.size) {
    const view = await bytesOf(file, at, at + 8);
    const id = textAt(view, 0);
    if (!/^[ -~]{4}$/.test(id)) break;
    const size = view.getUint32(4, true);
    chunks.push({ id, at: at + 8, size });
    at += 8 + size + (size & 1);
  }
  return chunks;
}

/**
 * @param {Blob} file @param {number} at @returns {Promise<boolean>} whether the rest consists of
 *   chunks
 */
async function isMadeOfChunks(file, at) {
  const last = (await chunksOf(file, at)).at(-1);
  return last !== undefined && Math.abs(last.at + last.size - file.size) <= 1;
}

/** @param {DataView} form @returns {number} sample format */
function kindOf(form) {
  const tag = form.getUint16(0, true);
  return tag === EXTENSIBLE && form.byteLength >= 26 ? form.getUint16(24, true) : tag;
}

/**
 * Treat samples as wide as their slots: 24-bit samples in 32 bits occupy the upper end.
 *
 * @param {DataView} form
 */
function widen(form) {
  const bits = (8 * form.getUint16(12, true)) / form.getUint16(2, true);
  if ([16, 24, 32].includes(bits) && form.getUint16(14, true) < bits) {
    form.setUint16(14, bits, true);
  }
}

/**
 * @param {DataView} form @param {Blob[]} parts chunks @param {Blob} sound
 * @returns {Blob} a WAV file
 */
function framed(form, parts, sound) {
  const before = 28 + form.byteLength + parts.reduce((sum, { size }) => sum + size, 0);
  const isLong = before + sound.size + 36 > ELSEWHERE - SLACK;
  const size = before + sound.size + (isLong ? 36 : 0) - 8;
  const stated = (/** @type {number} */ bytes) => number(isLong ? ELSEWHERE : bytes, 4);
  const sizes = isLong ? ["ds64", number(28, 4), number(size, 8), number(sound.size, 8)] : [];
  return new Blob([
    ...[isLong ? "RF64" : "RIFF", stated(size), "WAVE"],
    ...sizes,
    ...(isLong ? [number(0, 12)] : []),
    ...["fmt ", number(form.byteLength, 4), /** @type {BlobPart} */ (form)],
    ...parts,
    ...["data", stated(sound.size), sound],
  ]);
}

/**
 * @param {number} value @param {number} bytes @returns {Uint8Array<ArrayBuffer>} lowest byte first
 */
function number(value, bytes) {
  return Uint8Array.from({ length: bytes }, (_, index) => (value / 256 ** index) & 255);
}

/** @param {Blob} file @param {number} start @param {number} stop @returns {Promise<DataView>} */
async function bytesOf(file, start, stop) {
  return new DataView(await file.slice(start, stop).arrayBuffer());
}

/** @param {DataView} view @param {number} at @returns {string} four letters */
function textAt(view, at) {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
}
