/**
 * The configuration of an Apple Lossless track in an MP4 file, which Mediabunny does not expose.
 *
 * Its path is moov > trak > mdia > minf > stbl > stsd > "alac" > "alac"; QuickTime puts the last
 * box into a "wave" box. Boxes: ISO/IEC 14496-12.
 *
 * @module
 */

/** Boxes on that path that contain only boxes. */
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl", "wave"]);
/** Bytes before the boxes in "stsd": version and number of entries. */
const DESCRIPTION_HEAD = 8;
/** Bytes before the boxes in an audio sample entry, by version: QuickTime's are longer. */
const ENTRY_HEADS = [28, 44, 64];
/** Bytes of version and flags. */
const FULL_HEAD = 4;
/** Largest "moov" box of a music file; it may contain an album's pictures. */
const MOST_BYTES = 1 << 28;

/**
 * @param {Blob} file
 * @returns {Promise<Uint8Array | null>} the configuration of the first such track; null if there is
 *   none
 */
export async function alacConfig(file) {
  for (let at = 0; at + 8 <= file.size; ) {
    const { name, head, size } = boxAt(await viewOf(file, at, 16), 0, file.size - at);
    const isIt = name === "moov" && size <= MOST_BYTES;
    if (isIt) return find(await viewOf(file, at + head, size - head));
    at += size;
  }
  return null;
}

/** @param {Blob} file @param {number} start @param {number} length @returns {Promise<DataView>} */
async function viewOf(file, start, length) {
  return new DataView(await file.slice(start, start + length).arrayBuffer());
}

/**
 * @param {DataView} boxes @param {boolean} inEntry whether they are in the entry of an ALAC track
 * @returns {Uint8Array | null}
 */
function find(boxes, inEntry = false) {
  for (let at = 0; at + 8 <= boxes.byteLength; ) {
    const { name, head, size } = boxAt(boxes, at, boxes.byteLength - at);
    const length = Math.min(size, boxes.byteLength - at) - head;
    const inside = new DataView(boxes.buffer, boxes.byteOffset + at + head, length);
    const isConfig = inEntry && name === "alac";
    if (isConfig) return new Uint8Array(inside.buffer, inside.byteOffset).slice(FULL_HEAD, length);
    const skipped = headOf(name, inside);
    const found = skipped < length && find(from(inside, skipped), inEntry || name === "alac");
    if (found) return found;
    at += size;
  }
  return null;
}

/**
 * @param {string} name of a box @param {DataView} inside
 * @returns {number} bytes before its boxes; infinite if it has none that matter
 */
function headOf(name, inside) {
  if (CONTAINERS.has(name)) return 0;
  if (name === "stsd") return DESCRIPTION_HEAD;
  const version = name === "alac" && inside.byteLength > 10 ? inside.getUint16(8) : -1;
  return ENTRY_HEADS[version] ?? Infinity;
}

/** @param {DataView} view @param {number} start */
function from(view, start) {
  return new DataView(view.buffer, view.byteOffset + start, view.byteLength - start);
}

/**
 * @param {DataView} view @param {number} at @param {number} rest bytes to the end of its parent
 * @returns {{name: string, head: number, size: number}} `head` and `size` in bytes
 */
function boxAt(view, at, rest) {
  const name = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at + 4, 4));
  const size = view.getUint32(at);
  const isLong = size === 1 && view.byteLength - at >= 16;
  const whole = isLong ? Number(view.getBigUint64(at + 8)) : size === 0 ? rest : size;
  const head = isLong ? 16 : 8;
  // A size that leaves no room for the head would never advance.
  return { name, head, size: Math.max(head, whole) };
}
