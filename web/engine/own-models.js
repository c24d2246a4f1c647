/**
 * Models of the user's own: checkpoints, converted once and kept like the weights of the site, under
 * the hash of their content.
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
