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

/** The list of these models, in the same cache. */
const LIST = `${OWN_FOLDER}models.json`;
/** Digits of the hash in a model's name. */
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
 * @returns {{file: File, settings: File | null}[]} each checkpoint with its configuration
 * @throws {UserError} if there is a configuration without a checkpoint
 */
export function checkpointsAmong(files) {
  const checkpoints = files.filter((file) => hasEnding(file, CHECKPOINTS));
  const configurations = files.filter((file) => hasEnding(file, SETTINGS));
  if (checkpoints.length === 0) throw new UserError("settingsAlone");
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
 * Convert a checkpoint and keep it.
 *
 * @param {string} base @param {Assets} assets
 * @param {{file: File, settings: File | null}} checkpoint
 * @returns {Promise<string>} name of the model
 * @throws {UserError} if it cannot be read or used, or there is no room
 */
export async function addModel(base, assets, { file, settings }) {
  const gone = () => new UserError("noNetwork");
  const worker = new Remote(new URL("convert-worker.js", import.meta.url), gone);
  try {
    const argument = { base, assets, file, settings, folder: OWN_FOLDER };
    /** @type {Converted} */
    const converted = await worker.call("convert", argument);
    const name = `own-${converted.sha256.slice(0, NAME_DIGITS)}`;
    const model = {
      title: stemOf(file.name),
      good_for: "",
      licence: "",
      licence_url: "",
      isOwn: true,
      ...converted,
    };
    await change(base, (models) => ({ ...models, [name]: model }));
    return name;
  } finally {
    worker.end(null);
    await dropUnlisted(base);
  }
}

/**
 * @param {string} base @param {string} name of a model, which is deleted
 */
export async function removeModel(base, name) {
  await change(base, ({ [name]: _, ...others }) => others);
  await dropUnlisted(base);
}

/**
 * Change the list; one tab at a time.
 *
 * @param {string} base @param {(models: Models) => Models} edit
 */
function change(base, edit) {
  return locked(base, async () => {
    const cache = await openCache(base);
    const list = JSON.stringify(edit(await ownModels(base)));
    const headers = { "content-type": "application/json" };
    await cache?.put(new URL(LIST, base).href, new Response(list, { headers }));
  });
}

/**
 * Delete parts that belong to no model of the list: of deleted models, and of conversions that
 * failed.
 *
 * @param {string} base
 */
function dropUnlisted(base) {
  return locked(base, async () => {
    const cache = await openCache(base);
    const models = Object.values(await ownModels(base));
    const files = [LIST, ...models.flatMap(({ parts }) => parts.map(({ url }) => url))];
    const wanted = new Set(files.map((url) => new URL(url, base).href));
    const folder = new URL(OWN_FOLDER, base).href;
    for (const { url } of (await cache?.keys()) ?? []) {
      if (url.startsWith(folder) && !wanted.has(url)) await cache?.delete(url);
    }
  });
}

/** @template Value @param {string} base @param {() => Promise<Value>} work */
function locked(base, work) {
  return navigator.locks ? navigator.locks.request(`own models ${base}`, work) : work();
}
