/**
 * A song with what its stems were divided into by a second model: kick and snare beside the drums.
 *
 * The parts of a stem are stems of a song of their own. Here they are listed below that stem, under
 * names like "drums/kick". What is heard at first are the parts, not the stem that they add up to.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./song.js").Song} Song */
/** @typedef {Stems & {hold: () => void}} HoldableStems */

/** Between the names of a stem and of its part; the name of no stem has it. */
const BELOW = "/";

/**
 * A stem that was divided.
 * @typedef {object} Division
 * @property {string} source    name of the stem
 * @property {Song} song        the song of its parts
 * @property {HoldableStems} stems      of that song
 */

/**
 * Where a stem comes from.
 * @typedef {object} Origin
 * @property {Song} song
 * @property {HoldableStems} stems      of that song
 * @property {string} source    its name there
 */

/** @param {string} name of a stem @returns {string | null} that of the stem it is a part of */
export function wholeOf(name) {
  const end = name.lastIndexOf(BELOW);
  return end < 0 ? null : name.slice(0, end);
}

/** @param {string} name of a stem @returns {string[]} its own, after those of what it is a part of */
export function namesIn(name) {
  return name.split(BELOW);
}

/** @param {string} name @param {readonly string[]} sources @returns {string[]} its parts, and theirs */
export function partsOf(name, sources) {
  return sources.filter((source) => source.startsWith(`${name}${BELOW}`));
}

/** @param {string} name @param {readonly string[]} sources @returns {boolean} */
export function isDivided(name, sources) {
  return partsOf(name, sources).length > 0;
}

/**
 * @param {readonly string[]} sources
 * @returns {string[]} those that are heard when all are: of a stem that was divided, its parts
 */
export function undividedAmong(sources) {
  return sources.filter((source) => !isDivided(source, sources));
}

/**
 * @param {Song} song @param {HoldableStems} stems of it @param {string} name of one
 * @returns {Origin}
 */
export function originOf(song, stems, name) {
  return stems instanceof DividedSong ? stems.origin(name) : { song, stems, source: name };
}

/** @param {Stems} stems @returns {Stems} without parts */
export function undivided(stems) {
  return stems instanceof DividedSong ? stems.whole : stems;
}

/** @implements {Stems} */
export class DividedSong extends EventTarget {
  /** @type {Map<string, Origin>} */
  #origins = new Map();
  #divisions;

  /**
   * @param {Song} song that is finished @param {HoldableStems} whole its stems, which this closes
   * @param {Division[]} divisions of different stems, as long as the song; closed likewise
   */
  constructor(song, whole, divisions) {
    super();
    this.whole = whole;
    this.#divisions = divisions;
    for (const source of whole.sources) {
      this.#origins.set(source, { song, stems: whole, source });
      for (const division of divisions.filter((one) => one.source === source)) {
        for (const part of division.stems.sources) {
          this.#origins.set(`${source}${BELOW}${part}`, { ...division, source: part });
        }
      }
    }
    this.sources = [...this.#origins.keys()];
    this.rate = whole.rate;
    this.length = whole.length;
  }

  /** @returns {boolean} */
  get grows() {
    return false;
  }

  get playhead() {
    return 0;
  }

  /** Does nothing: no work is left to prioritise. */
  set playhead(_frame) {}

  /** @param {string} name of a stem @returns {Origin} */
  origin(name) {
    const { song, stems, source } = /** @type {Origin} */ (this.#origins.get(name));
    return stems === this.whole ? { song, stems, source } : originOf(song, stems, source);
  }

  /** @param {string} source @param {number} start @param {number} length */
  read(source, start, length) {
    const { stems, source: theirs } = this.#where(source);
    return stems.read(theirs, start, length);
  }

  /** @param {string} source @param {number} start @param {number} length @param {number} columns */
  peaks(source, start, length, columns) {
    const { stems, source: theirs } = this.#where(source);
    return stems.peaks(theirs, start, length, columns);
  }

  /** @param {string} source of which the song itself is one */
  #where(source) {
    return this.#origins.get(source) ?? { stems: this.whole, source };
  }

  /** @param {number} start @param {number} length */
  isFinal(start, length) {
    return this.whole.isFinal(start, length);
  }

  finalRanges() {
    return this.whole.finalRanges();
  }

  /** @returns {[number, number][]} */
  working() {
    return [];
  }

  hold() {
    for (const stems of this.#all) stems.hold();
  }

  async close() {
    await Promise.all(this.#all.map((stems) => stems.close()));
  }

  /** @returns {HoldableStems[]} */
  get #all() {
    return [this.whole, ...this.#divisions.map(({ stems }) => stems)];
  }
}
