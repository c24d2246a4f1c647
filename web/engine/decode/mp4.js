/**
 * What Mediabunny does not give of an MP4 file: the configuration of an Apple Lossless track.
 *
 * It lies in moov > trak > mdia > minf > stbl > stsd > "alac" > "alac"; QuickTime puts the last one
 * into a "wave" box. Boxes: ISO/IEC 14496-12.
 *
 * @module
 */

/** What contains boxes only, on the way. */
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl", "wave"]);
/** Bytes before the boxes in "stsd": version and number of entries. */
const DESCRIPTION_HEAD = 8;
/** Bytes before the boxes in an audio sample entry, by its version: QuickTime has longer ones. */
const ENTRY_HEADS = [28, 44, 64];
/** Version and flags. */
const FULL_HEAD = 4;
/** Pictures of an album are in there; more is no file of music. */
const MOST_BYTES = 1 << 28;

/**
 * @param {Blob} file
 * @returns {Promise<Uint8Array | null>} that of the first such track; null: there is none
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
 * @param {DataView} boxes @param {boolean} inEntry whether they are in the entry of such a track
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
 * @returns {number} bytes in it before the boxes; infinite: it has none, or none that matter
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
 * @param {DataView} view @param {number} at @param {number} rest bytes to the end of what it is in
 * @returns {{name: string, head: number, size: number}} both in bytes
 */
function boxAt(view, at, rest) {
  const name = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at + 4, 4));
  const size = view.getUint32(at);
  const isLong = size === 1 && view.byteLength - at >= 16;
  const whole = isLong ? Number(view.getBigUint64(at + 8)) : size === 0 ? rest : size;
  const head = isLong ? 16 : 8;
  // A size that leaves no room for the head would never get on.
  return { name, head, size: Math.max(head, whole) };
}
