/**
 * Title, artist, album and cover picture from the file.
 *
 * @module
 */

import { ALL_FORMATS, BlobSource, Input } from "../../vendor/mediabunny.mjs";

/**
 * @typedef {object} Tags
 * @property {string | null} title
 * @property {string | null} artist
 * @property {string | null} album
 * @property {Blob | null} cover    a picture that every program can show
 */

/** @type {Tags} */
export const NO_TAGS = { title: null, artist: null, album: null, cover: null };

/** Longest title, artist or album. Longer ones are not names, but something else. */
const MOST_LETTERS = 300;
/** Control characters, including those for writing direction, and white space. */
const NO_LETTERS = /[\p{Cc}\p{Bidi_Control}\s]+/gu;
/** Every file that is saved gets a copy of the cover. */
const MOST_COVER_BYTES = 4 << 20;
const COVER_TYPES = ["image/jpeg", "image/png"];
/** A silent MP3 frame: added to ID3 tags it makes an MP3 file, so that Mediabunny reads them. */
const SILENT_MP3 = { head: [0xff, 0xfb, 0x90, 0x64], bytes: 417, frames: 3 };

/**
 * @param {Input | import("./aiff.js").Aiff} source
 * @returns {Promise<Tags>} null if the file has none
 */
export async function tagsOf(source) {
  if (source instanceof Input) return readTags(source);
  const tags = await tagsOfId3(source.id3);
  const { title, artist } = tags;
  return { ...tags, title: title ?? clean(source.title), artist: artist ?? clean(source.artist) };
}

/** @param {Blob | null} id3 @returns {Promise<Tags>} */
async function tagsOfId3(id3) {
  if (!id3) return NO_TAGS;
  const frame = new Uint8Array(SILENT_MP3.bytes);
  frame.set(SILENT_MP3.head);
  const file = new Blob([id3, ...Array.from({ length: SILENT_MP3.frames }, () => frame)]);
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    return await readTags(input);
  } finally {
    input.dispose();
  }
}

/** @param {Input} input @returns {Promise<Tags>} */
async function readTags(input) {
  // Broken tags are no reason to refuse a song.
  const { title, artist, album, images = [] } = await input.getMetadataTags().catch((error) => {
    console.warn(error);
    return /** @type {import("mediabunny").MetadataTags} */ ({});
  });
  return {
    title: clean(title),
    artist: clean(artist),
    album: clean(album),
    cover: coverAmong(images),
  };
}

/** @param {import("mediabunny").AttachedImage[]} images @returns {Blob | null} */
function coverAmong(images) {
  const usable = images.filter(
    ({ data, mimeType }) => data.length <= MOST_COVER_BYTES && COVER_TYPES.includes(mimeType),
  );
  const cover = usable.find(({ kind }) => kind === "coverFront") ?? usable[0];
  return cover ? new Blob([new Uint8Array(cover.data)], { type: cover.mimeType }) : null;
}

/**
 * @param {unknown} text
 * @returns {string | null} in one line, without characters that change the writing direction
 */
function clean(text) {
  const line = typeof text === "string" ? repaired(text).replace(NO_LETTERS, " ").trim() : "";
  return [...line].slice(0, MOST_LETTERS).join("") || null;
}

/** @param {string} text @returns {string} decoded as UTF-8 if it was mistaken for Latin-1 */
function repaired(text) {
  if (!/[\x80-\xff]/.test(text) || /[^\x00-\xff]/.test(text)) return text;
  try {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}
