/**
 * Finds the song within the output of an MP3 decoder: encoders add silence at both ends, and record
 * how much.
 *
 * The record is in the first frame, which has no audio ("Xing" or "Info", then the encoder's name).
 * Format: the MP3 Infotag of LAME. Decoders add a delay of their own.
 *
 * @module
 */

const DECODER_DELAY = 529;
/** Enough bytes for two frames and any junk before them. */
const HEAD_BYTES = 1 << 16;
const ENCODERS = new Set(["LAME", "Lavf", "Lavc"]);
/** Offset from the start of the encoder's name to its record of the silence. */
const NOTE_AT = 21;

/** Kilobits per second, for version 1 and for the others. */
const BIT_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
/** Sample rates of version 1 in hertz; for each version code, how often they are halved. */
const [RATES, SHIFTS] = [
  [44100, 48000, 32000],
  [2, 0, 1, 0],
];

/**
 * Frames of a decoded stream.
 * @typedef {{start: number, stop: number}} Part
 */

/**
 * @param {Blob} file an MP3 file
 * @param {number} frames stated length of its stream
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
 * @returns {Promise<boolean>} whether it states its number of frames; otherwise its length is a
 *   guess
 */
export async function statesLength(file) {
  const head = await headOf(file);
  const tag = tagIn(head);
  return tag !== null && (head.getUint32(tag + 4) & 1) === 1;
}

/**
 * @param {Blob} file
 * @returns {Promise<{tags: number, start: number, stop: number} | null>} byte positions: end of its
 *   tags, start of its first frame, and end of the last frame as stated in the first; null if it is
 *   no MP3 file
 */
export async function extentOf(file) {
  const { tags, sound } = await afterTags(file);
  const head = await headOf(file);
  const frame = firstFrame(head);
  if (frame === null) return null;
  const tag = tagIn(head);
  const flags = tag === null ? 0 : head.getUint32(tag + 4);
  // The second flag: the number of bytes is given. It follows the number of frames, if present.
  const bytes = tag !== null && flags & 2 ? head.getUint32(tag + 8 + (flags & 1 ? 4 : 0)) : Infinity;
  const start = sound + frame;
  return { tags, start, stop: Math.min(file.size, start + bytes) };
}

/** @param {Blob} file @returns {Promise<DataView>} */
async function headOf(file) {
  const { sound } = await afterTags(file);
  return new DataView(await file.slice(sound, sound + HEAD_BYTES).arrayBuffer());
}

/**
 * @param {Blob} file
 * @returns {Promise<{tags: number, sound: number}>} end of its tags, and start of what follows:
 *   after a tag whose size is stated in a way that other readers do not understand
 */
async function afterTags(file) {
  let [tags, at] = [0, 0];
  for (;;) {
    const tag = new Uint8Array(await file.slice(at, at + 10).arrayBuffer());
    if (textAt(new DataView(tag.buffer), 0, 3) !== "ID3") return { tags, sound: at };
    const size = [...tag.slice(6)];
    // Only seven bits of each byte count; RealJukebox used all eight.
    const isRight = size.every((byte) => byte < 128);
    at += 10 + size.reduce((sum, byte) => sum * (isRight ? 128 : 256) + byte, 0);
    if (isRight) tags = at;
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

/**
 * @param {DataView} head @returns {number | null} position of the tag in the first frame, if any
 */
function tagIn(head) {
  const frame = firstFrame(head);
  if (frame === null) return null;
  const isFirstVersion = (head.getUint8(frame + 1) & 0x18) === 0x18;
  const isMono = head.getUint8(frame + 3) >> 6 === 3;
  const sideInfo = isFirstVersion ? (isMono ? 17 : 32) : isMono ? 9 : 17;
  const tag = frame + 4 + sideInfo;
  return ["Xing", "Info"].includes(textAt(head, tag, 4)) ? tag : null;
}

/**
 * @param {DataView} head
 * @returns {number | null} position of the first frame that is followed by another: other data
 *   often contain what looks like the start of a frame
 */
function firstFrame(head) {
  for (let at = 0; at + 4 <= head.byteLength; at++) {
    const frame = frameAt(head, at);
    if (!frame) continue;
    const next = frameAt(head, at + frame.bytes);
    if (next?.kind === frame.kind || at + frame.bytes >= head.byteLength) return at;
  }
  return null;
}

/**
 * @param {DataView} head @param {number} at
 * @returns {{kind: number, bytes: number} | null} a frame of layer III: the properties shared by
 *   all frames of a stream, and its length
 */
function frameAt(head, at) {
  if (at + 4 > head.byteLength) return null;
  const bits = head.getUint32(at);
  const [version, rateIndex] = [(bits >> 19) & 3, (bits >> 10) & 3];
  const kbps = BIT_RATES[version === 3 ? 0 : 1]?.[(bits >> 12) & 15] ?? 0;
  const rate = (RATES[rateIndex] ?? 0) >> (SHIFTS[version] ?? 0);
  const isFrame = bits >>> 21 === 0x7ff && version !== 1 && ((bits >> 17) & 3) === 1;
  if (!isFrame || kbps === 0 || rate === 0) return null;
  const bytes = Math.floor(((version === 3 ? 144 : 72) * kbps * 1000) / rate) + ((bits >> 9) & 1);
  return { kind: (version << 2) | rateIndex, bytes };
}

/** @param {DataView} bytes @param {number} at @param {number} length */
function textAt(bytes, at, length) {
  if (at + length > bytes.byteLength) return "";
  return String.fromCharCode(...new Uint8Array(bytes.buffer, at, length));
}
