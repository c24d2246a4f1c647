/**
 * Every message between the page and its workers, in one place. This file has types only.
 *
 * The engine worker (`worker.js`) answers one call at a time. The page posts a `Call`; the worker
 * posts any number of `Notice`s and then exactly one `Reply` with the same `id`. Audio is always
 * 32-bit float, planar (all of the left channel, then all of the right one), and its buffer is
 * transferred, so whoever posts it must not use it again.
 *
 * | method     | argument            | value of the reply     | when                              |
 * | ---------- | ------------------- | ---------------------- | --------------------------------- |
 * | `boot`     | `BootOptions`       | `EngineInfo`           | once, before everything else      |
 * | `downmix`  | number of channels  | `number[][]`, (2, n)   | any time after `boot`             |
 * | `open`     | none                | `null`                 | starts a song, forgets the last   |
 * | `measure`  | `Float32Array`      | `null`                 | for each `measure_block` frames   |
 * | `begin`    | none                | `Task[]`               | once all blocks were measured     |
 * | `run`      | `RunOptions`        | `Block` or `null`      | for each task, in order           |
 *
 * There is no message for cancel: the page terminates the worker and starts a fresh one, because
 * nothing else can stop Python in the middle of a matrix product.
 *
 * The resampler worker (`resample-worker.js`) gets one `ResampleJob` and posts one `ResampleReply`.
 *
 * @module
 */

/**
 * @typedef {object} BootOptions
 * @property {string} base      absolute URL of the site's folder; every other URL is relative to it
 * @property {Assets} assets    what is on the site
 * @property {string} model     a key of `assets.models`
 * @property {string | null} backend  which matrix products Python shall use; null: the best there is
 */

/**
 * @typedef {object} RunOptions
 * @property {number} index         the task
 * @property {Float32Array} part    (2, input_length) frames of the song from its input_start
 */

/**
 * One piece of work, as Python planned it. The range lies inside the song.
 * @typedef {object} Task
 * @property {number} index
 * @property {number} input_start
 * @property {number} input_length
 */

/**
 * A finished stretch of all stems. Blocks arrive in order and do not overlap.
 * @typedef {object} Block
 * @property {number} start         first frame
 * @property {number} length        frames
 * @property {Float32Array} audio   (stems, 2, length)
 */

/**
 * @typedef {object} EngineInfo
 * @property {string[]} sources         names of the stems
 * @property {number} sample_rate       hertz
 * @property {number} channels
 * @property {number} measure_block     frames to measure at once (fewer at the song's end)
 * @property {string} backend
 * @property {Record<string, string>} versions
 */

/**
 * @typedef {{id: number, method: "boot", argument: BootOptions}
 *   | {id: number, method: "downmix", argument: number}
 *   | {id: number, method: "open", argument: null}
 *   | {id: number, method: "measure", argument: Float32Array}
 *   | {id: number, method: "begin", argument: null}
 *   | {id: number, method: "run", argument: RunOptions}} Call
 */

/**
 * Why a call failed. `input`: the song is at fault, and `message` is a sentence for the person.
 * `memory`: an allocation failed. `download`: a file of the site could not be had, and `message` is
 * a sentence for the person. `old`: the browser cannot run the engine. `fault`: anything else, and
 * `message` is for the console.
 * @typedef {object} Failure
 * @property {"input" | "memory" | "download" | "old" | "fault"} kind
 * @property {string} message
 */

/**
 * @typedef {{id: number, ok: true, value: unknown} | {id: number, ok: false, error: Failure}} Reply
 */

/**
 * How far a boot is.
 * @typedef {object} Notice
 * @property {number} id
 * @property {"python" | "packages" | "weights"} stage
 * @property {number} done      bytes, 0 where the stage does not count any
 * @property {number} total     bytes, 0 where the stage does not count any
 */

/**
 * @typedef {object} ResampleJob
 * @property {Float32Array} left
 * @property {Float32Array} right
 * @property {number} inputRate     hertz
 * @property {number} outputRate    hertz
 * @property {number} outputLength  frames wanted
 */

/**
 * @typedef {{ok: true, left: Float32Array, right: Float32Array} | {ok: false, message: string}}
 *   ResampleReply
 */

/**
 * One heavy file of the site.
 * @typedef {object} AssetFile
 * @property {string} url           relative to the site's folder
 * @property {number} bytes
 * @property {string} integrity     "sha256-<base64>"
 */

/**
 * @typedef {object} AssetModel
 * @property {string} title
 * @property {string} licence
 * @property {string[]} sources
 * @property {number} bytes
 * @property {string} sha256
 * @property {string[]} parts       URLs relative to the site's folder, in order
 */

/**
 * The site's `assets.json`.
 * @typedef {object} Assets
 * @property {string} build
 * @property {string} pyodide       folder, with a slash at the end
 * @property {string[]} packages    names for Pyodide's loader
 * @property {string} wheel
 * @property {Record<string, AssetModel>} models
 * @property {AssetFile[]} files      every heavy file that the page needs, and keeps
 * @property {AssetFile[]} fallback   what it fetches only where the kernels cannot be opened
 */

export {};
