/**
 * The boxes of an MP4 file (ISO/IEC 14496-12): a size, a type of four letters, a payload.
 *
 * @module
 */

const HEADER_BYTES = 8;

/** @typedef {{type: string, payload: Uint8Array}} Box */

/** @param {Uint8Array} bytes one box after the other @returns {Box[]} views of the same memory */
export function boxesIn(bytes) {
  const boxes = [];
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at);
    if (size < HEADER_BYTES) throw new Error("This box has no plain size.");
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + HEADER_BYTES));
    boxes.push({ type, payload: bytes.subarray(at + HEADER_BYTES, at + size) });
    at += size;
  }
  return boxes;
}

/** @param {Box[]} boxes @returns {Uint8Array} */
export function bytesOf(boxes) {
  const length = boxes.reduce((sum, { payload }) => sum + HEADER_BYTES + payload.length, 0);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  let at = 0;
  for (const { type, payload } of boxes) {
    view.setUint32(at, HEADER_BYTES + payload.length);
    for (let i = 0; i < 4; i++) bytes[at + 4 + i] = type.charCodeAt(i);
    bytes.set(payload, at + HEADER_BYTES);
    at += HEADER_BYTES + payload.length;
  }
  return bytes;
}

/** @param {Uint8Array} bytes @returns {DataView} of the same memory */
export function viewOf({ buffer, byteOffset, byteLength }) {
  return new DataView(buffer, byteOffset, byteLength);
}
