/**
 * Starts the separation of songs, or resumes an earlier one.
 *
 * @module
 */

import { Reader } from "./reader.js";
import { Separation } from "./separation.js";
import { FRAME_BYTES, MIXTURE } from "./song.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Measured} Measured */
/** @typedef {import("./protocol.js").Plan} Plan */
/** @typedef {import("./pool.js").Pool} Pool */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./separation.js").Execution} Execution */

/**
 * A song in the store. `stems`: the wanted stems, in the model's order; null: all.
 * @typedef {object} ReadSong
 * @property {string} id
 * @property {string} name      name of its file
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
   * Find an earlier separation of a song and how to resume it, or the best way to start one.
   *
   * @param {ReadSong} song
   * @returns {Promise<{same: KeptSong | null, execution: Execution}>} `same`: the earlier one,
   *   perhaps under another id
   */
  async find(song) {
    const info = await this.#pool.start();
    const { card } = this.#pool;
    const best = { build: card?.build ?? info.build, onCard: card !== null, note: null };
    const candidates = [];
    for (const { id, about } of await this.#store.begun()) {
      const execution = this.#executionOn(id, about, song, info);
      if (execution) candidates.push({ id, execution });
    }
    const found =
      candidates.find(({ id }) => id === song.id) ??
      candidates.find(({ execution }) => execution.build === best.build) ??
      candidates[0];
    if (!found) return { same: null, execution: best };
    const same = await this.#store.look(found.id);
    if (same?.isFinished) found.execution.note = null;
    return { same, execution: found.execution };
  }

  /**
   * Start the separation of a song that was read, or resume an earlier one.
   *
   * @param {ReadSong} song that is open in the store
   * @param {{same: KeptSong | null, execution: Execution}} found result of `find`
   * @param {Separation | null} begun the separation of the song, if it is still open
   * @returns {Promise<Separation>} to be run
   * @throws {UserError}
   */
  async begin(song, { same, execution }, begun) {
    if (begun) {
      begun.resumeWith(this.#pool, execution);
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
      key: this.#keyOf(song, execution.build),
      build: execution.build,
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
    return new Separation(this.#pool, this.#store, { id, about, rate, job, plan, done, execution });
  }

  /**
   * Another card or the processor resumes work of a graphics card only if that card is gone.
   *
   * @param {string} id @param {About} about of a stored song
   * @param {ReadSong} song @param {EngineInfo} info
   * @returns {Execution | null} how to resume that song; null if it is a different separation
   */
  #executionOn(id, { build, key }, song, info) {
    if (key !== this.#keyOf(song, build)) return null;
    const { card, wantsCard } = this.#pool;
    if (build === info.build) return { build, onCard: false, note: null };
    if (build === card?.build) return { build, onCard: true, note: null };
    const name = cardOf(build);
    // If no graphics card is wanted and the song is dropped again, compute it anew.
    if (name === null || !(wantsCard || id === song.id)) return null;
    /** @type {import("./errors.js").Notice} */
    const note = { code: "cardIsGone", values: { name, other: card && card.name } };
    return { build, onCard: card !== null, note };
  }

  /**
   * Statistics of the steps of a network, for one part of a song.
   *
   * @param {About} about of a song separated by this model
   * @param {import("./protocol.js").Stems} stems of that song
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

  /**
   * @returns {Promise<import("./protocol.js").WorkerState>} state of one worker, once it is free
   */
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
 * @returns {boolean} whether it reads only the mixture, at that frame
 */
function isAt({ reads, cost }, frame) {
  const isThere = reads.every(
    ({ plane, start, length }) => plane === MIXTURE && start <= frame && frame < start + length,
  );
  return cost > 0 && isThere;
}

/**
 * @param {string} build @returns {string | null} name of the graphics card; null for the processor
 */
function cardOf(build) {
  const [, name = null] = /^webgpu (.*)$/s.exec(build) ?? [];
  return name;
}

/**
 * @param {Plan} plan
 * @returns {number} peak size of its temporary planes if tasks run in order
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
