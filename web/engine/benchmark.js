/**
 * How fast this device is: segments of noise by one worker, by all of them, and by the graphics
 * card; and the operations that segments consist of. Nothing is stored.
 *
 * @module
 */

/** @typedef {import("./engine-worker.js").EngineWorker} EngineWorker */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./protocol.js").Speed} Speed */

/** Each is computed this often; the first one also warms up. */
const RUNS = 3;

/** Name of what the machine can do at most, among the operations: as in py_demixer/speed.py. */
export const CEILING = "multiply-add in registers";

/** Frames of the song: its first task is a whole segment. */
const FRAMES = 1 << 20;

/** @type {Job} */
const JOB = { song: JSON.stringify({ length: FRAMES, mean: 0, std: 1 }), options: "{}" };

/**
 * @typedef {object} Measurement
 * @property {"processor" | "card"} by
 * @property {number} workers       that compute at the same time, a segment each
 * @property {number} frames        of a segment
 * @property {number[]} seconds     of each run
 * @property {number} heap          bytes of a worker's memory afterwards
 */

/**
 * @typedef {object} Report
 * @property {(measured: Measurement) => void} segment    called with each measurement
 * @property {(by: Measurement["by"], speeds: Speed[]) => void} operations
 */

/**
 * @param {Pool} pool in which no song runs @param {Report} report
 * @returns {Promise<void>}
 */
export async function benchmark(pool, report) {
  const task = await pool.with(firstTask);
  const most = pool.most;
  const counts = most > 1 ? [1, most] : [1];
  for (const workers of counts) {
    report.segment(await withWorkers(pool, workers, (held) => timed(held, task, null)));
  }
  report.operations("processor", await pool.with((worker) => worker.call("speeds", null)));
  const worker = task.network === null ? null : pool.takeCard();
  if (!worker) return;
  try {
    report.segment(await timed([worker], task, task.network));
    report.operations("card", await worker.call("cardSpeeds", null));
  } finally {
    pool.release(worker);
  }
}

/**
 * @param {EngineWorker} worker
 * @returns {Promise<{index: number, frames: number, network: number | null}>}
 */
async function firstTask(worker) {
  /** @type {Plan} */
  const { tasks } = await worker.call("plan", JOB);
  const index = tasks.findIndex(({ cost, after }) => cost > 0 && after.length === 0);
  const { reads, network } = /** @type {import("./protocol.js").Task} */ (tasks[index]);
  return { index, frames: reads[0]?.length ?? 0, network };
}

/**
 * @template Value
 * @param {Pool} pool @param {number} count
 * @param {(held: EngineWorker[]) => Promise<Value>} use
 * @param {EngineWorker[]} [held]
 * @returns {Promise<Value>}
 */
function withWorkers(pool, count, use, held = []) {
  if (held.length === count) return use(held);
  return pool.with((worker) => withWorkers(pool, count, use, [...held, worker]));
}

/**
 * @param {EngineWorker[]} workers
 * @param {{index: number, frames: number}} task @param {number | null} network for the card
 * @returns {Promise<Measurement>}
 */
async function timed(workers, { index, frames }, network) {
  const seconds = [];
  for (let run = 0; run < RUNS; run++) {
    const inputs = workers.map(() => noise(frames));
    const begun = performance.now();
    await Promise.all(
      workers.map((worker, number) => {
        const input = /** @type {Float32Array} */ (inputs[number]);
        const options = { job: JOB, index, inputs: [input], network };
        return worker.call("run", options, { transfer: [input.buffer] });
      }),
    );
    seconds.push((performance.now() - begun) / 1000);
  }
  const { heap } = await /** @type {EngineWorker} */ (workers[0]).call("state", null);
  const by = network === null ? "processor" : "card";
  return { by, workers: workers.length, frames, seconds, heap };
}

/** @param {number} frames @returns {Float32Array} stereo noise, the same each time */
function noise(frames) {
  const samples = new Float32Array(2 * frames);
  let state = 1;
  for (let i = 0; i < samples.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    samples[i] = state / 2 ** 32 - 0.5;
  }
  return samples;
}
