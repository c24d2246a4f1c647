/**
 * Which part of what an MP3 decoder gives is the song: encoders put silence around it, and note how
 * much.
 *
 * The note is in the first frame, which has no audio ("Xing" or "Info", then the encoder's name).
 * Formats: the MP3 Infotag of LAME. Decoders add a delay of their own.
 *
 * @module
 */

const DECODER_DELAY = 529;
/** Enough for one frame, and some bytes that belong to nothing before it. */
const HEAD_BYTES = 8192;
const ENCODERS = new Set(["LAME", "Lavf", "Lavc"]);
/** What stands between the encoder's name and the note, both included. */
const NOTE_AT = 21;

/**
 * Frames of a decoded stream.
 * @typedef {{start: number, stop: number}} Part
 */

/**
 * @param {Blob} file an MP3 file
 * @param {number} frames that its stream states
 * @returns {Promise<Part>} the song
 */
export async function songWithin(file, frames) {
  const note = noteIn(await headOf(file));
  if (!note) return { start: 0, stop: Infinity };
  const start = note.before + DECODER_DELAY;
  return { start, stop: frames > 0 ? start + frames - note.before - note.after : Infinity };
}

/**
 * @param {Blob} file an MP3 file
 * @returns {Promise<boolean>} whether it says how many frames it has; else its length is a guess
 */
export async function statesLength(file) {
  const head = await headOf(file);
  const tag = tagIn(head);
  return tag !== null && (head.getUint32(tag + 4) & 1) === 1;
}

/** @param {Blob} file @returns {Promise<DataView>} */
async function headOf(file) {
  return new DataView(await file.slice(...(await afterTags(file))).arrayBuffer());
}

/**
 * @param {Blob} file
 * @returns {Promise<[number, number]>} where the audio begins, and some bytes on
 */
async function afterTags(file) {
  let at = 0;
  for (;;) {
    const tag = new Uint8Array(await file.slice(at, at + 10).arrayBuffer());
    if (textAt(new DataView(tag.buffer), 0, 3) !== "ID3") return [at, at + HEAD_BYTES];
    // Seven bits of each byte count.
    at += 10 + tag.slice(6).reduce((size, byte) => size * 128 + (byte & 127), 0);
  }
}

/** @param {DataView} head @returns {{before: number, after: number} | null} frames of silence */
function noteIn(head) {
  const tag = tagIn(head);
  if (tag === null) return null;
  const flags = head.getUint32(tag + 4);
  const sizes = [4, 4, 100, 4];
  const encoder = sizes.reduce((at, size, bit) => at + ((flags >> bit) & 1 ? size : 0), tag + 8);
  if (!ENCODERS.has(textAt(head, encoder, 4))) return null;
  const note = head.getUint32(encoder + NOTE_AT) >>> 8;
  return { before: note >> 12, after: note & 0xfff };
}

/** @param {DataView} head @returns {number | null} where the tag is that the first frame may have */
function tagIn(head) {
  const frame = firstFrame(head);
  if (frame === null) return null;
  const isFirstVersion = (head.getUint8(frame + 1) & 0x18) === 0x18;
  const isMono = head.getUint8(frame + 3) >> 6 === 3;
  const sideInfo = isFirstVersion ? (isMono ? 17 : 32) : isMono ? 9 : 17;
  const tag = frame + 4 + sideInfo;
  return ["Xing", "Info"].includes(textAt(head, tag, 4)) ? tag : null;
}

/** @param {DataView} head @returns {number | null} */
function firstFrame(head) {
  for (let at = 0; at + 256 < head.byteLength; at++) {
    if ((head.getUint16(at) & 0xffe0) === 0xffe0) return at;
  }
  return null;
}

/** @param {DataView} bytes @param {number} at @param {number} length */
function textAt(bytes, at, length) {
  if (at + length > bytes.byteLength) return "";
  return String.fromCharCode(...new Uint8Array(bytes.buffer, at, length));
}
