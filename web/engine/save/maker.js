/**
 * Makes the files that the user asks for: one stem, the mix, or all stems.
 *
 * A worker (`save-worker.js`) does all the work, one worker for each request; the page passes it
 * the stems from the store, block by block. Cancelling ends the worker, whatever it is waiting for.
 *
 * @module
 */

import { undividedAmong } from "../divided.js";
import { UserError } from "../errors.js";
import { Remote } from "../rpc.js";
import { MIXTURE } from "../song.js";
import { addingUp } from "./adding-up.js";
import { FORMATS, STEMS_TOGETHER } from "./formats.js";
import { fileName, numbered, partName } from "./names.js";
import { MIX } from "./shapes.js";
import { patiently } from "./temporary.js";
import { CLICK, withClick } from "./with-click.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./formats.js").Format} Format */
/** @typedef {import("./protocol.js").FileOrder} FileOrder */
/** @typedef {import("./protocol.js").Made} Made */
/** @typedef {import("./protocol.js").Mix} Mix */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./protocol.js").Order} Order */
/** @typedef {import("./sinks.js").Place} Place */
/** @typedef {import("../stretch/tempo.js").Tempo} Tempo */
/** @typedef {import("./temporary.js").TemporaryFiles} TemporaryFiles */

/**
 * @typedef {object} Song
 * @property {string} name      name without an extension
 * @property {string} [title]   from its tags, like the others
 * @property {string} [artist]
 * @property {string} [album]
 * @property {Blob | null} [cover]
 */

/**
 * Where to put the files: the browser's downloads (several files as one zip), a file that the user
 * has picked (likewise), or a folder.
 * @typedef {{kind: "download"}
 *   | {kind: "file", handle: FileSystemFileHandle}
 *   | {kind: "folder", handle: FileSystemDirectoryHandle}} Destination
 */

/**
 * Stems that can be closed can also be held open: see open-song.js.
 * @typedef {ReadableStems & {hold?: () => void, close?: () => Promise<void>}} HeldStems
 */

/**
 * @typedef {object} Request
 * @property {HeldStems} stems      final in the whole region
 * @property {object} [of]          what the stems are of, for `Saves.areOf` and `giveUp`
 * @property {Song} song
 * @property {"stem" | "mix" | "all"} what
 * @property {string} [source]      for "stem"
 * @property {import("../beats.js").Beats | null} [beats]   for the stem of clicks
 * @property {Mix} [mix]            for "mix"
 * @property {boolean} [addsUp]     for "all": whether the stems add up to the song
 * @property {Tempo} [tempo]        default: unchanged
 * @property {Format} format
 * @property {string} [names]       pattern of the files' names: see names.js
 * @property {[number, number]} [region]    [start, stop), in frames; default: the whole song
 * @property {number} [rate]        hertz; default: that of the stems
 * @property {Destination} destination
 */

/**
 * @typedef {object} Watch
 * @property {(share: number) => void} report   called with the progress, from 0 to 1
 * @property {AbortSignal} signal
 */

/**
 * @typedef {object} Download
 * @property {string} name      name of the file, the zip or the folder
 * @property {Blob | null} file     file for the browser's downloads; null if already in place
 * @property {number} gain      factor applied to the samples to avoid clipping
 * @property {() => Promise<void>} discard  deletes the file kept for the download
 */

/** The files' way to their destination. @typedef {object} Delivery
 * @property {string} name
 * @property {(Place | null)[]} places      places of the files, or of the zip
 * @property {Place | null} scratch
 * @property {() => Promise<void>} undo     deletes what was created for it
 */

export class Maker {
  #files;
  /**
   * @type {WeakMap<ReadableStems, Map<string, number>>} peaks of all stems, by the settings that
   *   determine them
   */
  #peaks = new WeakMap();

  /** @param {TemporaryFiles} files */
  constructor(files) {
    this.#files = files;
  }

  /**
   * @param {Request} request
   * @param {Watch} watch
   * @returns {Promise<Download>}
   * @throws {UserError}
   * @throws {DOMException} AbortError; nothing is left behind
   */
  async make(request, watch) {
    watch.signal.throwIfAborted();
    if (request.addsUp) request = { ...request, stems: addingUp(request.stems) };
    if (request.source === CLICK && request.beats) {
      request = { ...request, stems: withClick(request.stems, request.beats) };
    }
    const files = filesOf(request);
    if (files.length === 0) throw new UserError("muted");
    const isTogether = FORMATS[request.format].isTogether;
    if (isTogether && request.stems.sources.length !== STEMS_TOGETHER) {
      throw new UserError("notFourStems");
    }
    const delivery = await this.#deliver(request, files);
    try {
      const order = this.#order(request, files, delivery);
      const { contents, peak, gain } = await carryOut(order, request.stems, watch);
      if (peak !== null && !request.mix) this.#peaksOf(request).set(peakKey(order), peak);
      return await this.#hand(request, delivery, contents, gain);
    } catch (error) {
      await delivery.undo();
      throw watch.signal.aborted ? error : explained(error);
    } finally {
      if (delivery.scratch) await this.#files.remove(delivery.scratch.handle);
    }
  }

  /**
   * @param {Request} request @param {FileOrder[]} files @param {Delivery} delivery
   * @returns {Order}
   */
  #order(request, files, { places, scratch }) {
    const { stems, format, mix = null, tempo = null } = request;
    const zipped = isZipped(request, files);
    /** @type {Order} */
    const order = {
      sources: FORMATS[format].isTogether ? [MIXTURE, ...stems.sources] : stems.sources,
      stemsRate: stems.rate,
      length: stems.length,
      region: request.region ?? [0, stems.length],
      mix: mix && { channels: mix.channels, master: mix.master },
      tempo: tempo && { speed: tempo.speed, semitones: tempo.semitones },
      format,
      rate: request.rate ?? stems.rate,
      peak: null,
      files: files.map((file, index) => ({
        ...file,
        place: zipped ? null : (places[index] ?? null),
      })),
      zip: zipped ? { place: places[0] ?? null, scratch } : null,
    };
    if (!mix) order.peak = this.#peaksOf(request).get(peakKey(order)) ?? null;
    return order;
  }

  /** @param {Request} request @returns {Map<string, number>} */
  #peaksOf({ stems }) {
    const known = this.#peaks.get(stems) ?? new Map();
    this.#peaks.set(stems, known);
    return known;
  }

  /** @param {Request} request @param {FileOrder[]} files @returns {Promise<Delivery>} */
  async #deliver(request, files) {
    const { destination } = request;
    const zipped = isZipped(request, files);
    const scratch = zipped ? await this.#temporary() : null;
    if (destination.kind === "folder") return { ...(await inFolder(destination, files)), scratch };
    if (destination.kind === "file") return { ...(await inFile(destination)), scratch };
    const place = await this.#temporary();
    const name = zipped ? zipName(request) : (files[0]?.name ?? "");
    const undo = async () => {
      if (place) await this.#files.remove(place.handle);
    };
    return { name, places: [place], scratch, undo };
  }

  /** @returns {Promise<Place | null>} */
  async #temporary() {
    const handle = await this.#files.create();
    return handle && { handle, isPicked: false };
  }

  /**
   * @param {Request} request @param {Delivery} delivery @param {(Blob | null)[]} contents
   * @param {number} gain
   * @returns {Promise<Download>}
   */
  async #hand({ destination, format }, { name, places, undo }, contents, gain) {
    if (destination.kind !== "download") return { name, file: null, gain, discard: async () => {} };
    const file = contents[0] ?? (await /** @type {Place} */ (places[0]).handle.getFile());
    const type = name.endsWith(".zip") ? "application/zip" : FORMATS[format].type;
    return { name, file: file.slice(0, file.size, type), gain, discard: undo };
  }
}

/** @param {Request} request @returns {FileOrder[]} orders without places */
function filesOf(request) {
  const { stems, song, what, source, mix, format, names, region, tempo } = request;
  const how = { rate: stems.rate, region, tempo };
  const { extension, isTogether } = FORMATS[format];
  const file = (/** @type {string} */ from, /** @type {string} */ name) => {
    const part = partName(name, how);
    const tags = tagsOf(song, part);
    return { source: from, name: fileName(song, part, extension, names), tags, place: null };
  };
  if (isTogether) return [file(MIXTURE, "")];
  if (what === "all") return distinct(stems.sources.map((name) => file(name, name)));
  if (what === "stem" && source) return [file(source, source)];
  const heard = [...(mix?.channels.keys() ?? [])];
  if (heard.length === 0) return [];
  const all = undividedAmong(stems.sources);
  const isAll = heard.length === all.length && all.every((name) => heard.includes(name));
  return [file(MIX, isAll ? "mix" : heard.join(" + "))];
}

/** @param {FileOrder[]} files @returns {FileOrder[]} numbered where names are the same */
function distinct(files) {
  const taken = new Map();
  return files.map((file) => {
    const count = (taken.get(file.name) ?? 0) + 1;
    taken.set(file.name, count);
    return count === 1 ? file : { ...file, name: numbered(file.name, count) };
  });
}

/** @param {Request} request @returns {string} */
function zipName({ stems, song, region, tempo, names }) {
  const part = partName("stems", { rate: stems.rate, region, tempo });
  return fileName(song, part, "zip", names);
}

/** @param {Song} song @param {string} part @returns {import("./protocol.js").Tags} */
function tagsOf({ name, title, artist, album, cover }, part) {
  return {
    title: part ? `${title || name} (${part})` : title || name,
    ...(artist && { artist }),
    ...(album && { album }),
    ...(cover && { cover }),
  };
}

/** @param {Request} request @param {FileOrder[]} files @returns {boolean} */
function isZipped({ destination }, files) {
  return files.length > 1 && destination.kind !== "folder";
}

/** @param {Order} order @returns {string} equal for orders with equal peaks */
function peakKey({ sources, region, tempo, rate }) {
  return JSON.stringify([sources, region, tempo, rate]);
}

/**
 * Place files in a folder without overwriting anything.
 *
 * @param {{handle: FileSystemDirectoryHandle}} folder @param {FileOrder[]} files
 * @returns {Promise<Omit<Delivery, "scratch">>}
 */
async function inFolder({ handle: folder }, files) {
  /** @type {Place[]} */
  const places = [];
  const undo = async () => {
    for (const { handle } of places) await patiently(() => folder.removeEntry(handle.name));
  };
  try {
    for (const { name } of files) {
      const free = await freeName(folder, name);
      const handle = await folder.getFileHandle(free, { create: true });
      places.push({ handle, isPicked: true });
    }
  } catch (error) {
    await undo();
    throw explained(error);
  }
  return { name: folder.name, places, undo };
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<string>} */
async function freeName(folder, name) {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : numbered(name, count);
    try {
      await folder.getFileHandle(candidate);
    } catch (error) {
      const { name: reason } = /** @type {Error} */ (error);
      if (reason === "NotFoundError") return candidate;
      // A folder has that name.
      if (reason !== "TypeMismatchError") throw error;
    }
  }
}

/**
 * @param {{handle: FileSystemFileHandle}} picked
 * @returns {Promise<Omit<Delivery, "scratch">>}
 */
async function inFile({ handle }) {
  // The picker creates the file; a file that the user chose to replace stays unchanged.
  const isNew = (await handle.getFile()).size === 0;
  const undo = async () => {
    if (isNew) await patiently(async () => handle.remove?.());
  };
  return { name: handle.name, places: [{ handle, isPicked: true }], undo };
}

/**
 * @param {Order} order @param {ReadableStems} stems @param {Watch} watch
 * @returns {Promise<Made>}
 */
async function carryOut(order, stems, { report, signal }) {
  const url = new URL("save-worker.js", import.meta.url);
  const worker = new Remote(url, (message) => new Error(message));
  const stop = () => worker.end(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await worker.call("make", order, {
      notice: (/** @type {Notice} */ notice) => {
        if ("share" in notice) report(notice.share);
        else void handOver(worker, notice.read, stems);
      },
    });
  } finally {
    signal.removeEventListener("abort", stop);
    worker.end(null);
  }
}

/**
 * @param {Remote} worker @param {{id: number, source: string, start: number, length: number}} read
 * @param {ReadableStems} stems
 */
async function handOver(worker, { id, source, start, length }, stems) {
  const samples = await stems.read(source, start, length).catch((error) => {
    console.warn(error);
    return null;
  });
  if (!worker.alive) return;
  const transfer = samples ? [samples.buffer] : [];
  await worker.call("block", { id, samples }, { transfer }).catch(() => {});
}

/** Errors of the browser for a place that is gone or not writable. */
const REFUSALS = ["NotAllowedError", "NotFoundError", "InvalidStateError", "SecurityError"];

/** @param {unknown} error @returns {UserError} */
function explained(error) {
  if (error instanceof UserError) return error;
  const { name } = /** @type {Error} */ (error);
  if (name === "QuotaExceededError") return new UserError("stemRoom", {}, error);
  if (REFUSALS.includes(name)) return new UserError("stemPlace", {}, error);
  return new UserError("stemFile", {}, error);
}
