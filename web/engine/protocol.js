/**
 * Every message between the page and its workers, and what is passed around on the page, in one
 * place. This file has types only.
 *
 * How calls, notices and answers travel is the business of `rpc.js`. While the graphics card is at
 * one `run`, an engine worker (`worker.js`) takes another one; else it answers a call at a time.
 * Audio is 32-bit float, interleaved (left, right, left, ...), and its buffer is transferred, so
 * whoever posts it must not use it again.
 *
 * | method     | argument            | value                  | when                              |
 * | ---------- | ------------------- | ---------------------- | --------------------------------- |
 * | `boot`     | `BootOptions`       | `EngineInfo`           | once, before everything else      |
 * | `graphics` | `GraphicsOptions`   | `GraphicsInfo`         | to one worker, after `boot`       |
 * | `downmix`  | number of channels  | `number[][]`, (2, n)   | any time after `boot`             |
 * | `open`     | none                | `null`                 | starts to measure a song          |
 * | `measure`  | `Float32Array`      | `null`                 | for each `measure_block` frames   |
 * | `measured` | none                | `Measured`             | once all blocks were measured     |
 * | `plan`     | `Job`               | `Plan`                 | any time after `boot`             |
 * | `run`      | `RunOptions`        | `Float32Array[]`       | any time after `boot`             |
 * | `trace`    | `RunOptions`        | `Step[]`               | any time after `boot`             |
 * | `state`    | none                | `WorkerState`          | any time after `boot`             |
 *
 * While it is at `boot` or `graphics` it gives `Notice`s. Why a call failed: an error with the code
 * "said" is about the song, a `GraphicsError` about the card, and the worker goes on; after any
 * other it cannot.
 *
 * There is no message for cancel: the page terminates the worker, because nothing else can stop
 * Python in the middle of a matrix product.
 *
 * The other workers:
 *
 * | worker           | method       | argument                        | value                      |
 * | ---------------- | ------------ | ------------------------------- | -------------------------- |
 * | store-worker     | `tryFiles`   | none                            | nothing, if there are some |
 * |                  | of `Songs`   | its parameters, see songs.js    | what it returns            |
 * | resample-worker  | `start`      | `{inputRate, outputRate}`, Hz   | `null`                     |
 * |                  | `block`      | `Float32Array`                  | what can be given out      |
 * |                  | `end`        | none                            | the rest                   |
 * | keep-worker      | `keep`       | `{base, assets, model}`         | whether all files are kept |
 * | alac-worker      | `decode`     | `AlacCall`                      | `AlacReply`                |
 *
 * The notices of `keep` are `[done, total]` in bytes.
 *
 * @module
 */

/**
 * @typedef {object} BootOptions
 * @property {string} base      absolute URL of the site's folder; every other URL is relative to it
 * @property {Assets} assets    what is on the site
 * @property {string} model     a key of `assets.models`
 * @property {string | null} backend  which matrix products Python shall use; null: the best there
 *   is
 * @property {Blob[] | null} weights  the parts of the model; null: the service worker has them
 */

/**
 * @typedef {object} GraphicsOptions
 * @property {boolean} takesSoftware    whether a card will do that the processor imitates
 */

/**
 * The graphics card that has the model's networks now, and has passed a test.
 * @typedef {object} GraphicsInfo
 * @property {string} name      for the person
 * @property {string} build     decides the bits of the results, with the package's version
 * @property {number} bytes     of the card's memory
 */

/**
 * What a song's plan is made of.
 * @typedef {object} Job
 * @property {string} song      JSON of length, mean and std
 * @property {string} options   JSON of the options of the separation
 */

/**
 * @typedef {object} RunOptions
 * @property {Job} job
 * @property {number} index             the task
 * @property {Float32Array[]} inputs    what it reads, range by range; the reply is what it writes
 * @property {number | null} network    that the graphics card shall run of it; null: none, Python
 *   does it all
 */

/**
 * @typedef {object} Measured
 * @property {number} length    frames
 * @property {number} mean      of the mono mix-down
 * @property {number} std       of the mono mix-down
 * @property {string} digest    of all samples
 */

/**
 * All data are in planes: named arrays (frames, width) of 32-bit floats. "mixture" is the song;
 * there is one for each stem, named by its source; those that are temporary are dropped when all
 * tasks that read them are done. See py_demixer/separation/tasks.py.
 * @typedef {object} Plane
 * @property {number} width
 * @property {number} frames
 * @property {number} origin        index of the first frame
 * @property {boolean} temporary
 */

/**
 * @typedef {object} Range
 * @property {string} plane
 * @property {number} start     first frame
 * @property {number} length    frames
 */

/**
 * @typedef {object} Task
 * @property {Range[]} reads
 * @property {Range[]} writes
 * @property {number[]} after   indices of the tasks that must be done before, all smaller
 * @property {number} cost      0 for one that hardly takes time
 * @property {number | null} network    of the model that it is the run of, which a graphics card can
 *   do; null: of none
 */

/**
 * @typedef {object} Plan
 * @property {string[]} stems   their names, in the order in which they are shown
 * @property {Record<string, Plane>} planes
 * @property {Task[]} tasks
 */

/**
 * @typedef {object} EngineInfo
 * @property {string[]} sources         names of the stems
 * @property {number} sample_rate       hertz
 * @property {number} channels
 * @property {number} measure_block     frames to measure at once (fewer at the song's end)
 * @property {string} backend
 * @property {string} build             decides the bits of the results, with the package's version
 * @property {Record<string, string>} versions
 */

/**
 * The stems of a song, which may still be at work. Ranges are in frames.
 *
 * Events: "final", more of the stems has become final; "working", others are being computed.
 * @typedef {object} ReadableStems
 * @property {string[]} sources     names of the stems
 * @property {number} rate          hertz
 * @property {number} length        frames
 * @property {(source: string, start: number, length: number) => Promise<Float32Array>} read
 *   a copy of a range that is final: interleaved, (length, 2); of "mixture", the song itself, all is
 *
 * @typedef {object} StemsMembers
 * @property {(source: string, start: number, length: number, columns: number) =>
 *   Promise<Float32Array>} peaks     [least, greatest] of each of so many equal parts of a range, of
 *   both channels; NaN where it is not final
 * @property {number} playhead      settable: what lies behind it is separated first
 * @property {(start: number, length: number) => boolean} isFinal   whether all stems of a range are
 *   final
 * @property {() => [number, number][]} finalRanges     [start, stop), sorted, disjoint
 * @property {() => [number, number][]} working         what is being computed now, in any order
 * @property {() => Promise<void>} close                after which nothing can be read
 * @typedef {EventTarget & ReadableStems & StemsMembers} Stems
 */

/**
 * What is written down of a song when its separation begins.
 * @typedef {object} About
 * @property {string} model     a key of `Assets.models`
 * @property {string} key       equal for two songs only if their stems are equal to the bit, or the
 *   graphics card that began one of them was lost
 * @property {string} build     of whoever began it, which is part of the key
 * @property {string} name      of the file
 * @property {Measured} measured
 * @property {string} options   JSON
 * @property {string[]} stems   that are stored
 * @property {number} cost      of all tasks
 * @property {number} tasks     how many there are
 */

/**
 * What is written down of a song for the person, from the moment it is added. It may change.
 * @typedef {object} Notes
 * @property {string} name      that the person reads: of the file without its ending, or another
 * @property {string} artist    empty: not known
 * @property {string} file      its name
 * @property {number} size      its bytes
 * @property {Choice} choice
 * @property {number} added     the moment, in milliseconds since 1970
 * @property {import("./decode.js").SourceFacts | null} source     null: not read yet
 * @property {Record<string, unknown> | null} mixer     as the person has left it
 */

/**
 * How a song is to be separated.
 * @typedef {object} Choice
 * @property {string} model     a key of `Assets.models`
 * @property {string} quality   a key of `QUALITIES` in qualities.js; empty where the model has none
 * @property {string[] | null} stems    that are wanted, in the model's order; null: all
 */

/**
 * A song in the store: what is finished of it, and how to come by the rest.
 * @typedef {object} KeptSong
 * @property {string} id
 * @property {About | null} about   null: it has not begun
 * @property {Notes} notes
 * @property {boolean} hasFile  whether there is a copy of the file that it is to be read from
 * @property {number} done      cost of the finished tasks
 * @property {boolean} isFinished   all tasks are
 * @property {boolean} busy     another tab has it for itself
 */

/**
 * @typedef {{method: "boot", argument: BootOptions}
 *   | {method: "graphics", argument: GraphicsOptions}
 *   | {method: "downmix", argument: number}
 *   | {method: "open", argument: null}
 *   | {method: "measure", argument: Float32Array}
 *   | {method: "measured", argument: null}
 *   | {method: "plan", argument: Job}
 *   | {method: "run", argument: RunOptions}
 *   | {method: "trace", argument: RunOptions}
 *   | {method: "state", argument: null}} Call
 */

/**
 * How far a boot is, or the graphics card.
 * @typedef {object} Notice
 * @property {"python" | "packages" | "weights" | "graphics"} stage
 * @property {number} done      bytes, 0 where the stage does not count any
 * @property {number} total     bytes, 0 where the stage does not count any
 */

/**
 * Statistics of what a named step of a network has given: see py_demixer/trace.py.
 * @typedef {object} Step
 * @property {string} name
 * @property {number[]} shape
 * @property {number} min
 * @property {number} max
 * @property {number} mean
 * @property {number} std
 */

/**
 * @typedef {object} WorkerState
 * @property {number} heap      bytes of WebAssembly memory
 * @property {number} speed     of products of matrices, in GFLOP/s, as just measured
 */

/**
 * Packets of an Apple Lossless track, in order.
 * @typedef {{config: Uint8Array, packets: Uint8Array[]}} AlacCall  `config`: the same in every call
 *
 * The channels of all packets before the one that is broken, if one is.
 * @typedef {{planes: Float32Array[], problem: string | null}} AlacReply    `problem`: for the console
 */

/**
 * One heavy file of the site.
 * @typedef {object} AssetFile
 * @property {string} url           relative to the site's folder
 * @property {number} bytes         on the way
 * @property {string} integrity     "sha256-<base64>", on the way
 * @property {"gzip"} [encoding]    it is kept and read without it
 */

/**
 * What the page tells of a model, and goes by before it runs.
 * @typedef {object} ModelInfo
 * @property {string} title
 * @property {string} good_for      a sentence
 * @property {string} licence       a sentence
 * @property {string} licence_url
 * @property {string[]} sources
 * @property {number} pace          how long it takes, compared with others
 * @property {number | null} step   seconds of a song that one task computes; null: a model that
 *   does not cut songs into segments, whose tasks are many and small
 * @property {number} memory        megabytes that a worker needs
 * @property {Record<string, unknown>} options  what is asked of it besides what the person chooses
 */

/**
 * A model that is on the site.
 * @typedef {ModelInfo & AssetWeights} AssetModel
 */

/**
 * @typedef {object} AssetWeights
 * @property {string} architecture  what kind of network it is
 * @property {number} bytes         of the weight file
 * @property {string} sha256
 * @property {AssetFile[]} parts    of the weight file, in order
 */

/**
 * The site's `assets.json`.
 * @typedef {object} Assets
 * @property {string} build
 * @property {string} pyodide       folder, with a slash at the end
 * @property {string[]} packages    names for Pyodide's loader
 * @property {string} wheel
 * @property {number} numerics  version of what is computed: see py_demixer/numerics.py
 * @property {Record<string, AssetModel>} models   the first is the choice where nobody has chosen
 * @property {Record<string, ModelInfo>} missing  models that this site could have, and has not
 * @property {AssetFile[]} files      every heavy file that the page needs whatever the model, and
 *   keeps
 * @property {string[]} fallbackPackages   what it loads as well where the kernels cannot be opened
 * @property {AssetFile[]} fallback   what it fetches only where the kernels cannot be opened
 */

export {};
