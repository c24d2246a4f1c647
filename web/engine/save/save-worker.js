/**
 * Makes the files of one order: reads the stems from the page block by block, mixes, resamples,
 * measures the peak, encodes and writes. Messages: see `protocol.js` beside it.
 */

import { configure, ZipWriter } from "../../vendor/zip.mjs";
import { UserError } from "../errors.js";
import { Resampler } from "../resampler.js";
import { serve } from "../rpc.js";
import { encode } from "./encode.js";
import { FORMATS, mostBytes } from "./formats.js";
import { gainOf, peakOf } from "./integers.js";
import { mixOf, regionOf } from "./shapes.js";
import { checkRoom, openSink, plainStream } from "./sinks.js";

/** @typedef {import("../protocol.js").ReadableStems} ReadableStems */
/** @typedef {import("./protocol.js").Block} Block */
/** @typedef {import("./protocol.js").FileOrder} FileOrder */
/** @typedef {import("./protocol.js").Made} Made */
/** @typedef {import("./protocol.js").Order} Order */
/** @typedef {import("./protocol.js").ZipOrder} ZipOrder */
/** @typedef {import("./sinks.js").Place} Place */
/** @typedef {(share: number) => void} Report  progress, from 0 to 1 */
/** @typedef {(notice: import("./protocol.js").Notice) => void} Tell */

/** Frames read at once. */
const CHUNK = 1 << 16;

/** Cost of measuring the peak and of copying into a zip, relative to encoding. */
const PEAK_COST = 0.3;
const COPY_COST = 0.1;

/**
 * Sizes and checksums precede the content: readers in Java and old Android refuse stored entries
 * whose sizes come after it.
 */
const ZIP_OPTIONS = { level: 0, dataDescriptor: false, extendedTimestamp: false };
configure({ useWebWorkers: false });

/** Room for text in the tags of each file, in addition to the samples. */
const TAGS_BYTES = 1 << 16;

/**
 * Pending reads from the page. If reading fails, the page ends this worker: see maker.js.
 *
 * @type {Map<number, {resolve: (samples: Float32Array) => void, reject: (error: unknown) => void}>}
 */
const reads = new Map();
let lastRead = 0;

/** @param {Block} block */
function takeBlock({ id, samples }) {
  const read = reads.get(id);
  reads.delete(id);
  if (samples) read?.resolve(samples);
  else read?.reject(new UserError("stemGone"));
}

/** @param {Tell} tell @returns {ReadableStems["read"]} */
function readsOf(tell) {
  return (source, start, length) =>
    new Promise((resolve, reject) => {
      reads.set(++lastRead, { resolve, reject });
      tell({ read: { id: lastRead, source, start, length } });
    });
}

class Job {
  #order;
  #stems;

  /** @param {Order} order @param {ReadableStems} stems to write, except for their rate */
  constructor(order, stems) {
    this.#order = order;
    this.#stems = stems;
  }

  /** @param {Order} order @param {Tell} tell @returns {Promise<Job>} */
  static async open(order, tell) {
    const { sources, stemsRate: rate, length, region, mix, tempo } = order;
    const part = regionOf({ sources, rate, length, read: readsOf(tell) }, region);
    const stems = mix ? mixOf(part, mix) : part;
    if (!tempo) return new Job(order, stems);
    const { stretched } = await import("../stretch.js");
    return new Job(order, stretched(stems, tempo));
  }

  /** Length of each file in frames. */
  get #length() {
    return Math.round((this.#stems.length * this.#order.rate) / this.#stems.rate);
  }

  /** @param {Report} report @returns {Promise<Made>} */
  async make(report) {
    const { files, format, zip } = this.#order;
    const { bits } = FORMATS[format];
    await this.#checkRoom();
    const scanned = bits === null || this.#order.peak !== null ? 0 : this.#stems.sources.length;
    const [scan, write] = [scanned * PEAK_COST, files.length * (1 + (zip ? COPY_COST : 0))];
    const middle = scan / (scan + write);
    const peak = scanned ? await this.#findPeak(part(report, 0, middle)) : this.#order.peak;
    const gain = gainOf(peak ?? 0, bits);
    const rest = part(report, middle, 1);
    const contents = zip ? await this.#zip(zip, gain, rest) : await this.#each(gain, rest);
    return { contents, peak, gain };
  }

  /** Check the free space before anything takes time. */
  async #checkRoom() {
    const { files, zip, format, rate } = this.#order;
    const [file] = files;
    const tags = TAGS_BYTES + (file?.tags.cover?.size ?? 0);
    const each = mostBytes(format, this.#length, rate) + tags;
    for (const { place } of files) await checkRoom(place, each);
    if (zip) await checkRoom(zip.place, (files.length + 1) * each);
  }

  /** @param {Report} report @returns {Promise<number>} peak of everything to write */
  async #findPeak(report) {
    const { sources } = this.#stems;
    let peak = 0;
    let done = 0;
    for (const source of sources) {
      for await (const samples of this.#blocks(source)) {
        peak = Math.max(peak, peakOf(samples));
        done += samples.length / 2;
        report(done / (sources.length * this.#length));
      }
    }
    return peak;
  }

  /** @param {number} gain @param {Report} report */
  async #each(gain, report) {
    const contents = [];
    for (const [index, file] of this.#order.files.entries()) {
      contents.push(await this.#write(file, file.place, gain, this.#partOf(index, report)));
    }
    return contents;
  }

  /** @param {ZipOrder} zip @param {number} gain @param {Report} report */
  async #zip(zip, gain, report) {
    const sink = await openSink(zip.place);
    const writer = new ZipWriter(plainStream(sink), ZIP_OPTIONS);
    // One after the other, so that at most one file exists beside the zip.
    for (const [index, file] of this.#order.files.entries()) {
      const share = this.#partOf(index, report);
      const middle = 1 / (1 + COPY_COST);
      const memory = await this.#write(file, zip.scratch, gain, part(share, 0, middle));
      const content = memory ?? (await /** @type {Place} */ (zip.scratch).handle.getFile());
      await addToZip(writer, file.name, content, part(share, middle, 1));
    }
    await writer.close();
    return [await sink.close()];
  }

  /**
   * @param {FileOrder} file @param {Place | null} place @param {number} gain @param {Report} report
   * @returns {Promise<Blob | null>}
   */
  async #write({ source, tags }, place, gain, report) {
    const { format, rate } = this.#order;
    const sink = await openSink(place);
    const content = { format, rate, length: this.#length, gain, tags };
    if (FORMATS[format].isTogether) await this.#encodeTogether(content, sink, report);
    else await encode(this.#blocks(source), content, sink, report);
    return sink.close();
  }

  /**
   * @param {import("./encode.js").Content} content @param {import("./sinks.js").Sink} sink
   * @param {Report} report
   */
  async #encodeTogether(content, sink, report) {
    const { encodeStems } = await import("./stem-file.js");
    const [, ...stems] = this.#stems.sources;
    const tracks = this.#stems.sources.map((source) => this.#blocks(source));
    await encodeStems(tracks, stems, content, sink, report);
  }

  /** @param {number} index of a file @param {Report} report @returns {Report} */
  #partOf(index, report) {
    const { length } = this.#order.files;
    return part(report, index / length, (index + 1) / length);
  }

  /**
   * @param {string} source @returns {AsyncIterable<Float32Array>} blocks at the rate of the files
   */
  #blocks(source) {
    const blocks = blocksOf(this.#stems, source);
    const [from, to] = [this.#stems.rate, this.#order.rate];
    return from === to ? blocks : resampled(blocks, from, to);
  }
}

/** @param {ReadableStems} stems @param {string} source */
async function* blocksOf(stems, source) {
  for (let start = 0; start < stems.length; start += CHUNK) {
    yield await stems.read(source, start, Math.min(CHUNK, stems.length - start));
  }
}

/** @param {AsyncIterable<Float32Array>} blocks @param {number} from @param {number} to in hertz */
async function* resampled(blocks, from, to) {
  // Needs no signal of its own: cancelling ends this whole worker.
  const resampler = new Resampler(new AbortController().signal);
  try {
    await resampler.start(from, to);
    for await (const block of blocks) yield* filled(await resampler.convert(block));
    yield* filled(await resampler.end());
  } finally {
    resampler.close();
  }
}

/** @param {Float32Array} block @returns {Float32Array[]} the block, unless it is empty */
function filled(block) {
  return block.length === 0 ? [] : [block];
}

/** @param {Report} report @param {number} start @param {number} stop @returns {Report} */
function part(report, start, stop) {
  return (share) => report(start + share * (stop - start));
}

/**
 * Add a file to the zip. The content is read twice rather than held in memory: first for the
 * checksum.
 *
 * @param {ZipWriter<unknown>} writer @param {string} name @param {Blob} content
 * @param {Report} report
 */
async function addToZip(writer, name, content, report) {
  const readable = content.stream().pipeThrough(counted(content.size, report));
  await writer.add(
    name,
    { readable: content.stream(), size: content.size },
    { createTempStream: () => ({ writable: new WritableStream(), readable }) },
  );
}

/**
 * @param {number} bytes in total @param {Report} report
 * @returns {TransformStream<Uint8Array, Uint8Array>} that passes its input on
 */
function counted(bytes, report) {
  let done = 0;
  return new TransformStream({
    transform(chunk, controller) {
      done += chunk.length;
      report(done / bytes);
      controller.enqueue(chunk);
    },
  });
}

serve(async (method, argument, tell) => {
  if (method === "block") return takeBlock(argument);
  const job = await Job.open(argument, tell);
  return job.make((share) => tell({ share }));
});
