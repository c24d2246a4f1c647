/**
 * Decodes Apple Lossless (ALAC) packets.
 *
 * Written here because no library fits. npm has `alac` (from 2014, bound to the decoder framework
 * Aurora.js), `@audio/decode-aac` (under the GPL, since it contains FAAD2) and FFmpeg builds
 * (`@ffmpeg/core`: GPL, 30 MB; the published variants of `libav.js` lack this codec). Mediabunny
 * delivers the packets of such a track, but accepts no decoder for a codec that it does not
 * support.
 *
 * The format follows Apple's reference decoder and FFmpeg's: a packet is a sequence of elements of
 * one or two channels. For each channel it has the coefficients of a linear predictor, which adapts
 * from sample to sample, and the prediction errors as adaptive Golomb codes; the two channels of a
 * pair are mixed. The low bits of deep samples may be split off and stored uncompressed. All
 * integers have 32 bits and wrap around.
 *
 * @module
 */

/**
 * Properties of the stream, from the container.
 * @typedef {object} AlacConfig
 * @property {number} frames    per packet, at most
 * @property {number} depth     bits of a sample
 * @property {number} channels
 * @property {number} rate      hertz
 * @property {{pb: number, mb: number, kb: number}} golomb   how the codes adapt: rate of change,
 *   initial mean, longest code
 */

/** Size of the configuration that follows the version in the "alac" box. */
export const CONFIG_BYTES = 24;

/** Types of elements: one channel, two, low frequencies; data or padding to skip; the end. */
const TAGS = { single: 0, pair: 1, low: 3, data: 4, fill: 6, end: 7 };
/** Bits that may follow the end. More mean an error: there are no checksums. */
const MOST_REST_BITS = 64;

/** A predictor "of order 31" is the difference to the sample before. */
const DIFFERENCE = 31;
/** This many leading ones mean that a plain number follows. */
const LONGEST_PREFIX = 9;
/** Means are fixed-point numbers with nine fractional bits. */
const MEAN_BITS = 9;
const GREATEST_MEAN = 0xffff;
/** A mean below this (a quarter) is followed by the length of a run of zeros. */
const QUIET = 128;

/** For each number of channels: the position of each channel of a packet in the order of WAV. */
const PLACES = [
  [],
  [0],
  [0, 1],
  [2, 0, 1],
  [2, 0, 1, 3],
  [2, 0, 1, 3, 4],
  [2, 0, 1, 4, 5, 3],
  [2, 0, 1, 4, 5, 6, 3],
  [2, 6, 7, 0, 1, 4, 5, 3],
];

/** A packet that is not valid ALAC. */
export class BrokenPacket extends Error {}

/**
 * @param {Uint8Array} bytes `CONFIG_BYTES` of them
 * @returns {AlacConfig}
 * @throws {BrokenPacket} if no stream can have these properties
 */
export function parseConfig(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [depth, pb, mb, kb, channels] = [5, 6, 7, 8, 9].map((at) => view.getUint8(at));
  const config = /** @type {AlacConfig} */ ({
    frames: view.getUint32(0),
    depth,
    channels,
    rate: view.getUint32(20),
    golomb: { pb, mb, kb },
  });
  const isPossible =
    [16, 20, 24, 32].includes(config.depth) &&
    PLACES[config.channels]?.length &&
    config.frames > 0 &&
    config.frames <= 1 << 16 &&
    config.rate > 0;
  if (!isPossible) throw new BrokenPacket("no such ALAC configuration");
  return config;
}

export class AlacDecoder {
  #config;
  /** Prediction errors of each channel, then its samples without the bits that were split off. */
  #errors;
  #mixed;
  #low;

  /** @param {AlacConfig} config */
  constructor(config) {
    this.#config = config;
    const make = () => new Int32Array(config.frames);
    this.#errors = make();
    this.#mixed = [make(), make()];
    this.#low = new Int32Array(2 * config.frames);
  }

  /**
   * @param {Uint8Array} packet
   * @returns {Float32Array[]} the channels, in the order of WAV
   * @throws {BrokenPacket}
   */
  decode(packet) {
    const bits = new Bits(packet);
    /** @type {Float32Array[]} */
    const found = [];
    for (let tag = bits.read(3); tag !== TAGS.end; tag = bits.read(3)) {
      if (tag === TAGS.single || tag === TAGS.low) found.push(...this.#element(bits, 1));
      else if (tag === TAGS.pair) found.push(...this.#element(bits, 2));
      else if (tag === TAGS.data) skipData(bits);
      else if (tag === TAGS.fill) skipFill(bits);
      else throw new BrokenPacket(`element ${tag}`);
    }
    if (bits.left > MOST_REST_BITS) throw new BrokenPacket("too long");
    return inPlace(found, this.#config.channels);
  }

  /**
   * @param {Bits} bits @param {number} channels 1 or 2
   * @returns {Float32Array[]}
   */
  #element(bits, channels) {
    bits.skip(4);
    if (bits.read(12) !== 0) throw new BrokenPacket("no head of an element");
    const isShort = bits.read(1) === 1;
    const lowBits = 8 * bits.read(2);
    const isPlain = bits.read(1) === 1;
    const frames = isShort ? bits.read(32) : this.#config.frames;
    if (frames > this.#config.frames || lowBits >= this.#config.depth) {
      throw new BrokenPacket(`${frames} frames, ${lowBits} low bits`);
    }
    const parts = this.#mixed.slice(0, channels).map((part) => part.subarray(0, frames));
    if (isPlain) readPlain(bits, parts, this.#config.depth);
    else this.#readCoded(bits, parts, lowBits);
    bits.check();
    return parts.map((part) => scaled(part, 2 ** (1 - this.#config.depth)));
  }

  /** @param {Bits} bits @param {Int32Array[]} parts to fill @param {number} lowBits */
  #readCoded(bits, parts, lowBits) {
    const mixBits = bits.read(8);
    const mixWeight = (bits.read(8) << 24) >> 24;
    const predictors = parts.map(() => readPredictor(bits));
    const frames = parts[0]?.length ?? 0;
    const low = this.#low.subarray(0, lowBits > 0 ? frames * parts.length : 0);
    for (let i = 0; i < low.length; i++) low[i] = bits.read(lowBits);
    const depth = this.#config.depth - lowBits + parts.length - 1;
    const errors = this.#errors.subarray(0, frames);
    for (const [index, predictor] of predictors.entries()) {
      readErrors(bits, errors, this.#config.golomb, predictor.rate, depth);
      const part = /** @type {Int32Array} */ (parts[index]);
      if (predictor.isTwofold) predict(errors, errors, new Int32Array(DIFFERENCE), 0, depth);
      predict(errors, part, predictor.coefficients, predictor.shift, depth);
    }
    if (parts.length === 2 && mixWeight !== 0) unmix(parts, mixBits, mixWeight);
    for (const [index, part] of parts.entries()) append(part, low, lowBits, index, parts.length);
  }
}

/** Reads numbers from a packet, highest bit first. */
class Bits {
  /** Number of bits read. */
  at = 0;
  #length;
  #view;

  /** @param {Uint8Array} packet */
  constructor(packet) {
    this.#length = 8 * packet.length;
    // Reading past the end of a damaged packet gives zeros until check() throws.
    const padded = new Uint8Array(packet.length + 16);
    padded.set(packet);
    this.#view = new DataView(padded.buffer);
  }

  /** Number of bits not yet read. */
  get left() {
    return this.#length - this.at;
  }

  /** @throws {BrokenPacket} if more was read than the packet has */
  check() {
    if (this.left < 0) throw new BrokenPacket("too short");
  }

  /** @returns {number} the next 32 bits, not consumed; only the first 25 are valid */
  peek() {
    this.check();
    return this.#view.getUint32(this.at >> 3) << (this.at & 7);
  }

  /** @param {number} count up to 32 @returns {number} unsigned */
  read(count) {
    if (count > 16) return this.read(count - 16) * 65536 + this.read(16);
    const value = count === 0 ? 0 : this.peek() >>> (32 - count);
    this.at += count;
    return value;
  }

  /** @param {number} count */
  skip(count) {
    this.at += count;
  }
}

/** @param {Bits} bits */
function readPredictor(bits) {
  const isTwofold = bits.read(4) !== 0;
  const shift = bits.read(4);
  const rate = bits.read(3);
  const coefficients = new Int32Array(bits.read(5));
  for (let i = 0; i < coefficients.length; i++) coefficients[i] = (bits.read(16) << 16) >> 16;
  return { isTwofold, shift, rate, coefficients };
}

/** @param {Bits} bits @param {Int32Array[]} parts to fill @param {number} depth bits of a sample */
function readPlain(bits, parts, depth) {
  const unused = 32 - depth;
  const frames = parts[0]?.length ?? 0;
  for (let i = 0; i < frames; i++) {
    for (const part of parts) part[i] = (bits.read(depth) << unused) >> unused;
  }
}

/**
 * Decode adaptive Golomb codes.
 *
 * @param {Bits} bits @param {Int32Array} errors to fill
 * @param {AlacConfig["golomb"]} golomb @param {number} rate rate of change, in quarters of `pb`
 * @param {number} depth bits of an uncoded number
 */
function readErrors(bits, errors, { pb, mb, kb }, rate, depth) {
  const change = (pb * rate) >> 2;
  let mean = mb;
  let afterRun = 0;
  for (let i = 0; i < errors.length; i++) {
    const code = readCode(bits, Math.min(log2((mean >>> MEAN_BITS) + 3), kb), depth);
    const value = code + afterRun;
    errors[i] = value & 1 ? -((value + 1) / 2) : value / 2;
    mean = change * value + mean - ((change * mean) >>> MEAN_BITS);
    if (code > GREATEST_MEAN) mean = GREATEST_MEAN;
    afterRun = 0;
    if (mean < QUIET && i + 1 < errors.length) {
      const length = Math.min(7 - log2(mean) + ((mean + 16) >> 6), kb);
      const zeros = readCode(bits, length, 16);
      if (i + 1 + zeros > errors.length) throw new BrokenPacket("too many zeros");
      errors.fill(0, i + 1, i + 1 + zeros);
      i += zeros;
      afterRun = zeros < 0xffff ? 1 : 0;
      mean = 0;
    }
  }
}

/**
 * @param {Bits} bits @param {number} length bits after the prefix
 * @param {number} depth bits of an uncoded number
 * @returns {number} unsigned
 */
function readCode(bits, length, depth) {
  const prefix = Math.clz32(~bits.peek());
  if (prefix >= LONGEST_PREFIX) {
    bits.skip(LONGEST_PREFIX);
    return bits.read(depth);
  }
  bits.skip(prefix + 1);
  if (length === 1) return prefix;
  const rest = bits.peek() >>> (32 - length);
  // A remainder of 0 or 1 is one bit shorter.
  bits.skip(rest > 1 ? length : length - 1);
  return prefix * ((1 << length) - 1) + Math.max(0, rest - 1);
}

/** @param {number} value @returns {number} rounded down; -1 for 0 */
function log2(value) {
  return 31 - Math.clz32(value);
}

/**
 * Turn prediction errors into samples.
 *
 * @param {Int32Array} errors @param {Int32Array} out may be the same array
 * @param {Int32Array} coefficients coefficient of the newest sample first; adapted in place
 * @param {number} shift divisor of the sum, as a power of two
 * @param {number} depth bits of a sample
 */
function predict(errors, out, coefficients, shift, depth) {
  const unused = 32 - depth;
  const order = coefficients.length;
  const begun = order === 0 || order === DIFFERENCE ? errors.length : order + 1;
  const step = order === 0 ? 0 : 1;
  let before = 0;
  for (let i = 0; i < Math.min(begun, errors.length); i++) {
    const error = /** @type {number} */ (errors[i]);
    before = i === 0 || !step ? error : ((before + error) << unused) >> unused;
    out[i] = before;
  }
  const half = shift > 0 ? 1 << (shift - 1) : 0;
  for (let i = begun; i < errors.length; i++) {
    const error = /** @type {number} */ (errors[i]);
    const oldest = /** @type {number} */ (out[i - order - 1]);
    let sum = half;
    for (let j = 0; j < order; j++) {
      const above = /** @type {number} */ (out[i - 1 - j]) - oldest;
      sum = (sum + Math.imul(/** @type {number} */ (coefficients[j]), above)) | 0;
    }
    out[i] = (((sum >> shift) + oldest + error) << unused) >> unused;
    if (error !== 0) adapt(coefficients, out, i, oldest, error, shift);
  }
}

/**
 * Move each coefficient by one towards a better prediction, starting with that of the oldest
 * sample, until the error is used up.
 *
 * @param {Int32Array} coefficients @param {Int32Array} out @param {number} i index of the sample
 * @param {number} oldest sample that the prediction starts from @param {number} error
 * @param {number} shift
 */
function adapt(coefficients, out, i, oldest, error, shift) {
  const direction = Math.sign(error);
  let left = Math.abs(error);
  const order = coefficients.length;
  for (let j = order - 1; j >= 0 && left > 0; j--) {
    const below = oldest - /** @type {number} */ (out[i - 1 - j]);
    const sign = Math.sign(below);
    coefficients[j] = /** @type {number} */ (coefficients[j]) - sign * direction;
    // Rounded down after applying the sign, as in the reference decoder.
    left -= direction * ((direction * Math.abs(below)) >> shift) * (order - j);
  }
}

/**
 * Turn the weighted mean and the difference into left and right.
 *
 * @param {Int32Array[]} parts both @param {number} mixBits @param {number} mixWeight
 */
function unmix([first, second], mixBits, mixWeight) {
  if (!first || !second) return;
  for (let i = 0; i < first.length; i++) {
    const difference = /** @type {number} */ (second[i]);
    const right =
      /** @type {number} */ (first[i]) - (Math.imul(difference, mixWeight) >> mixBits);
    first[i] = right + difference;
    second[i] = right;
  }
}

/**
 * Restore the low bits.
 *
 * @param {Int32Array} part a channel @param {Int32Array} low of all channels, interleaved
 * @param {number} lowBits @param {number} index of the channel @param {number} channels
 */
function append(part, low, lowBits, index, channels) {
  if (lowBits === 0) return;
  for (let i = 0; i < part.length; i++) {
    const rest = /** @type {number} */ (low[i * channels + index]);
    part[i] = (/** @type {number} */ (part[i]) << lowBits) | rest;
  }
}

/** @param {Int32Array} values @param {number} scale @returns {Float32Array} */
function scaled(values, scale) {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = /** @type {number} */ (values[i]) * scale;
  return out;
}

/** @param {Bits} bits */
function skipData(bits) {
  bits.skip(4);
  const isAligned = bits.read(1) === 1;
  const count = bits.read(8);
  const bytes = count === 255 ? count + bits.read(8) : count;
  if (isAligned) bits.skip(-bits.at & 7);
  bits.skip(8 * bytes);
}

/** @param {Bits} bits */
function skipFill(bits) {
  const count = bits.read(4);
  bits.skip(8 * (count === 15 ? count + bits.read(8) - 1 : count));
}

/** @param {Float32Array[]} found @param {number} channels @returns {Float32Array[]} */
function inPlace(found, channels) {
  const places = PLACES[channels] ?? [];
  /** @type {Float32Array[]} */
  const placed = [];
  for (const [index, place] of places.entries()) {
    const plane = found[index];
    if (!plane || plane.length !== found[0]?.length) throw new BrokenPacket("channels are missing");
    placed[place] = plane;
  }
  return placed;
}
