/**
 * All messages between the page and its workers, and all data passed around on the page, in one
 * place. This file contains types only.
 *
 * `rpc.js` transports calls, notices and answers. An engine worker (`worker.js`) answers one call
 * at a time, except that it takes a second `run` while the graphics card is computing the first.
 * Audio is 32-bit float, interleaved (left, right, left, ...). Its buffer is transferred, so the
 * sender must not use it again.
 *
 * | method     | argument            | value                  | when                              |
 * | ---------- | ------------------- | ---------------------- | --------------------------------- |
 * | `boot`     | `BootOptions`       | `EngineInfo`           | once, before everything else      |
 * | `graphics` | `GraphicsOptions`   | `GraphicsInfo`         | to one worker, after `boot`       |
 * | `downmix`  | number of channels  | `number[][]`, (2, n)   | any time after `boot`             |
 * | `open`     | none                | `null`                 | starts measuring a song           |
 * | `measure`  | `Float32Array`      | `null`                 | for each `measure_block` frames   |
 * | `measured` | none                | `Measured`             | after the last block              |
 * | `analysis` | names of stems      | `null`                 | starts the analysis of a song     |
 * | `analyse`  | `Float32Array[]`    | `null`                 | block by block, for each stem     |
 * | `analysed` | none                | `Analysis`             | after the last block              |
 * | `plan`     | `Job`               | `Plan`                 | any time after `boot`             |
 * | `run`      | `RunOptions`        | `Float32Array[]`       | any time after `boot`             |
 * | `trace`    | `RunOptions`        | `Step[]`               | any time after `boot`             |
 * | `state`    | none                | `WorkerState`          | any time after `boot`             |
 * | `speeds`   | none                | `Speed[]`              | any time after `boot`             |
 * | `cardSpeeds` | none              | `Speed[]`              | any time after `graphics`         |
 *
 * During `boot` and `graphics` the worker sends `Notice`s. When a call fails, an error with the
 * code "verbatim" is about the song and a `GraphicsError` about the card, and the worker continues;
 * after any other error it cannot.
 *
 * There is no message to cancel: the page terminates the worker, because nothing else can stop
 * Python in the middle of a matrix product.
 *
 * The other workers:
 *
 * | worker           | method       | argument                        | value                      |
 * | ---------------- | ------------ | ------------------------------- | -------------------------- |
 * | store-worker     | `tryFiles`   | none                            | nothing, or it fails       |
 * |                  | of `Songs`   | its parameters, see songs.js    | what it returns            |
 * | resample-worker  | `start`      | `{inputRate, outputRate}`, Hz   | `null`                     |
 * |                  | `block`      | `Float32Array`                  | the output so far          |
 * |                  | `end`        | none                            | the rest                   |
 * | keep-worker      | `keep`       | `{base, assets, model}`         | whether files are cached   |
 * | convert-worker   | `convert`    | `Conversion`                    | `Converted`                |
 * | alac-worker      | `decode`     | `AlacCall`                      | `AlacReply`                |
 *
 * The notices of `keep` are `[done, total]` in bytes.
 *
 * @module
 */

/**
 * @typedef {object} BootOptions
 * @property {string} base      absolute URL of the site's folder; every other URL is relative to it
 * @property {Assets} assets    the files and models of the site
 * @property {string} model     a key of `assets.models`
 * @property {string | null} backend  GEMM backend for Python; null: the fastest available
 * @property {Blob[] | null} weights  the parts of the weight file; null: read them from the cache
 * @property {boolean} opensCard    whether `graphics` is called next
 */

/**
 * @typedef {object} GraphicsOptions
 * @property {boolean} takesSoftware    whether to accept a card that is emulated on the processor
 */

/**
 * The graphics card that now holds the model's networks and has passed a test.
 * @typedef {object} GraphicsInfo
 * @property {string} name      shown to the user
 * @property {string} build     determines the results bit for bit, with the package's version
 * @property {number} bytes     size of the card's memory
 */

/**
 * What a song's plan is made from.
 * @typedef {object} Job
 * @property {string} song      JSON of length, mean and std
 * @property {string} options   JSON of the separation's options
 */

/**
 * @typedef {object} RunOptions
 * @property {Job} job
 * @property {number} index             index of the task
 * @property {Float32Array[]} inputs    what the task reads, one array for each range; the answer is
 *   what it writes
 * @property {number | null} network    the network that the graphics card shall run; null: Python
 *   does everything
 */

/**
 * @typedef {object} Measured
 * @property {number} length    frames
 * @property {number} mean      of the mono mix-down
 * @property {number} std       of the mono mix-down
 * @property {string} digest    hash of all samples
 */

/**
 * What was found out about the music of a song: see py_demixer/analysis.
 * @typedef {object} Analysis
 * @property {number[] | null} beats    in frames, increasing; null: no regular beat
 * @property {number | null} bpm        beats a minute; null: no regular beat
 * @property {Key | null} key           null: none that is certain
 *
 * @typedef {{tonic: number, mode: "major" | "minor"}} Key  tonic: 0 (C) to 11 (B)
 */

/**
 * What the user has changed about the analysis of a song.
 * @typedef {object} Correction
 * @property {number} times         beats for each beat that was found: 0.5, 1 or 2
 * @property {boolean} isShifted    whether all beats are moved by half of their distance
 * @property {Key | null} key       null: as found
 */

/**
 * All data are in planes: named arrays (frames, width) of 32-bit floats. "mixture" is the song, and
 * each stem has a plane named by its source. Temporary planes are deleted when all tasks that read
 * them are done. See py_demixer/separation/tasks.py.
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
 * @property {number[]} after   indices of the tasks that must be done before it, all smaller
 * @property {number} cost      0 for a task that takes hardly any time
 * @property {number | null} network    the network of the model that the task runs, which a
 *   graphics card can do; null: none
 */

/**
 * @typedef {object} Plan
 * @property {string[]} stems   their names, in display order
 * @property {Record<string, Plane>} planes
 * @property {Task[]} tasks
 */

/**
 * @typedef {object} EngineInfo
 * @property {string[]} sources         names of the stems
 * @property {number} sample_rate       hertz
 * @property {number} channels
 * @property {number} measure_block     frames to measure at once (fewer at the end of the song)
 * @property {string} backend
 * @property {string} build             determines the results bit for bit, with the package's
 *   version
 * @property {Record<string, string>} versions
 */

/**
 * The stems of a song, which may still be in progress. Ranges are in frames.
 *
 * Events: "final", when more of the stems is final; "working", when other ranges are being
 * computed.
 * @typedef {object} ReadableStems
 * @property {string[]} sources     names of the stems
 * @property {number} rate          hertz
 * @property {number} length        frames
 * @property {(source: string, start: number, length: number) => Promise<Float32Array>} read
 *   a copy of a final range, interleaved, (length, 2); all of "mixture", the song itself, is final
 *
 * @typedef {object} StemsMembers
 * @property {(source: string, start: number, length: number, columns: number) =>
 *   Promise<Float32Array>} peaks     [smallest, greatest] of each of `columns` equal parts of a
 *   range, both channels together; NaN where it is not final
 * @property {number} playhead      settable: what comes after it is separated first
 * @property {boolean} grows        whether more of them may become final
 * @property {(start: number, length: number) => boolean} isFinal   whether all stems are final in a
 *   range
 * @property {() => [number, number][]} finalRanges     [start, stop), sorted, disjoint
 * @property {() => [number, number][]} working         ranges being computed now, in any order
 * @property {() => Promise<void>} close                nothing can be read afterwards
 * @typedef {EventTarget & ReadableStems & StemsMembers} Stems
 */

/**
 * The record of a song, written when its separation starts.
 * @typedef {object} About
 * @property {string} model     a key of `Assets.models`
 * @property {string} key       equal for two songs only if their stems are equal bit for bit, or
 *   the graphics card that started one of them was lost
 * @property {string} build     `build` of the engine or card that started it; part of the key
 * @property {string} name      name of the file
 * @property {Measured} measured
 * @property {string} options   JSON
 * @property {string[]} stems   names of the stored stems
 * @property {number} cost      total cost of all tasks
 * @property {number} tasks     number of tasks
 */

/**
 * The user's data of a song, from the moment it is added. It may change.
 * @typedef {object} Notes
 * @property {string} name      displayed name: the file's name without its extension, or another
 * @property {string} artist    empty if not known
 * @property {string} file      name of the file
 * @property {number} size      size of the file, in bytes
 * @property {Choice} choice
 * @property {number} added     time when it was added, in milliseconds since 1970
 * @property {import("./decode.js").SourceFacts | null} source     null before the file is read
 * @property {Record<string, unknown> | null} mixer     settings of the mixer as the user left them
 * @property {import("./errors.js").Notice | null} [failure]   why its file could not be read
 * @property {Analysis} [analysis]      absent until the finished song has been analysed
 * @property {Correction} [correction]  absent until the user corrects the analysis
 * @property {PartOf} [part]    absent unless it is a stem of another song, separated further
 */

/** The song that a stem was taken from, and its name there. @typedef {object} PartOf
 * @property {string} song      `id` of a `KeptSong`, which may be gone
 * @property {string} source
 */

/**
 * How a song is to be separated.
 * @typedef {object} Choice
 * @property {string} model     a key of `Assets.models`
 * @property {string} quality   a key of `QUALITIES` in qualities.js; empty if the model has none
 * @property {string[] | null} stems    the wanted stems, in the model's order; null: all
 */

/**
 * A song in the store: what is finished of it, and what is needed for the rest.
 * @typedef {object} KeptSong
 * @property {string} id
 * @property {About | null} about   null before the separation has started
 * @property {Notes} notes
 * @property {boolean} hasFile  whether there is a copy of the song's file
 * @property {number} done      cost of the finished tasks
 * @property {[number, number][]} final     where all its stems are final, in frames
 * @property {boolean} isFinished   whether all tasks are finished
 * @property {boolean} busy     whether another tab has it locked
 */

/**
 * @typedef {{method: "boot", argument: BootOptions}
 *   | {method: "graphics", argument: GraphicsOptions}
 *   | {method: "downmix", argument: number}
 *   | {method: "open", argument: null}
 *   | {method: "measure", argument: Float32Array}
 *   | {method: "measured", argument: null}
 *   | {method: "analysis", argument: string[]}
 *   | {method: "analyse", argument: Float32Array[]}
 *   | {method: "analysed", argument: null}
 *   | {method: "plan", argument: Job}
 *   | {method: "run", argument: RunOptions}
 *   | {method: "trace", argument: RunOptions}
 *   | {method: "state", argument: null}
 *   | {method: "speeds", argument: null}
 *   | {method: "cardSpeeds", argument: null}} Call
 */

/**
 * Progress of booting, or of opening the graphics card.
 * @typedef {object} Notice
 * @property {"python" | "packages" | "weights" | "graphics"} stage
 * @property {number} done      bytes; 0 if the stage does not count them
 * @property {number} total     bytes; 0 if the stage does not count them
 */

/**
 * Statistics of the output of a named step of a network: see py_demixer/trace.py.
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
 * @property {number} heap      size of the WebAssembly memory, in bytes
 * @property {number} speed     speed of GEMM in GFLOP/s, measured just now
 */

/**
 * How fast an operation is on the processor, with one thread, or on the graphics card.
 * @typedef {object} Speed
 * @property {string} operation   its name, with the sizes; `CEILING` in py_demixer/speed.py for what
 *   the machine can do at most, which comes first if it is known
 * @property {number} gflop       floating-point operations of a run, in billions
 * @property {number} seconds     of a run
 */

/**
 * A checkpoint of the user's own, and the configuration of the program that trained it; `folder`:
 * where to store it, relative to `base`.
 * @typedef {Pick<BootOptions, "base" | "assets"> &
 *   {file: File, settings: File | null, folder: string}} Conversion
 *
 * What is stored of it: see py_demixer/pyodide/checkpoints.py.
 * @typedef {AssetWeights &
 *   Pick<ModelInfo, "sources" | "pace" | "step" | "memory" | "options">} Converted
 */

/**
 * Packets of an Apple Lossless track, in order.
 * @typedef {{config: Uint8Array, packets: Uint8Array[]}} AlacCall  `config`: the same in every call
 *
 * Decoded channels, up to the first damaged packet if there is one.
 * @typedef {{planes: Float32Array[], problem: string | null}} AlacReply `problem`: for the console
 */

/**
 * One heavy file of the site.
 * @typedef {object} AssetFile
 * @property {string} url           relative to the site's folder
 * @property {number} bytes         as transferred
 * @property {string} integrity     "sha256-<base64>", as transferred
 * @property {"gzip"} [encoding]    encoding for the transfer; removed before caching and reading
 * @property {string} [packed]      URL of the encoded copy, where the file is also served as it is:
 *   Pyodide itself fetches it where nothing is cached
 * @property {string} [type]        media type of the decoded file; without it, as the server says
 */

/**
 * Facts about a model that the page shows, and uses before the model runs.
 * @typedef {object} ModelInfo
 * @property {string} title
 * @property {string} good_for      a sentence
 * @property {string} licence       a sentence
 * @property {string} licence_url
 * @property {string[]} sources
 * @property {number} pace          time that it takes, relative to other models
 * @property {number | null} step   seconds of a song that one task computes; null: a model that
 *   does not cut songs into segments, with many small tasks
 * @property {number} memory        megabytes that a worker needs
 * @property {Record<string, unknown>} options  options in addition to the user's choices
 * @property {boolean} [isOwn]      whether it is a checkpoint of the user's own, or an ensemble
 * @property {string[]} [members]   the models of an ensemble
 */

/**
 * A model available on the site.
 * @typedef {ModelInfo & AssetWeights} AssetModel
 */

/**
 * @typedef {object} AssetWeights
 * @property {string} architecture  kind of network
 * @property {number} bytes         size of the weight file
 * @property {string} sha256
 * @property {AssetFile[]} parts    parts of the weight file, in order; of an ensemble, of the files of
 *   all its models
 * @property {number[]} [files]     sizes of the weight files, if there are several
 */

/**
 * See snapshot.js.
 * @typedef {object} Snapshot
 * @property {AssetFile} file
 * @property {Record<string, string>} libraries   URL of each shared library of NumPy, by its path in
 *   Pyodide's file system
 * @property {number} places   `sumOfPlaces` where it was made
 */

/**
 * The site's `assets.json`.
 * @typedef {object} Assets
 * @property {string} build
 * @property {string} pyodide       folder, with a slash at the end
 * @property {Snapshot} snapshot    of Python's memory, from which workers start
 * @property {string[]} packages    names for Pyodide's loader, where the snapshot cannot be used
 * @property {string} wheel
 * @property {number} numerics  version of the computation: see py_demixer/numerics.py
 * @property {Record<string, AssetModel>} models   the first one is the default
 * @property {Record<string, ModelInfo>} missing  models that this site could offer, but does not
 * @property {AssetFile[]} files      the heavy files that the page needs for any model, and caches
 * @property {string[]} fallbackPackages   packages also loaded if the kernels cannot be opened
 * @property {string | null} issues   address of a form for an issue of the site's repository, which
 *   takes `title` and `body`; null: the site does not say
 * @property {AssetFile[]} fallback   files fetched only if the snapshot or the kernels cannot be used
 */

export {};
