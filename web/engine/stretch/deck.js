/**
 * Plays stems slower, faster, higher or lower.
 *
 * `Stretcher` is the node on the audio thread, one for each player; `StretchedDeck` is a `Deck`
 * (see run.js) that plays through it. Stretching needs the samples some time before they are heard,
 * so the next piece has to be there by then, and a change of tempo is delayed as well: by 0.1 s, or
 * more at low speed.
 *
 * @module
 */

import { UserError } from "../errors.js";
import { FADE_SECONDS } from "../mixer.js";
import { ratioOf, TempoMap } from "./tempo.js";

/** @typedef {import("../run.js").Deck} Deck */
/** @typedef {import("./tempo.js").Tempo} Tempo */
/** @typedef {import("./worklet.js").Order} Order */
/** @typedef {import("./worklet.js").Report} Report */

/** Block size of the audio thread in frames; jobs and tempo changes start on its multiples. */
const QUANTUM = 128;
/**
 * Time that the audio thread may need before a job starts: it does two steps of 128 frames per
 * quantum.
 */
const PREPARE_SHARE = 0.5;

/** Event: "report", a `CustomEvent` with the `Report` as its detail. */
export class Stretcher extends EventTarget {
  /** End of the last job in seconds: the next one starts after it. */
  freeAt = 0;
  #node;
  #lead;
  #jobs = 0;
  #orders = 0;
  /** @type {Map<number, () => void>} */
  #pending = new Map();

  /** @param {AudioWorkletNode} node @param {{stretched: number, offset: number}} lead */
  constructor(node, lead) {
    super();
    this.#node = node;
    this.#lead = lead;
    node.port.onmessage = ({ data }) => this.#onReport(data);
  }

  /**
   * @param {BaseAudioContext} context @param {number} count number of streams
   * @returns {Promise<Stretcher>}
   * @throws {UserError}
   */
  static async open(context, count) {
    if (!context.audioWorklet) throw new UserError("tempoInsecure");
    try {
      await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
      const node = new AudioWorkletNode(context, "py-demixer-stretch", {
        numberOfInputs: 0,
        numberOfOutputs: count,
        outputChannelCount: Array(count).fill(2),
        processorOptions: { count },
      });
      return new Stretcher(node, await readiness(node));
    } catch (error) {
      throw new UserError("tempoMissing", {}, error);
    }
  }

  get context() {
    return this.#node.context;
  }

  /**
   * @param {Tempo} tempo
   * @returns {number} seconds between ordering a piece and hearing it
   */
  leadOf(tempo) {
    const { stretched, offset } = this.#lead;
    return (stretched / ratioOf(tempo) + offset / tempo.speed) / this.context.sampleRate;
  }

  /** @returns {number} seconds that a job needs before it starts */
  get preparation() {
    return (PREPARE_SHARE * this.#lead.stretched) / this.context.sampleRate;
  }

  newJob() {
    return ++this.#jobs;
  }

  /** @param {AudioNode[]} outputs one for each stream */
  connect(outputs) {
    for (const [index, output] of outputs.entries()) this.#node.connect(output, index);
  }

  /** @param {AudioNode[]} outputs */
  disconnect(outputs) {
    for (const [index, output] of outputs.entries()) this.#node.disconnect(output, index);
  }

  /** @param {Order} order @returns {Promise<void>} settles when it has been taken */
  order(order) {
    const id = ++this.#orders;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      const parts = "piece" in order ? order.piece.parts : [];
      const buffers = parts.flatMap((part) => (part ? [part.buffer] : []));
      this.#node.port.postMessage({ id, order }, buffers);
    });
  }

  close() {
    this.#node.port.postMessage({ id: 0, order: { type: "close" } });
    this.#node.disconnect();
  }

  /** @param {Report} report */
  #onReport(report) {
    if (report.type === "taken") {
      this.#pending.get(report.id)?.();
      this.#pending.delete(report.id);
    } else {
      this.dispatchEvent(new CustomEvent("report", { detail: report }));
    }
  }
}

/** @implements {Deck} */
export class StretchedDeck extends EventTarget {
  isExact = false;
  #stretcher;
  #outputs;
  #tempo;
  #job;
  #scheduled = 0;
  #isSilent = true;
  /** Frame of the last tempo change, past or scheduled. */
  #changed = 0;
  /** @type {TempoMap | null} maps frames of context and song; null before the first piece */
  #map = null;

  /** @param {Stretcher} stretcher @param {AudioNode[]} outputs @param {Tempo} tempo */
  constructor(stretcher, outputs, tempo) {
    super();
    this.#stretcher = stretcher;
    this.#outputs = outputs;
    this.#tempo = tempo;
    this.#job = stretcher.newJob();
  }

  get isSilent() {
    return this.#isSilent;
  }

  get hasBegun() {
    return this.#map !== null;
  }

  get margin() {
    return FADE_SECONDS + this.#stretcher.leadOf(this.#tempo);
  }

  /** @param {number} time */
  offsetAt(time) {
    const offset = this.#map?.offsetAt(time * this.#rate) ?? 0;
    return Math.min(Math.max(offset, 0), this.#scheduled);
  }

  /** @param {number} offset */
  timeOf(offset) {
    return /** @type {TempoMap} */ (this.#map).frameOf(offset) / this.#rate;
  }

  /** @param {number} length */
  fit(length) {
    return length;
  }

  /** @param {(Float32Array | null)[]} parts @param {number} soon */
  async append(parts, soon) {
    const piece = { parts, length: (parts.find((part) => part)?.length ?? 0) / 2 };
    const job = this.#job;
    const taken = this.#map
      ? this.#stretcher.order({ type: "append", job, piece })
      : this.#stretcher.order({ type: "start", job, piece, ...this.#begin(soon) });
    this.#scheduled += piece.length;
    this.#stretcher.freeAt = this.timeOf(this.#scheduled);
    await taken;
  }

  /** @param {Tempo} tempo @param {number} soon */
  async setTempo(tempo, soon) {
    const time = soon + this.#stretcher.leadOf(this.#tempo);
    this.#tempo = tempo;
    if (!this.#map) return;
    this.#changed = Math.max(this.#changed, quantumAfter(time * this.#rate));
    this.#map.change(tempo, this.#changed);
    this.#stretcher.freeAt = this.timeOf(this.#scheduled);
    await this.#stretcher.order({ type: "tempo", job: this.#job, frame: this.#changed, tempo });
  }

  /** @param {number} time */
  stop(time) {
    this.#stretcher.freeAt = time;
    const frame = quantumAfter(time * this.#rate);
    void this.#stretcher.order({ type: "stop", job: this.#job, frame });
  }

  get #rate() {
    return this.#stretcher.context.sampleRate;
  }

  /** @param {number} soon @returns {{frame: number, tempo: Tempo}} its start and tempo */
  #begin(soon) {
    const time = Math.max(soon, this.#stretcher.freeAt) + this.#stretcher.preparation;
    this.#changed = quantumAfter(time * this.#rate);
    this.#map = new TempoMap(this.#tempo, this.#changed);
    this.#isSilent = false;
    this.#stretcher.addEventListener("report", this.#onReport);
    this.#stretcher.connect(this.#outputs);
    return { frame: this.#changed, tempo: this.#tempo };
  }

  /** @param {Event} event */
  #onReport = (event) => {
    /** @type {Report} */
    const report = /** @type {CustomEvent} */ (event).detail;
    if (!("job" in report) || report.job !== this.#job) return;
    if (report.type === "ended") {
      this.#isSilent = true;
      this.#stretcher.removeEventListener("report", this.#onReport);
      this.#stretcher.disconnect(this.#outputs);
    }
    this.dispatchEvent(new Event("piece"));
  };
}

/** @param {number} frame @returns {number} start of the next quantum */
function quantumAfter(frame) {
  return QUANTUM * Math.ceil(frame / QUANTUM);
}

/**
 * @param {AudioWorkletNode} node @returns {Promise<{stretched: number, offset: number}>} its lead
 */
function readiness(node) {
  return new Promise((resolve, reject) => {
    node.port.onmessage = ({ data }) => {
      /** @type {Report} */
      const report = data;
      if (report.type === "ready") resolve(report.lead);
      else if (report.type === "failed") reject(new Error(report.message));
    };
    node.onprocessorerror = () => reject(new Error("The processor could not be made."));
  });
}
