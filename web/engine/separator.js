/**
 * The way of a song on the page: read into the store, measured, planned, run by the pool, final.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { OpenSong } from "./open-song.js";
import { TaskQueue } from "./queue.js";
import { common, Ranges } from "./ranges.js";
import { LONGEST_MINUTES } from "./store.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").Job} Job */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Measured} Measured */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./decode.js").SourceFacts} SourceFacts */

/** What the mixture and each stem take: two floats a frame. */
const FRAME_BYTES = 8;

/**
 * @typedef {object} Progress
 * @property {number} done              cost of finished tasks
 * @property {number} total             cost of all tasks
 * @property {number | null} secondsLeft    null before the first task is done
 */

/**
 * Options of the model, as py_demixer/separation/planning.py makes them of JSON: what can be
 * chosen on the page, and what goes with the model.
 * @typedef {{overlap?: number, shifts?: number} & Record<string, unknown>} Options
 */

/**
 * A song in the store. `stems`: those that are wanted, in the model's order; null: all.
 * @typedef {object} ReadSong
 * @property {string} id
 * @property {string} name      of its file
 * @property {Measured} measured
 * @property {string} options   JSON
 * @property {string[] | null} stems
 */

/**
 * Who computes a song.
 * @typedef {object} Way
 * @property {string} build     whose bits it has
 * @property {boolean} onCard   whether the graphics card runs its networks
 * @property {import("./errors.js").Said | null} note   for the person
 */

export class Separator {
  #pool;
  #store;
  #model;
  #weights;
  #numerics;
  /** @type {Map<number, Promise<number[][]>>} */
  #matrices = new Map();

  /**
   * @param {Pool} pool @param {Store} store
   * @param {import("./protocol.js").Assets} assets @param {string} model a key of `assets.models`
   */
  constructor(pool, store, assets, model) {
    this.#pool = pool;
    this.#store = store;
    this.#model = model;
    this.#weights = assets.models[model]?.sha256 ?? "";
    this.#numerics = [assets.pyodide, assets.numerics];
  }

  /**
   * Read a file into the store.
   *
   * @param {string} id of a song that is open in the store, of which nothing is read
   * @param {File} file
   * @param {{stems: number, takesPart: boolean}} wanted    how many stems will be stored; whether
   *   what can be decoded of a damaged file is good enough
   * @param {AbortSignal} signal
   * @returns {Promise<{measured: Measured, source: SourceFacts}>}
   * @throws {UserError}
   */
  async read(id, file, wanted, signal) {
    const info = await this.#pool.start();
    return this.#pool.with(async (worker) => {
      await worker.call("open", null);
      const blocks = new Blocks(info.measure_block, async (block) => {
        const copy = block.slice();
        await worker.call("measure", copy, { transfer: [copy.buffer] });
        await this.#store.append(id, block);
      });
      const taker = this.#taker(id, worker, blocks, wanted);
      // Readers of all formats are most of what the page is made of: not before a song is there.
      const { decode } = await import("./decode.js").catch((error) => {
        throw new UserError("noNetwork", {}, error);
      });
      const source = await decode(file, taker, signal);
      await blocks.end();
      signal.throwIfAborted();
      return { measured: await worker.call("measured", null), source };
    });
  }

  /**
   * @param {string} id @param {import("./engine-worker.js").EngineWorker} worker
   * @param {Blocks} blocks @param {{stems: number, takesPart: boolean}} wanted
   * @returns {import("./decode.js").Taker}
   */
  #taker(id, worker, blocks, { stems, takesPart }) {
    return {
      downmix: (channels) => this.#downmixMatrix(channels, worker),
      longestMinutes: this.#store.longestMinutes,
      wholeMinutes: LONGEST_MINUTES.memory,
      takesPart,
      expect: (frames) => this.#store.checkRoom(id, (1 + stems) * frames * FRAME_BYTES),
      take: (block) => blocks.add(block),
    };
  }

  /**
   * @param {number} channels @param {import("./engine-worker.js").EngineWorker} worker
   * @returns {Promise<number[][]>} (2, channels), from Python, so that page and command line agree
   */
  #downmixMatrix(channels, worker) {
    let matrix = this.#matrices.get(channels);
    if (!matrix) {
      matrix = worker.call("downmix", channels);
      this.#matrices.set(channels, matrix);
      matrix.catch(() => this.#matrices.delete(channels));
    }
    return matrix;
  }

  /**
   * Who has begun a song, and goes on with it; or who is best to begin it.
   *
   * @param {ReadSong} song
   * @returns {Promise<{same: KeptSong | null, way: Way}>} `same`: what there is of it already,
   *   perhaps under another id
   */
  async find(song) {
    const info = await this.#pool.start();
    const { card } = this.#pool;
    const best = { build: card?.build ?? info.build, onCard: card !== null, note: null };
    const ways = [];
    for (const { id, about } of await this.#store.begun()) {
      const way = this.#wayOn(id, about, song, info);
      if (way) ways.push({ id, way });
    }
    const found =
      ways.find(({ id }) => id === song.id) ??
      ways.find(({ way }) => way.build === best.build) ??
      ways[0];
    if (!found) return { same: null, way: best };
    const same = await this.#store.look(found.id);
    return { same, way: same?.isFinished ? { ...found.way, note: null } : found.way };
  }

  /**
   * Begin a song that was read, or go on where an earlier separation of it has stopped.
   *
   * @param {ReadSong} song that is open in the store
   * @param {{same: KeptSong | null, way: Way}} found of it, by `find`
   * @param {Separation | null} begun of it, if somebody has that still open
   * @returns {Promise<Separation>} which is to be run
   * @throws {UserError}
   */
  async begin(song, { same, way }, begun) {
    if (begun) {
      begun.goOnWith(this.#pool, way);
      return begun;
    }
    const info = await this.#pool.start();
    const { id, name, measured, options, stems } = song;
    const { length, mean, std } = measured;
    const job = { song: JSON.stringify({ length, mean, std }), options };
    /** @type {Plan} */
    const plan = await this.#pool.with((worker) => worker.call("plan", job));
    const cost = plan.tasks.reduce((sum, task) => sum + task.cost, 0);
    const about = {
      model: this.#model,
      key: this.#keyOf(song, way.build),
      build: way.build,
      name,
      measured,
      options,
      stems: stems ?? plan.stems,
      cost,
      tasks: plan.tasks.length,
    };
    const missing = 1 - (same?.done ?? 0) / Math.max(1, cost);
    const bytes = about.stems.length * length * FRAME_BYTES * missing;
    await this.#store.checkRoom(id, bytes + temporaryBytes(plan));
    const done = await this.#store.begin(id, about, plan);
    const rate = info.sample_rate;
    return new Separation(this.#pool, this.#store, { id, about, rate, job, plan, done, way });
  }

  /**
   * Only where a graphics card is gone, another one or the processor goes on with what it began.
   *
   * @param {string} id @param {About} about of what is kept
   * @param {ReadSong} song @param {EngineInfo} info
   * @returns {Way | null} how to go on with that; null: it is of something else
   */
  #wayOn(id, { build, key }, song, info) {
    if (key !== this.#keyOf(song, build)) return null;
    const { card, wantsCard } = this.#pool;
    if (build === info.build) return { build, onCard: false, note: null };
    if (build === card?.build) return { build, onCard: true, note: null };
    const name = cardOf(build);
    // Who wants no graphics card and drops the song again, wants it done anew.
    if (name === null || !(wantsCard || id === song.id)) return null;
    /** @type {import("./errors.js").Said} */
    const said = { code: "cardIsGone", values: { name, other: card && card.name } };
    return { build, onCard: card !== null, note: said };
  }

  /**
   * Statistics of the steps of a network, for one part of a song.
   *
   * @param {About} about of a song by this model
   * @param {import("./protocol.js").Stems} stems of that
   * @returns {Promise<import("./protocol.js").Step[]>}
   */
  trace({ measured: { length, mean, std }, options }, stems) {
    const job = { song: JSON.stringify({ length, mean, std }), options };
    return this.#pool.with(async (worker) => {
      /** @type {Plan} */
      const plan = await worker.call("plan", job);
      const index = Math.max(0, plan.tasks.findIndex((task) => isAt(task, stems.playhead)));
      const { reads = [] } = plan.tasks[index] ?? {};
      const inputs = await Promise.all(
        reads.map(({ plane, start, length: frames }) => stems.read(plane, start, frames)),
      );
      const transfer = inputs.map(({ buffer }) => buffer);
      return worker.call("trace", { job, index, inputs, network: null }, { transfer });
    });
  }

  /** @returns {Promise<import("./protocol.js").WorkerState>} of one worker, when it is free */
  state() {
    return this.#pool.with((worker) => worker.call("state", null));
  }

  /**
   * @param {ReadSong} song
   * @param {string} build
   * @returns {string} see `About` in protocol.js
   */
  #keyOf({ measured, options, stems }, build) {
    const made = [measured.digest, options, this.#weights, ...this.#numerics, build];
    return JSON.stringify(stems ? [...made, stems] : made);
  }
}

/**
 * @param {import("./protocol.js").Task} task @param {number} frame
 * @returns {boolean} whether it reads nothing but the song, and that there
 */
function isAt({ reads, cost }, frame) {
  const isThere = reads.every(
    ({ plane, start, length }) => plane === "mixture" && start <= frame && frame < start + length,
  );
  return cost > 0 && isThere;
}

/** @param {string} build @returns {string | null} the name of the card whose it is */
function cardOf(build) {
  const [, name = null] = /^webgpu (.*)$/s.exec(build) ?? [];
  return name;
}

/**
 * @param {Plan} plan
 * @returns {number} the most that its temporary planes take at once, if tasks are run in order
 */
function temporaryBytes({ planes, tasks }) {
  const lastReader = new Map(
    tasks.flatMap(({ reads }, index) => reads.map(({ plane }) => [plane, index])),
  );
  const alive = new Set();
  let [now, most] = [0, 0];
  for (const [index, { reads, writes }] of tasks.entries()) {
    for (const name of writes.map(({ plane }) => plane)) {
      if (planes[name]?.temporary && !alive.has(name)) now += bytesOf(planes[name]);
      alive.add(name);
    }
    most = Math.max(most, now);
    for (const name of new Set(reads.map(({ plane }) => plane))) {
      if (planes[name]?.temporary && lastReader.get(name) === index) now -= bytesOf(planes[name]);
    }
  }
  return most;
}

/** @param {import("./protocol.js").Plane} plane */
function bytesOf({ width, frames }) {
  return width * frames * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Cuts what comes in pieces of any length into blocks of one length; the last one may be shorter.
 */
class Blocks {
  #block;
  #filled = 0;
  #take;

  /**
   * @param {number} frames
   * @param {(block: Float32Array) => Promise<void>} take is given the blocks
   */
  constructor(frames, take) {
    this.#block = new Float32Array(2 * frames);
    this.#take = take;
  }

  /** @param {Float32Array} piece interleaved frames */
  async add(piece) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#block.length) await this.end();
    }
  }

  /** Give out what there is. */
  async end() {
    const filled = this.#block.slice(0, this.#filled);
    this.#filled = 0;
    if (filled.length > 0) await this.#take(filled);
  }
}

/** A song at work, or done. Events: see `Stems` in protocol.js. */
export class Separation extends OpenSong {
  #pool;
  #store;
  #about;
  #job;
  #plan;
  /** @type {Set<number>} the tasks that are finished */
  #done;
  #queue;
  #way;
  /** @type {Map<string, Ranges>} by stem: what is final of it */
  #written;
  /** @type {[number, number][]} what is final of all stems */
  #final = [];
  /** @type {import("./pool.js").Run | null} */
  #run = null;
  #paused = false;
  /** Since when how much was done: without pauses, for the time that is left. */
  #since = { moment: 0, cost: 0 };

  /**
   * @param {Pool} pool @param {Store} store
   * @param {{id: string, about: About, rate: number, job: Job, plan: Plan, done: number[],
   *   way: Way}} song
   */
  constructor(pool, store, { id, about, rate, job, plan, done, way }) {
    const sources = plan.stems.filter((stem) => about.stems?.includes(stem) ?? true);
    super(store, { id, sources, rate, length: about.measured.length });
    this.#pool = pool;
    this.#store = store;
    this.#about = about;
    this.#job = job;
    this.#plan = plan;
    this.#way = way;
    this.#done = new Set(done);
    this.#queue = new TaskQueue(plan, done);
    this.#written = new Map(sources.map((stem) => [stem, new Ranges()]));
    for (const index of done) this.#note(index);
    this.#final = common([...this.#written.values()]);
  }

  /** @param {Pool} pool perhaps another one than before @param {Way} way */
  goOnWith(pool, way) {
    this.#pool = pool;
    this.#way = way;
  }

  /** @override */
  get playhead() {
    return this.#queue.playhead;
  }

  /** @override */
  set playhead(frame) {
    this.#queue.playhead = frame;
  }

  /** Whether there is nothing left to do. */
  get isComplete() {
    return this.#queue.costDone === this.#queue.cost && this.isFinal(0, this.length);
  }

  /** Whether anything is finished. */
  get isBegun() {
    return this.#queue.costDone > 0;
  }

  get about() {
    return this.#about;
  }

  /** A key of `Assets.models`. */
  get model() {
    return this.#about.model;
  }

  /** Whether the graphics card computes it, as far as it can. */
  get isOnCard() {
    return this.#run?.onCard ?? this.#way.onCard;
  }

  /**
   * Who did what `run` has done, and what one worker would take for the whole song at that pace;
   * null: nothing was done.
   */
  get work() {
    const { build, seconds, cost } = this.#pool.spent;
    return cost > 0 ? { build, seconds: (seconds / cost) * this.#about.cost } : null;
  }

  /** @returns {Options} */
  get options() {
    return JSON.parse(this.#about.options);
  }

  get paused() {
    return this.#paused;
  }

  /** What is being computed is finished and kept; nothing else is begun until it is false again. */
  set paused(paused) {
    this.#startClock();
    this.#paused = paused;
    if (this.#run) this.#run.paused = paused;
  }

  #startClock() {
    this.#since = { moment: performance.now(), cost: this.#queue.costDone };
  }

  /**
   * Compute what is missing.
   *
   * @param {(progress: Progress) => void} report
   * @param {AbortSignal} signal ends the workers
   * @param {(said: import("./errors.js").Said) => void} [tell] the person that somebody else goes on
   * @returns {Promise<[number, number][]>} the stretches in seconds that could not be computed
   * @throws {UserError} what is finished is kept
   * @throws {DOMException} AbortError
   */
  async run(report, signal, tell = () => {}) {
    signal.throwIfAborted();
    const abort = () => this.#pool.stop(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#startClock();
    report(this.#progress());
    if (this.#way.note) tell(this.#way.note);
    try {
      this.#run = this.#pool.run({
        job: this.#job,
        queue: this.#queue,
        read: (range) => this.#store.read(this.id, range),
        begin: () => this.dispatchEvent(new Event("working")),
        finish: async (index, outputs) => {
          await this.#store.finish(this.id, index, outputs);
          this.#queue.finish(index);
          this.#done.add(index);
          this.#finished(index);
          report(this.#progress());
        },
        paused: this.#paused,
        onCard: this.#way.onCard,
        leaveCard: (error) => {
          this.#startClock();
          tell(error);
        },
      });
      await this.#run.ended;
    } finally {
      this.#run = null;
      signal.removeEventListener("abort", abort);
      this.#putBack();
    }
    return this.#missing();
  }

  /** What was begun and not finished is to be done by the next run. */
  #putBack() {
    const { playhead } = this.#queue;
    this.#queue = new TaskQueue(this.#plan, this.#done);
    this.#queue.playhead = playhead;
    this.dispatchEvent(new Event("working"));
  }

  /** @override */
  working() {
    return this.#queue.taken;
  }

  /** @returns {Progress} */
  #progress() {
    const { cost: total, costDone: done } = this.#queue;
    const { moment, cost } = this.#since;
    const each = (performance.now() - moment) / 1000 / (done - cost);
    return { done, total, secondsLeft: done > cost ? each * (total - done) : null };
  }

  /** @param {number} index */
  #finished(index) {
    if (!this.#note(index)) return;
    this.#final = common([...this.#written.values()]);
    this.dispatchEvent(new Event("final"));
  }

  /** @param {number} index @returns {boolean} whether the task wrote stems */
  #note(index) {
    const writes = this.#queue.task(index).writes.filter(({ plane }) => this.#written.has(plane));
    for (const { plane, start, length } of writes) {
      this.#written.get(plane)?.add(start, start + length);
    }
    return writes.length > 0;
  }

  /** @returns {[number, number][]} in seconds */
  #missing() {
    const edges = [0, ...this.#final.flat(), this.length].map((frame) => frame / this.rate);
    const gaps = [];
    for (let at = 0; at < edges.length; at += 2) gaps.push([edges[at], edges[at + 1]]);
    return /** @type {[number, number][]} */ (gaps).filter(([start, stop]) => start < stop);
  }

  /** @override @param {number} start @param {number} length */
  isFinal(start, length) {
    return this.#final.some(([from, to]) => from <= start && start + length <= to);
  }

  /** @override @returns {[number, number][]} */
  finalRanges() {
    return this.#final.map(([start, stop]) => [start, stop]);
  }
}
