/**
 * Messages between the page and the save worker (`save-worker.js`), as calls of `../rpc.js`. Types
 * only.
 *
 * | method  | argument | value  | notices                                |
 * | ------- | -------- | ------ | -------------------------------------- |
 * | `make`  | `Order`  | `Made` | `Notice`: progress, or ranges to read  |
 * | `block` | `Block`  | none   | none                                   |
 *
 * There is one `make`, and a `block` for each `read`. To cancel, the page terminates the worker.
 * Audio is 32-bit float, interleaved, and its buffer is transferred.
 *
 * @module
 */

/** @typedef {import("./formats.js").Format} Format */
/** @typedef {import("./sinks.js").Place} Place */

/**
 * A stem in a mix.
 * @typedef {object} Channel
 * @property {number} volume    a factor
 * @property {number} pan       -1 is left, 1 is right
 */

/**
 * @typedef {object} Mix
 * @property {ReadonlyMap<string, Channel>} channels   audible stems, by name
 * @property {number} master    a factor
 */

/**
 * @typedef {object} Tags
 * @property {string} title
 * @property {string} [artist]
 * @property {string} [album]
 * @property {Blob} [cover]     for formats that can hold it
 */

/**
 * @typedef {object} FileOrder
 * @property {string} source    a stem, "mix", or "mixture" if the file holds all
 * @property {string} name
 * @property {Tags} tags
 * @property {Place | null} place   null: in memory or in the zip
 */

/**
 * @typedef {object} Order
 * @property {string[]} sources     names of the stems; if one file holds all, after "mixture"
 * @property {number} stemsRate     hertz
 * @property {number} length        length of the stems, in frames
 * @property {[number, number]} region  [start, stop), in frames of the stems
 * @property {Mix | null} mix       null: the stems themselves
 * @property {import("../stretch/tempo.js").Tempo | null} tempo     null: unchanged
 * @property {Format} format
 * @property {number} rate          rate of the files, in hertz
 * @property {number | null} peak   peak of everything with the same gain; null if unknown
 * @property {FileOrder[]} files
 * @property {ZipOrder | null} zip  null: separate files
 */

/**
 * @typedef {object} ZipOrder
 * @property {Place | null} place   null: in memory
 * @property {Place | null} scratch     space for one file at a time; null: in memory
 */

/**
 * @typedef {{read: {id: number, source: string, start: number, length: number}}
 *   | {share: number}} Notice
 */

/**
 * null: the stems could not be read.
 * @typedef {{id: number, samples: Float32Array | null}} Block
 */

/**
 * @typedef {object} Made
 * @property {(Blob | null)[]} contents     of the files or the zip; null if already in place
 * @property {number | null} peak           null if not needed: floats need none
 * @property {number} gain                  factor applied to all samples
 */

export {};
