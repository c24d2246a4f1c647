/**
 * The mixer: a strip for each stem, their sum, and the original beside it.
 *
 * ```text
 *  stem ─▶ volume and pan ─┬─▶ + ─▶ stems ──┐
 *                          └ meter          ├─▶ master ─┬─▶ destination
 *  original ─────────────────▶ original ────┤           └ meter
 *  clicks ──────────────────────────────────┘
 * ```
 *
 * It consists of the browser's own nodes, so it runs on the audio thread and works on insecure
 * origins too. The stems are added one after the other: at unity gain the sum is ((a + b) + c) + d
 * in 32-bit floats, bit for bit as in a saved mix. One node with four inputs would add them in an
 * order of its own.
 *
 * @module
 */

import { gainsOf } from "./pan.js";

/** Long enough not to click, short enough not to be heard as a fade. */
export const FADE_SECONDS = 0.01;

/** Frames in a meter's window: 46 ms, more than the time between two animation frames. */
const METER_FRAMES = 2048;

/** Linear, 1 is full scale. @typedef {{peak: number, rms: number}} Level */
/** @typedef {"stems" | "original"} Heard */

export class Mixer {
  /** @type {Map<string, Strip>} */
  #strips = new Map();
  #original;
  #stems;
  #master;
  #meter;
  /** @type {AudioNode[]} the inputs of the stems, in order, followed by that of the original */
  inputs;
  /** @type {AudioNode} the input of the clicks */
  clicks;

  /** @param {BaseAudioContext} context @param {readonly string[]} sources names of the stems */
  constructor(context, sources) {
    const master = stereo(context, 1);
    const original = stereo(context, 0);
    const stems = stereo(context, 1);
    let sum = stereo(context, 1);
    for (const source of sources) {
      const strip = new Strip(context);
      this.#strips.set(source, strip);
      strip.output.connect(sum);
      const next = stereo(context, 1);
      sum.connect(next);
      sum = next;
    }
    sum.connect(stems).connect(master).connect(context.destination);
    original.connect(master);
    this.clicks = stereo(context, 1);
    this.clicks.connect(master);
    this.inputs = [...[...this.#strips.values()].map(({ input }) => input), original];
    this.#meter = new Meter(context, master);
    this.#master = new Fader(master.gain);
    this.#original = new Fader(original.gain);
    this.#stems = new Fader(stems.gain);
  }

  /**
   * @param {string} source @param {{volume: number, pan: number}} place
   * @param {number} time start of the change, in seconds
   */
  place(source, place, time) {
    this.#strips.get(source)?.place(place, time);
  }

  /** @param {number} gain @param {number} time in seconds */
  setMaster(gain, time) {
    this.#master.move(gain, time);
  }

  /**
   * Switch to the stems or to the original: on the same frame, with a short crossfade.
   *
   * @param {Heard} heard
   * @param {number} gain gain of the original that makes it as loud as the stems
   * @param {number} time in seconds
   */
  hear(heard, gain, time) {
    this.#stems.move(heard === "stems" ? 1 : 0, time);
    this.#original.move(heard === "original" ? gain : 0, time);
  }

  /** @param {string} source or "master" @returns {Level} after the fader, over the last 46 ms */
  level(source) {
    const meter = source === "master" ? this.#meter : this.#strips.get(source)?.meter;
    if (!meter) throw new Error(`There is no stem ${source}.`);
    return meter.read();
  }
}

/** Volume and pan of a stem, as four gains. */
class Strip {
  #faders;

  /** @param {BaseAudioContext} context */
  constructor(context) {
    const split = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    const merge = new ChannelMergerNode(context, { numberOfInputs: 2 });
    const connect = (/** @type {number} */ from, /** @type {number} */ to) => {
      const gain = new GainNode(context, { gain: from === to ? 1 : 0 });
      split.connect(gain, from).connect(merge, 0, to);
      return new Fader(gain.gain);
    };
    this.#faders = {
      leftFromLeft: connect(0, 0),
      leftFromRight: connect(1, 0),
      rightFromLeft: connect(0, 1),
      rightFromRight: connect(1, 1),
    };
    this.input = split;
    this.output = merge;
    this.meter = new Meter(context, merge);
  }

  /** @param {{volume: number, pan: number}} place @param {number} time */
  place(place, time) {
    const gains = gainsOf(place);
    for (const name of /** @type {(keyof typeof gains)[]} */ (Object.keys(gains))) {
      this.#faders[name].move(gains[name], time);
    }
  }
}

/** The browser copies the samples on the audio thread; the page reads them when it wants. */
class Meter {
  #analysers;
  #samples = new Float32Array(METER_FRAMES);

  /** @param {BaseAudioContext} context @param {AudioNode} node stereo */
  constructor(context, node) {
    // An analyser would mix the two channels to mono, where opposite phases cancel.
    const split = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    node.connect(split);
    this.#analysers = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(context, { fftSize: METER_FRAMES });
      split.connect(analyser, channel);
      return analyser;
    });
  }

  /** @returns {Level} of both channels */
  read() {
    let [peak, energy] = [0, 0];
    for (const analyser of this.#analysers) {
      analyser.getFloatTimeDomainData(this.#samples);
      for (const sample of this.#samples) {
        const size = Math.abs(sample);
        if (size > peak) peak = size;
        energy += sample * sample;
      }
    }
    return { peak, rms: Math.sqrt(energy / (this.#analysers.length * METER_FRAMES)) };
  }
}

/** @param {BaseAudioContext} context @param {number} gain @returns {GainNode} of two channels */
function stereo(context, gain) {
  return new GainNode(context, { gain, channelCount: 2, channelCountMode: "explicit" });
}

/** Moves a parameter to a value; schedules nothing if it is already there. */
class Fader {
  #parameter;
  #value;

  /** @param {AudioParam} parameter */
  constructor(parameter) {
    this.#parameter = parameter;
    this.#value = parameter.value;
  }

  /** @param {number} value @param {number} time start of the change, in seconds */
  move(value, time) {
    if (value === this.#value) return;
    this.#value = value;
    approach(this.#parameter, value, time);
  }
}

/**
 * @param {AudioParam} parameter
 * @param {number} value
 * @param {number} time start of the change, in seconds
 */
export function approach(parameter, value, time) {
  // Starts from the value at that time; after a fade the rest is below 16-bit resolution.
  parameter.setTargetAtTime(value, time, FADE_SECONDS / 11);
}
