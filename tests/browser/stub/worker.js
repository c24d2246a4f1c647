/**
 * An engine's worker without Python, for tests of all that is around the engine.
 *
 * It keeps to engine/protocol.js, and reads the weights as the real one does. A song is cut into
 * segments, each of which is a task that another one makes stems of, as by Demucs' plans. What it
 * makes of a segment is the mixture, for each stem at a level of its own.
 */

import { partsOf, readAsset } from "./assets.js";
import { serve } from "./rpc.js";

/** @typedef {import("../../../web/engine/protocol.js").BootOptions} BootOptions */
/** @typedef {import("../../../web/engine/protocol.js").Call} Call */
/** @typedef {import("../../../web/engine/protocol.js").Job} Job */
/** @typedef {import("../../../web/engine/protocol.js").Plan} Plan */
/** @typedef {import("../../../web/engine/protocol.js").RunOptions} RunOptions */
/** @typedef {import("../../../web/engine/protocol.js").Task} Task */

const RATE = 44100;
/** Frames of a segment: the step between those of the tiny model. */
const STEP = 33_075;
const MIXTURE = "mixture";

/** @type {string[]} of the model */
let sources = [];
let measured = nothing();

function nothing() {
  return { length: 0, sum: 0, squares: 0, digest: [0x811c9dc5, 0x1234567] };
}

/** @param {BootOptions} options */
async function boot({ base, assets, model, weights }) {
  for (const part of weights ?? partsOf(assets, model)) {
    const whole = part instanceof Blob ? part : await readAsset(base, part);
    await whole.arrayBuffer();
  }
  sources = assets.models[model]?.sources ?? [];
  return {
    sources,
    sample_rate: RATE,
    channels: 2,
    measure_block: 1 << 18,
    backend: "kernels",
    build: "stub",
    versions: { py_demixer: "stub", numpy: "none", python: "none" },
  };
}

/** @param {Float32Array} block */
function measure(block) {
  const song = measured;
  for (let i = 0; i < block.length; i += 2) {
    const middle = ((block[i] ?? 0) + (block[i + 1] ?? 0)) / 2;
    song.sum += middle;
    song.squares += middle * middle;
  }
  song.length += block.length / 2;
  const numbers = new Int32Array(block.buffer, block.byteOffset, block.length);
  let [first = 0, second = 0] = song.digest;
  for (const number of numbers) {
    first = Math.imul(first ^ number, 0x01000193);
    second = Math.imul(second + number, 0x85ebca6b) ^ (second >>> 13);
  }
  song.digest = [first, second];
  return null;
}

function statistics() {
  const { length, sum, squares, digest } = measured;
  measured = nothing();
  const mean = sum / length;
  const std = Math.sqrt(Math.max(0, squares / length - mean * mean));
  return { length, mean, std, digest: digest.join(" ") };
}

/** @param {Job} job @returns {string[]} that are to be made */
function stemsOf({ options }) {
  const { stems = [] } = JSON.parse(options);
  return sources.filter((source) => stems.length === 0 || stems.includes(source));
}

/** @param {Job} job @returns {Plan} */
function planOf(job) {
  const { length } = JSON.parse(job.song);
  const stems = stemsOf(job);
  /** @type {Plan["planes"]} */
  const planes = {};
  for (const name of [MIXTURE, ...stems]) {
    planes[name] = { width: 2, frames: length, origin: 0, temporary: false };
  }
  /** @type {Task[]} */
  const tasks = [];
  for (let start = 0; start < length; start += STEP) {
    const frames = Math.min(STEP, length - start);
    const name = `segment ${start / STEP}`;
    const range = (/** @type {string} */ plane) => ({ plane, start, length: frames });
    planes[name] = { width: 2 * stems.length, frames, origin: start, temporary: true };
    const at = tasks.length;
    tasks.push(
      { reads: [range(MIXTURE)], writes: [range(name)], after: [], cost: 1, network: 0 },
      { reads: [range(name)], writes: stems.map(range), after: [at], cost: 0, network: null },
    );
  }
  return { stems, planes, tasks };
}

/** @param {RunOptions} options @returns {Float32Array[]} */
function run({ job, index, inputs: [input = new Float32Array()] }) {
  const { length } = stemsOf(job);
  return index % 2 === 0 ? [segment(input, length)] : stemsIn(input, length);
}

/** @param {Float32Array} mixture @param {number} count of stems, side by side in each frame */
function segment(mixture, count) {
  const made = new Float32Array(mixture.length * count);
  for (let i = 0; i < mixture.length; i++) {
    const [frame, channel] = [i >> 1, i & 1];
    for (let stem = 0; stem < count; stem++) {
      made[2 * (frame * count + stem) + channel] = (mixture[i] ?? 0) / (stem + 2);
    }
  }
  return made;
}

/** @param {Float32Array} made @param {number} count of stems */
function stemsIn(made, count) {
  return Array.from({ length: count }, (_, stem) => {
    const out = new Float32Array(made.length / count);
    for (let i = 0; i < out.length; i++) {
      out[i] = made[2 * ((i >> 1) * count + stem) + (i & 1)] ?? 0;
    }
    return out;
  });
}

serve(async (method, argument, notice) => {
  const call = /** @type {Call} */ ({ method, argument });
  switch (call.method) {
    case "boot":
      for (const stage of ["python", "packages", "weights"]) notice({ stage, done: 0, total: 0 });
      return boot(call.argument);
    case "downmix":
      return call.argument === 1 ? [[1], [1]] : [[1, 0], [0, 1]];
    case "open":
      measured = nothing();
      return null;
    case "measure":
      return measure(call.argument);
    case "measured":
      return statistics();
    case "analysis":
    case "analyse":
      return null;
    case "analysed":
      return { beats: null, bpm: null, key: null };
    case "plan":
      return planOf(call.argument);
    case "run":
      return run(call.argument);
    case "state":
      return { heap: 64e6, speed: 1 };
    case "speeds":
      return [
        { operation: "multiply-add in registers", gflop: 1, seconds: 0.02 },
        { operation: "linear", gflop: 1, seconds: 0.04 },
      ];
    default:
      throw new Error(`The stub does not do ${method}.`);
  }
});
