/**
 * Models of the user's own: checkpoints, converted once and kept like the weights of the site, under
 * the hash of their content; and ensembles of models, which are only kept as names.
 *
 * @module
 */

import { openCache, OWN_FOLDER } from "./assets.js";
import { UserError } from "./errors.js";
import { Remote } from "./rpc.js";

/** @typedef {import("./protocol.js").Assets} Assets */
/** @typedef {import("./protocol.js").AssetModel} AssetModel */
/** @typedef {import("./protocol.js").Converted} Converted */
/** @typedef {Record<string, AssetModel>} Models */
/** A checkpoint with its configuration. @typedef {{file: File, settings: File | null}} OwnFiles */

/** The list of these models, in the same cache. */
const LIST = `${OWN_FOLDER}models.json`;
/** The name of such a model starts with it. */
export const OWN_PREFIX = "own-";
/** Digits of the hash in its name. */
const NAME_DIGITS = 12;

const CHECKPOINTS = ["th", "pth", "pt", "ckpt", "safetensors"];
const SETTINGS = ["yaml", "yml"];
/** Extensions of checkpoints, and of what belongs to them. */
export const MODEL_ENDINGS = [...CHECKPOINTS, ...SETTINGS];

/** @param {File} file @returns {boolean} whether it looks like a checkpoint, or belongs to one */
export function belongsToModel(file) {
  return hasEnding(file, MODEL_ENDINGS);
}

/** @param {File} file @param {string[]} endings @returns {boolean} */
function hasEnding({ name }, endings) {
  return endings.some((ending) => name.toLowerCase().endsWith(`.${ending}`));
}

/**
 * @param {File[]} files for which `belongsToModel`
 * @param {boolean} hasSongs whether there are songs besides: then a configuration alone is no model
 * @returns {OwnFiles[]}
 * @throws {UserError} if there are only configurations
 */
export function checkpointsAmong(files, hasSongs) {
  const checkpoints = files.filter((file) => hasEnding(file, CHECKPOINTS));
  const configurations = files.filter((file) => hasEnding(file, SETTINGS));
  if (configurations.length > 0 && checkpoints.length === 0 && !hasSongs) {
    throw new UserError("settingsAlone");
  }
  return checkpoints.map((file) => ({ file, settings: settingsOf(file, configurations) }));
}

/**
 * @param {File} checkpoint @param {File[]} configurations
 * @returns {File | null} the one with the same name, or the only one
 */
function settingsOf(checkpoint, configurations) {
  const same = configurations.find(({ name }) => stemOf(name) === stemOf(checkpoint.name));
  return same ?? (configurations.length === 1 ? (configurations[0] ?? null) : null);
}

/** @param {string} name @returns {string} without its extension */
function stemOf(name) {
  return name.replace(/\.[^.]+$/, "");
}

/**
 * @param {string} base @param {Models} published
 * @returns {Promise<Models>} these, and the user's own; an ensemble only if all its models are there
 */
export async function withOwnModels(base, published) {
  const models = { ...published, ...(await ownModels(base)) };
  const found = Object.entries(models).map(([name, model]) => [name, completed(model, models)]);
  return Object.fromEntries(found.filter(([, model]) => model));
}

/** @param {AssetModel} model @param {Models} models @returns {AssetModel | null} */
function completed(model, models) {
  if (!model.members) return model;
  const members = model.members.map((name) => models[name]).filter((one) => one !== undefined);
  return members.length === model.members.length ? ensembleOf(model, members) : null;
}

/**
 * @param {AssetModel} about its names @param {AssetModel[]} members
 * @returns {AssetModel} what follows from its models
 */
function ensembleOf(about, members) {
  const sum = (/** @type {number[]} */ numbers) => numbers.reduce((all, one) => all + one, 0);
  const licences = [...new Set(members.map(({ licence }) => licence))].filter((text) => text);
  const files = members.map(({ bytes }) => bytes);
  return {
    ...about,
    title: members.map(({ title }) => title).join(" + "),
    licence: licences.join(" "),
    sources: [...new Set(members.flatMap(({ sources }) => sources))],
    pace: sum(members.map(({ pace }) => pace)),
    step: Math.min(...members.map(({ step }) => step ?? Infinity)),
    memory: sum(members.map(({ memory }) => memory)),
    bytes: sum(files),
    files,
    sha256: members.map(({ sha256 }) => sha256).join(" "),
    parts: members.flatMap(({ parts }) => parts),
  };
}

/** @param {AssetModel} model @returns {boolean} whether it can be a part of an ensemble */
export function canJoin({ members, step }) {
  return !members && step !== null;
}

/**
 * Keep an ensemble: each stem is the mean of the models that make it.
 *
 * @param {string} base @param {string[]} members names of at least two models that `canJoin`
 * @returns {Promise<string>} its name
 */
export function addEnsemble(base, members) {
  return alone(base, async () => {
    const name = `${OWN_PREFIX}${members.join("+")}`;
    const rest = { title: "", good_for: "", licence: "", licence_url: "", sources: [], parts: [] };
    const about = { ...rest, pace: 0, step: 0, memory: 0, bytes: 0, sha256: "", options: {} };
    const ensemble = { ...about, architecture: "ensemble", isOwn: true, members };
    await keepList(base, { ...(await ownModels(base)), [name]: ensemble });
    return name;
  });
}

/** @param {string} base @returns {Promise<Models>} by name */
export async function ownModels(base) {
  const cache = await openCache(base);
  const list = await cache?.match(new URL(LIST, base).href);
  return list ? list.json() : {};
}

/**
 * Convert a checkpoint and keep it. One at a time, in whatever tab.
 *
 * @param {string} base @param {Assets} assets @param {OwnFiles} checkpoint
 * @returns {Promise<string>} name of the model
 * @throws {UserError} if it cannot be read or used, or there is no room
 */
export function addModel(base, assets, { file, settings }) {
  return alone(base, async () => {
    try {
      const converted = await convert({ base, assets, file, settings, folder: OWN_FOLDER });
      const name = `${OWN_PREFIX}${converted.sha256.slice(0, NAME_DIGITS)}`;
      const about = { title: stemOf(file.name), good_for: "", licence: "", licence_url: "" };
      const models = await ownModels(base);
      await keepList(base, { ...models, [name]: { ...about, isOwn: true, ...converted } });
      return name;
    } finally {
      await dropUnlisted(base);
    }
  });
}

/** @param {string} base @param {string} name of a model, which is deleted */
export function removeModel(base, name) {
  return alone(base, async () => {
    const { [name]: _, ...others } = await ownModels(base);
    await keepList(base, others);
    await dropUnlisted(base);
  });
}

/**
 * @param {import("./protocol.js").Conversion} argument
 * @returns {Promise<Converted>}
 */
async function convert(argument) {
  const gone = () => new UserError("ownTooLarge");
  const worker = new Remote(new URL("convert-worker.js", import.meta.url), gone);
  try {
    return await worker.call("convert", argument);
  } finally {
    worker.end(null);
  }
}

/** @param {string} base @param {Models} models */
async function keepList(base, models) {
  const cache = await openCache(base);
  const headers = { "content-type": "application/json" };
  await cache?.put(new URL(LIST, base).href, new Response(JSON.stringify(models), { headers }));
}

/**
 * Delete parts that belong to no model of the list: of deleted models, and of conversions that
 * failed.
 *
 * @param {string} base
 */
async function dropUnlisted(base) {
  const cache = await openCache(base);
  const models = Object.values(await ownModels(base));
  const files = [LIST, ...models.flatMap(({ parts }) => parts.map(({ url }) => url))];
  const wanted = new Set(files.map((url) => new URL(url, base).href));
  const folder = new URL(OWN_FOLDER, base).href;
  for (const { url } of (await cache?.keys()) ?? []) {
    if (url.startsWith(folder) && !wanted.has(url)) await cache?.delete(url);
  }
}

/**
 * Change these models while no other tab does.
 *
 * @template Value @param {string} base @param {() => Promise<Value>} work
 * @returns {Promise<Value>}
 */
async function alone(base, work) {
  return navigator.locks ? navigator.locks.request(`own models ${base}`, work) : work();
}
