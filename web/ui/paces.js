/**
 * Processing times of models on this machine: measured with every song and stored by the browser.
 * For a model that has not run here, the time follows from its pace relative to one that has.
 *
 * @module
 */

import { PROCESSOR } from "../engine/spent.js";
import { passes } from "../engine/qualities.js";
import { keep, recall } from "./remembered.js";

/** @typedef {import("../engine/protocol.js").ModelInfo} ModelInfo */
/** @typedef {import("../engine/separation.js").Options} Options */
/** @typedef {import("../engine/separation.js").Separation} Separation */

/**
 * What computes: the build of a graphics card or `PROCESSOR`, and the number of workers.
 * @typedef {{build: string, workers: number}} Computer
 */

const PACES = "paces";

/**
 * Seconds. Much of the work for a shorter song is padding, so its pace does not apply to longer
 * ones.
 */
const LEAST_SONG = 20;

/** Typical song length in seconds, used when there is no song. */
export const USUAL_SONG = 240;

/** Models by name. @typedef {Record<string, ModelInfo>} Models */

/** @param {string} build @returns {string} the name under which the paces of a build are stored */
function place(build) {
  return build === PROCESSOR ? PACES : `${PACES} ${build}`;
}

/**
 * @param {string} build that computes
 * @returns {Record<string, number>} for each model, worker seconds for a second of song in the
 *   standard quality
 */
function measured(build) {
  try {
    const all = Object.entries(JSON.parse(recall(place(build)) ?? "{}") ?? {});
    // Ignore invalid values.
    return Object.fromEntries(all.filter(([, pace]) => Number.isFinite(pace) && pace > 0));
  } catch {
    return {};
  }
}

/** @param {Separation} separation that has run, completely or in part */
export function remember(separation) {
  const song = separation.length / separation.rate;
  const { work } = separation;
  if (work === null || song < LEAST_SONG) return;
  const pace = work.seconds / song / passes(separation.options);
  const paces = { ...measured(work.build), [separation.model]: pace };
  keep(place(work.build), JSON.stringify(paces));
}

/**
 * @param {Models} models @param {string} model @param {Options} options
 * @param {Computer} computer
 * @param {number} song seconds
 * @returns {{seconds: number, isMeasured: boolean} | null} null if nothing is known
 */
export function expectedTime(models, model, options, { build, workers }, song) {
  const known = paceOf(models, model, build);
  if (known === null) return null;
  const { pace, isMeasured } = known;
  const step = models[model]?.step ?? null;
  return { seconds: pace * share(step, passes(options) * song, workers), isMeasured };
}

/**
 * @param {number | null} step seconds that one task computes; with few tasks, some workers run out
 *   of work at the end
 * @param {number} song seconds @param {number} workers
 * @returns {number} seconds of the song that the busiest worker computes
 */
function share(step, song, workers) {
  return step ? step * Math.ceil(Math.ceil(song / step) / workers) : song / workers;
}

/**
 * @param {Models} models @param {string} model @param {string} build that computes
 * @returns {{pace: number, isMeasured: boolean} | null}
 */
function paceOf(models, model, build) {
  const paces = measured(build);
  const own = paces[model];
  if (own !== undefined) return { pace: own, isMeasured: true };
  for (const [other, pace] of Object.entries(paces)) {
    const [wanted, given] = [models[model]?.pace, models[other]?.pace];
    if (wanted && given) return { pace: (pace * wanted) / given, isMeasured: false };
  }
  return null;
}
