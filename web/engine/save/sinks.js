/**
 * Destinations of file data: the browser's own file system, a file that the user has picked, or
 * memory if there is nothing else.
 *
 * @module
 */

/**
 * @typedef {object} Sink
 * @property {(data: Uint8Array, position: number) => void | Promise<void>} write   at any position
 *   up to the end
 * @property {() => Promise<Blob | null>} close   returns the content; null if it is in the file
 */

/**
 * An existing, empty file.
 * @typedef {object} Place
 * @property {FileSystemFileHandle} handle
 * @property {boolean} isPicked    by the user; otherwise in the browser's own file system
 */

/** @param {Place | null} place null: in memory @returns {Promise<Sink>} */
export async function openSink(place) {
  if (!place) return new MemorySink();
  if (place.isPicked) return new PickedSink(await place.handle.createWritable());
  const file = await place.handle.createSyncAccessHandle();
  file.truncate(0);
  return new OwnSink(file);
}

/**
 * Refuse data for which the browser's own file system has no room. For other places and for memory
 * this is not known in advance.
 *
 * @param {Place | null} place @param {number} bytes
 * @throws {DOMException} QuotaExceededError
 */
export async function checkRoom(place, bytes) {
  if (!place || place.isPicked) return;
  const file = await place.handle.createSyncAccessHandle();
  try {
    // This takes no space on the disk, but fails if there is none.
    file.truncate(bytes);
    file.truncate(0);
  } finally {
    file.close();
  }
}

/**
 * @param {Sink} sink
 * @param {(end: number) => void} onWrite called with the end of each write
 * @returns {WritableStream<{data: Uint8Array, position: number}>}
 */
export function placedStream(sink, onWrite) {
  return new WritableStream({
    async write({ data, position }) {
      await sink.write(data, position);
      onWrite(position + data.length);
    },
  });
}

/** @param {Sink} sink @returns {WritableStream<Uint8Array>} writes pieces one after the other */
export function plainStream(sink) {
  let position = 0;
  return new WritableStream({
    async write(data) {
      await sink.write(data, position);
      position += data.length;
    },
  });
}

/** @implements {Sink} */
class OwnSink {
  #file;

  /** @param {import("../storage.js").StoredFile} file */
  constructor(file) {
    this.#file = file;
  }

  /** @param {Uint8Array} data @param {number} position */
  write(data, position) {
    if (this.#file.write(data, { at: position }) === data.length) return;
    throw new DOMException("There is no room on the disk.", "QuotaExceededError");
  }

  async close() {
    this.#file.close();
    return null;
  }
}

/** @implements {Sink} */
class PickedSink {
  #file;

  /** @param {FileSystemWritableFileStream} file */
  constructor(file) {
    this.#file = file;
  }

  /** @param {Uint8Array} data @param {number} position */
  write(data, position) {
    const own = /** @type {Uint8Array<ArrayBuffer>} */ (data);
    return this.#file.write({ type: "write", position, data: own });
  }

  async close() {
    await this.#file.close();
    return null;
  }
}

/** @implements {Sink} */
class MemorySink {
  /** @type {{data: Uint8Array<ArrayBuffer>, position: number}[]} */
  #pieces = [];
  #size = 0;

  /** @param {Uint8Array} data @param {number} position */
  write(data, position) {
    for (const piece of this.#pieces) overwrite(piece, data, position);
    const rest = data.slice(Math.max(0, this.#size - position));
    if (rest.length === 0) return;
    this.#pieces.push({ data: rest, position: this.#size });
    this.#size += rest.length;
  }

  async close() {
    return new Blob(this.#pieces.map(({ data }) => data));
  }
}

/**
 * @param {{data: Uint8Array, position: number}} piece the overlapping part is replaced
 * @param {Uint8Array} data @param {number} position
 */
function overwrite(piece, data, position) {
  const start = Math.max(piece.position, position);
  const stop = Math.min(piece.position + piece.data.length, position + data.length);
  if (start >= stop) return;
  piece.data.set(data.subarray(start - position, stop - position), start - piece.position);
}
