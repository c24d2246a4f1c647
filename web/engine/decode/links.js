/**
 * Splits concatenated files, as made by radio recorders and `cat`: decoders would silently stop
 * after the first part.
 *
 * Formats: Ogg (RFC 3533, section 4: "chaining"); MP3 (ISO 11172-3, and the tag of Xing and LAME in
 * the first frame, which states the number of bytes).
 *
 * @module
 */

import { extentOf } from "./gapless.js";

/** Bytes read at a time; more than any Ogg page. */
const WINDOW = 1 << 20;
/** Bytes of a page before its table of sizes. */
const PAGE_HEAD = 27;
/** Flag of the first page of a stream. */
const BEGINS = 2;
/** Shorter data after an MP3 file are a tag. */
const LEAST_BYTES = 4096;
/** First bytes of other kinds of files, which may contain something that looks like MP3. */
const OTHERS = /^(RIFF|RF64|fLaC|caff|\x1aE\xdf\xa3|....ftyp)/s;

/**
 * @param {Blob} file
 * @returns {Promise<Blob[]>} the files that it consists of, usually just itself
 */
export async function linksOf(file) {
  if ((await textAt(file, 0)).startsWith("OggS")) return oggLinks(file);
  return mp3Links(file);
}

/** @param {Blob} file @returns {Promise<Blob[]>} */
async function oggLinks(file) {
  const starts = [0];
  let isInside = false;
  for await (const { at, flags } of pages(file)) {
    const begins = (flags & BEGINS) !== 0;
    if (begins && isInside) starts.push(at);
    isInside = !begins;
  }
  return starts.map((start, index) => file.slice(start, starts[index + 1]));
}

/**
 * @param {Blob} file @returns {AsyncGenerator<{at: number, flags: number}>} its pages, up to the
 *   first invalid one
 */
async function* pages(file) {
  let [at, start] = [0, 0];
  let view = new DataView(new ArrayBuffer(0));
  for (;;) {
    if (at + PAGE_HEAD + 255 > start + view.byteLength && at < file.size) {
      start = at;
      view = new DataView(await file.slice(at, at + WINDOW).arrayBuffer());
    }
    const head = at - start;
    if (head + PAGE_HEAD > view.byteLength || view.getUint32(head) !== 0x4f676753) return;
    const count = view.getUint8(head + 26);
    if (head + PAGE_HEAD + count > view.byteLength) return;
    yield { at, flags: view.getUint8(head + 5) };
    const sizes = new Uint8Array(view.buffer, head + PAGE_HEAD, count);
    at += PAGE_HEAD + count + sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** @param {Blob} file @returns {Promise<Blob[]>} */
async function mp3Links(file) {
  /** @type {Blob[]} */
  const links = [];
  let rest = file;
  for (;;) {
    const song = await extentOf(rest);
    if (!song || OTHERS.test(await textAt(rest, song.tags))) break;
    const { tags, start } = song;
    const next = rest.slice(song.stop);
    const isLast = next.size < LEAST_BYTES || !(await extentOf(next));
    const stop = isLast ? rest.size : song.stop;
    // Data between the tags and the first frame belong to neither, and mislead readers.
    links.push(new Blob([rest.slice(0, tags), rest.slice(start, stop)]));
    if (isLast) break;
    rest = next;
  }
  return links.length > 0 ? links : [file];
}

/**
 * @param {Blob} file @param {number} at @returns {Promise<string>} eight letters, one for each byte
 */
async function textAt(file, at) {
  return String.fromCharCode(...new Uint8Array(await file.slice(at, at + 8).arrayBuffer()));
}
