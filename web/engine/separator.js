/**
 * Begins songs that were read, or goes on with what there is of them already.
 *
 * @module
 */

import { Reader } from "./reader.js";
import { Separation } from "./separation.js";
import { FRAME_BYTES } from "./song.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Measured} Measured */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./separation.js").Way} Way */

/**
 * A song in the store. `stems`: those that are wanted, in the model's order; null: all.
 * @typedef {object} ReadSong
 * @property {string} id
 * @property {string} name      of its file
 * @property {Measured} measured
 * @property {string} options   JSON
 * @property {string[] | null} stems
 */

export class Separator {
  #pool;
  #store;
  #model;
  #weights;
  #numerics;

  /**
   * @param {Pool} pool @param {Store} store
   * @param {import("./protocol.js").Assets} assets @param {string} model a key of `assets.models`
   */
  constructor(pool, store, assets, model) {
    this.#pool = pool;
    this.#store = store;
    this.reader = new Reader(pool, store);
    this.#model = model;
    this.#weights = assets.models[model]?.sha256 ?? "";
    this.#numerics = [assets.pyodide, assets.numerics];
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
