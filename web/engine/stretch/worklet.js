/**
 * The audio thread's part of `StretchedDeck`: all stems and the original, one stream for each.
 *
 * It plays jobs one after the other; a job is what plays without a break. Messages: see `Order` and
 * `Report`; each order is acknowledged by its id.
 *
 * @module
 */

import { Pieces } from "./pieces.js";
import { Signalsmith } from "./signalsmith.js";
import { leadOf, StretchedStream } from "./stream.js";
import { TempoMap } from "./tempo.js";

/** @typedef {import("./tempo.js").Tempo} Tempo */
/** @typedef {import("./pieces.js").Piece} Piece */

/**
 * `start`: start a job at that frame of the context. `append`: the next piece. `tempo`: change the
 * tempo at that frame. `stop`: end the job at that frame. `close`: nothing more follows.
 * @typedef {{type: "start", job: number, frame: number, tempo: Tempo, piece: Piece}
 *   | {type: "append", job: number, piece: Piece}
 *   | {type: "tempo", job: number, frame: number, tempo: Tempo}
 *   | {type: "stop", job: number, frame: number}
 *   | {type: "close"}} Order
 */

/**
 * @typedef {{type: "ready", lead: {stretched: number, offset: number}}
 *   | {type: "failed", message: string}
 *   | {type: "taken", id: number}
 *   | {type: "piece", job: number}
 *   | {type: "ended", job: number}} Report
 */

/** Steps of each stream in a quantum that has nothing to play yet. */
const STEPS_AHEAD = 2;

/** Playback without a break. */
class Job {
  pieces = new Pieces(0);
  stop = Infinity;

  /** @param {number} id @param {number} frame @param {Tempo} tempo */
  constructor(id, frame, tempo) {
    this.id = id;
    this.frame = frame;
    this.map = new TempoMap(tempo, frame);
  }
}

class StretchProcessor extends AudioWorkletProcessor {
  /** @type {StretchedStream[]} */
  #streams = [];
  /** @type {Job[]} jobs; the first one plays, or is about to */
  #jobs = [];
  #hasBegun = false;
  #isClosed = false;

  /** @param {{processorOptions: {count: number}}} options */
  constructor({ processorOptions: { count } }) {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
    this.#open(count).catch((error) => this.#report({ type: "failed", message: String(error) }));
  }

  /** @param {number} count */
  async #open(count) {
    const opened = Array.from({ length: count }, () => Signalsmith.open(sampleRate));
    const stretches = await Promise.all(opened);
    this.#streams = stretches.map(
      (stretch, index) =>
        new StretchedStream(stretch, (...place) => this.#jobs[0]?.pieces.read(index, ...place)),
    );
    const [first] = stretches;
    if (first) this.#report({ type: "ready", lead: leadOf(first) });
  }

  /** @param {{id: number, order: Order}} message */
  #take({ id, order }) {
    if (order.type === "start") {
      const job = new Job(order.job, order.frame, order.tempo);
      job.pieces.append(order.piece);
      this.#jobs.push(job);
    } else if (order.type === "close") {
      this.#isClosed = true;
    } else {
      const job = this.#jobs.find((one) => one.id === order.job);
      if (order.type === "append") job?.pieces.append(order.piece);
      else if (order.type === "tempo") job?.map.change(order.tempo, order.frame);
      else if (job) job.stop = order.frame;
    }
    this.#report({ type: "taken", id });
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const [job] = this.#jobs;
    if (job) this.#play(job, outputs);
    return !this.#isClosed;
  }

  /** @param {Job} job @param {Float32Array[][]} outputs */
  #play(job, outputs) {
    if (job.stop <= job.frame) return this.#end(job); // It was stopped before it began.
    if (!this.#hasBegun) for (const stream of this.#streams) stream.begin(job.map, job.frame);
    this.#hasBegun = true;
    if (currentFrame < job.frame) this.#prepare();
    else this.#render(job, outputs);
  }

  #prepare() {
    for (const stream of this.#streams) {
      for (let steps = 0; steps < STEPS_AHEAD && !stream.prepare(); steps++);
    }
  }

  /** @param {Job} job @param {Float32Array[][]} outputs */
  #render(job, outputs) {
    let length = 0;
    for (const [index, stream] of this.#streams.entries()) {
      const [left, right] = /** @type {Float32Array[]} */ (outputs[index]);
      if (!left || !right) continue;
      length = left.length;
      stream.render(left, right);
    }
    const { map, pieces } = job;
    const next = currentFrame + length;
    const [from, to] = [map.offsetAt(currentFrame), map.offsetAt(next)];
    if (pieces.hasEnd(from, to)) this.#report({ type: "piece", job: job.id });
    pieces.forget(Math.min(from, ...this.#streams.map(({ fed }) => fed)));
    if (next >= job.stop || to >= pieces.end) this.#end(job);
  }

  /** @param {Job} job */
  #end(job) {
    this.#jobs.shift();
    this.#hasBegun = false;
    this.#report({ type: "ended", job: job.id });
  }

  /** @param {Report} report */
  #report(report) {
    this.port.postMessage(report);
  }
}

registerProcessor("py-demixer-stretch", StretchProcessor);
