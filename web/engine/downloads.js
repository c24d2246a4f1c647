/**
 * Makes the files that the person asks for: one stem, a mix of some, or all of them in a zip.
 *
 * They are written to a temporary file on the disk where the browser has such, else in memory.
 *
 * @module
 */

import { makeZip } from "../vendor/client-zip.mjs";
import { BufferTarget, StreamTarget } from "../vendor/mediabunny.mjs";
import { UserError } from "./errors.js";
import { mixOf } from "./mix.js";
import { TemporaryFiles } from "./temporary.js";
import { sharedGain, writeWav } from "./wav.js";

/** @typedef {import("./protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./wav.js").Watch} Watch */
/** @typedef {keyof typeof FORMATS} Format */

/**
 * @typedef {object} Download
 * @property {string} name
 * @property {Blob} file
 * @property {() => Promise<void>} discard  deletes the file; called when it has been saved
 */

export const FORMATS = /** @type {const} */ ({
  "16": { title: "WAV 16-bit", codec: "pcm-s16", suffix: "" },
  "32f": { title: "WAV 32-bit float", codec: "pcm-f32", suffix: " (32-bit float)" },
});

/** What a step takes of the whole, as shares of the time: no more than a guess. */
const PEAK_SHARE = 0.5;

export class Downloads {
  #stems;
  #track;
  #files;
  #onGain;
  /** @type {number | null} */
  #gain = null;

  /**
   * @param {Stems} stems all of them final
   * @param {string} track the song's name
   * @param {TemporaryFiles} files
   * @param {(gain: number) => void} onGain called with the factor of 16-bit files once it is known
   */
  constructor(stems, track, files, onGain) {
    this.#stems = stems;
    this.#track = track;
    this.#files = files;
    this.#onGain = onGain;
  }

  /**
   * @param {string} source @param {Format} format @param {Watch} watch
   * @returns {Promise<Download>}
   */
  async wav(source, format, watch) {
    const rest = await this.#prepare(format, watch);
    return { name: this.#wavName(source, format), ...(await this.#stem(source, format, rest)) };
  }

  /**
   * The sum of some stems. In 16 bits it is turned down where it would clip, whatever the stems
   * are.
   *
   * @param {ReadonlyMap<string, number>} volumes of the stems that are in it
   * @param {Format} format @param {Watch} watch
   * @returns {Promise<Download>}
   */
  async mix(volumes, format, watch) {
    if (volumes.size === 0) throw new UserError("muted");
    const mix = mixOf(this.#stems, volumes);
    const isInteger = format === "16";
    const gain = isInteger ? await sharedGain(mix, part(watch, 0, PEAK_SHARE)) : 1;
    const rest = isInteger ? part(watch, PEAK_SHARE, 1) : watch;
    const kept = await this.#wav(mix, { source: "mix", format, gain }, rest);
    return { name: this.#wavName([...volumes.keys()].join(" + "), format), ...kept };
  }

  /**
   * @param {Format} format @param {Watch} watch
   * @returns {Promise<Download>}
   */
  async zip(format, watch) {
    const rest = await this.#prepare(format, watch);
    const zip = makeZip(this.#entries(format, rest), { buffersAreUTF8: true });
    const kept = await this.#keep(async (writable) => {
      if (!writable) return [await new Response(zip).blob()];
      await zip.pipeTo(writable, { signal: watch.signal });
      return [];
    });
    return { name: `${this.#track} - stems${FORMATS[format].suffix}.zip`, ...kept };
  }

  /** @param {string} what @param {Format} format @returns {string} */
  #wavName(what, format) {
    return `${this.#track} - ${what}${FORMATS[format].suffix}.wav`;
  }

  /**
   * Find the gain for 16 bits, unless it is known.
   *
   * @param {Format} format @param {Watch} watch
   * @returns {Promise<Watch>} for what is left to do
   */
  async #prepare(format, watch) {
    if (format !== "16" || this.#gain !== null) return watch;
    this.#gain = await sharedGain(this.#stems, part(watch, 0, PEAK_SHARE));
    this.#onGain(this.#gain);
    return part(watch, PEAK_SHARE, 1);
  }

  /** @param {string} source @param {Format} format @param {Watch} watch */
  #stem(source, format, watch) {
    return this.#wav(this.#stems, { source, format, gain: this.#gain ?? 1 }, watch);
  }

  /**
   * @param {ReadableStems} stems
   * @param {{source: string, format: Format, gain: number}} file
   * @param {Watch} watch
   * @returns {Promise<Omit<Download, "name">>}
   */
  async #wav(stems, { source, format, gain }, watch) {
    const options = { codec: FORMATS[format].codec, gain };
    return this.#keep(async (writable) => {
      const target = writable ? new StreamTarget(writable) : new BufferTarget();
      await writeWav(stems, source, options, target, watch);
      return target instanceof BufferTarget ? [/** @type {ArrayBuffer} */ (target.buffer)] : [];
    });
  }

  /**
   * One stem after the other: there is never more than one of them beside the zip.
   *
   * @param {Format} format @param {Watch} watch
   */
  async *#entries(format, watch) {
    const { sources } = this.#stems;
    for (const [index, source] of sources.entries()) {
      const [start, stop] = [index / sources.length, (index + 1) / sources.length];
      const middle = (start + stop) / 2;
      const { file, discard } = await this.#stem(source, format, part(watch, start, middle));
      try {
        const input = file.stream().pipeThrough(counted(file.size, part(watch, middle, stop)));
        yield { name: this.#wavName(source, format), input };
      } finally {
        await discard();
      }
    }
  }

  /**
   * @param {(writable: FileSystemWritableFileStream | null) => Promise<BlobPart[]>} write fills and
   *   closes the file, or gives its content where there is none
   * @returns {Promise<Omit<Download, "name">>}
   */
  async #keep(write) {
    const handle = await this.#files.create();
    if (!handle) return { file: new Blob(await write(null)), discard: async () => {} };
    const discard = () => this.#files.remove(handle);
    try {
      await write(await handle.createWritable());
      return { file: await handle.getFile(), discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }
}

/**
 * @param {Watch} watch
 * @param {number} start
 * @param {number} stop
 * @returns {Watch} of a part of the work
 */
function part({ report, signal }, start, stop) {
  return { report: (share) => report(start + share * (stop - start)), signal };
}

/**
 * @param {number} bytes in all @param {Watch} watch
 * @returns {TransformStream<Uint8Array, Uint8Array>} that hands on what it gets
 */
function counted(bytes, { report, signal }) {
  let done = 0;
  return new TransformStream({
    transform(chunk, controller) {
      signal.throwIfAborted();
      done += chunk.length;
      report(done / bytes);
      controller.enqueue(chunk);
    },
  });
}
