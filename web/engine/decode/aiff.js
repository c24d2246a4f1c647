/**
 * AIFF and AIFF-C files whose samples are plain numbers, as written by Logic, GarageBand and
 * Apple's Music.
 *
 * Written here because no library fits: Mediabunny does not read AIFF (there is an open request),
 * `@audio/decode-aiff` loads the whole file into memory and reads 8-bit samples as unsigned, and
 * only Safari among browsers supports it. Format: Apple's "Audio Interchange File Format AIFF-C" of
 * 1991.
 *
 * @module
 */

/**
 * An opened file.
 * @typedef {object} Aiff
 * @property {number} rate      hertz
 * @property {number} channels
 * @property {number} frames    as stated in the file
 * @property {string | null} title
 * @property {string | null} artist
 * @property {Blob | null} id3  ID3v2 tags, which Logic and Music write
 * @property {() => AsyncGenerator<Float32Array[]>} blocks  the samples, one array per channel
 */

/** Reads a sample as a value in [-1, 1]. @typedef {(view: DataView, at: number) => number} Read */
/** How samples are stored. @typedef {{bytes: number, read: Read}} Encoding */

/** Number of frames read at once. */
const BLOCK = 1 << 16;
/** Longest text read as a title or artist, in bytes. */
const MOST_TEXT = 1024;
/** More channels than this are not a song. */
const MOST_CHANNELS = 64;

/** Readers for big-endian integers, by number of bytes. @type {Read[]} */
const BIG = [
  () => 0,
  (view, at) => view.getInt8(at) / 2 ** 7,
  (view, at) => view.getInt16(at) / 2 ** 15,
  (view, at) => ((view.getInt16(at) << 8) | view.getUint8(at + 2)) / 2 ** 23,
  (view, at) => view.getInt32(at) / 2 ** 31,
];

/** Little-endian likewise. @type {Read[]} */
const LITTLE = [
  () => 0,
  (view, at) => view.getInt8(at) / 2 ** 7,
  (view, at) => view.getInt16(at, true) / 2 ** 15,
  (view, at) => ((view.getInt16(at + 1, true) << 8) | view.getUint8(at)) / 2 ** 23,
  (view, at) => view.getInt32(at, true) / 2 ** 31,
];

/** @type {Encoding} */
const FLOAT = { bytes: 4, read: (view, at) => view.getFloat32(at) };
/** @type {Encoding} */
const DOUBLE = { bytes: 8, read: (view, at) => view.getFloat64(at) };

/** Encodings of AIFF-C other than big-endian integers of the stated number of bits. */
const ENCODINGS = new Map([
  ["fl32", FLOAT],
  ["FL32", FLOAT],
  ["fl64", DOUBLE],
  ["FL64", DOUBLE],
  ["raw ", { bytes: 1, read: (view, at) => view.getUint8(at) / 2 ** 7 - 1 }],
  ["in24", { bytes: 3, read: /** @type {Read} */ (BIG[3]) }],
  ["in32", { bytes: 4, read: /** @type {Read} */ (BIG[4]) }],
  ["42ni", { bytes: 3, read: /** @type {Read} */ (LITTLE[3]) }],
  ["23ni", { bytes: 4, read: /** @type {Read} */ (LITTLE[4]) }],
]);
const BIG_ENDIAN = new Set(["NONE", "twos"]);

/**
 * @param {Blob} file
 * @returns {Promise<Aiff | null>} null if it is no AIFF file, or its samples are compressed
 */
export async function openAiff(file) {
  const head = await viewOf(file, 0, 12);
  const kind = textAt(head, 8);
  if (textAt(head, 0) !== "FORM" || !["AIFF", "AIFC"].includes(kind)) return null;
  const chunks = await chunksOf(file);
  const common = await contentOf(chunks.get("COMM"));
  const sound = chunks.get("SSND");
  if (!sound || common.byteLength < 18) return null;
  const channels = common.getUint16(0);
  const rate = extendedAt(common, 8);
  const encoding = encodingOf(kind === "AIFC" ? textAt(common, 18) : "NONE", common.getUint16(6));
  if (!encoding || !(rate > 0) || channels === 0 || channels > MOST_CHANNELS) return null;
  const offset = (await viewOf(sound, 0, 8)).getUint32(0);
  const frames = common.getUint32(2);
  const samples = sound.slice(8 + offset, 8 + offset + frames * channels * encoding.bytes);
  return {
    rate,
    channels,
    frames,
    title: await textOf(chunks.get("NAME")),
    artist: await textOf(chunks.get("AUTH")),
    id3: chunks.get("ID3 ") ?? null,
    blocks: () => blocksOf(samples, channels, encoding),
  };
}

/**
 * @param {Blob} file
 * @returns {Promise<Map<string, Blob>>} contents of the chunks, the first one of each name
 */
async function chunksOf(file) {
  /** @type {Map<string, Blob>} */
  const chunks = new Map();
  for (let at = 12; at + 8 <= file.size; ) {
    const head = await viewOf(file, at, 8);
    const [name, size] = [textAt(head, 0), head.getUint32(4)];
    if (!chunks.has(name)) chunks.set(name, file.slice(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  return chunks;
}

/**
 * @param {string} compression @param {number} bits of a sample
 * @returns {Encoding | null} null if not supported
 */
function encodingOf(compression, bits) {
  const bytes = Math.ceil(bits / 8);
  const read = (BIG_ENDIAN.has(compression) ? BIG : compression === "sowt" ? LITTLE : [])[bytes];
  return ENCODINGS.get(compression) ?? (read && bytes > 0 ? { bytes, read } : null);
}

/** @param {Blob} samples @param {number} channels @param {Encoding} encoding */
async function* blocksOf(samples, channels, { bytes, read }) {
  const frameBytes = channels * bytes;
  const frames = Math.floor(samples.size / frameBytes);
  for (let start = 0; start < frames; start += BLOCK) {
    const length = Math.min(BLOCK, frames - start);
    const view = await viewOf(samples, start * frameBytes, length * frameBytes);
    yield Array.from({ length: channels }, (_, channel) => {
      const plane = new Float32Array(length);
      for (let i = 0; i < length; i++) plane[i] = read(view, i * frameBytes + channel * bytes);
      return plane;
    });
  }
}

/** @param {Blob} file @param {number} start @param {number} length @returns {Promise<DataView>} */
async function viewOf(file, start, length) {
  return new DataView(await file.slice(start, start + length).arrayBuffer());
}

/** @param {Blob | undefined} chunk @returns {Promise<DataView>} */
async function contentOf(chunk) {
  return chunk ? viewOf(chunk, 0, MOST_TEXT) : new DataView(new ArrayBuffer(0));
}

/** @param {Blob | undefined} chunk @returns {Promise<string | null>} */
async function textOf(chunk) {
  const text = new TextDecoder().decode(await contentOf(chunk));
  return text.replace(/\0.*$/s, "").trim() || null;
}

/** @param {DataView} view @param {number} at @returns {string} four letters; empty at the end */
function textAt(view, at) {
  if (at + 4 > view.byteLength) return "";
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));
}

/** @param {DataView} view @param {number} at @returns {number} an 80-bit IEEE 754 number */
function extendedAt(view, at) {
  const power = (view.getUint16(at) & 0x7fff) - 16383 - 63;
  return Number(view.getBigUint64(at + 2)) * 2 ** power;
}
