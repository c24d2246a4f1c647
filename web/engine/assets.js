/**
 * Heavy files of the site: fetched once, verified by the browser and kept in Cache Storage.
 *
 * Only this module and own-models.js write to that cache; `sw.js` serves files from it. A file is
 * stored whole or not at all, so an interrupted download resumes at the first missing file.
 *
 * @module
 */

import { UserError } from "./errors.js";
import { isOnlyTab } from "./tabs.js";

/** @typedef {import("./protocol.js").Assets} Assets */
/** @typedef {import("./protocol.js").AssetFile} AssetFile */

/**
 * Response header with the hash of a cached file, so that a file cached under an old hash is not
 * taken for the new one.
 */
const INTEGRITY_HEADER = "x-py-demixer-integrity";
/** Response header with the SHA-256 of the cached bytes, to detect copies damaged on the disk. */
const DIGEST_HEADER = "x-py-demixer-sha256";
/**
 * How often a file is requested before the download fails, and how long to wait between tries.
 */
const TRIES = 3;
const PAUSE_MS = 800;
const PARALLEL = 3;

/** Folder of the user's own models, which are nowhere but in the cache. */
export const OWN_FOLDER = "own/";

/**
 * @param {string} base absolute URL of the site's folder, which is also the service worker's scope
 * @returns {string} name of the cache; same as in `sw.js`
 */
export function cacheName(base) {
  return `py-demixer-assets ${base}`;
}

/**
 * @param {string} base
 * @returns {Promise<Cache | null>} null if the browser offers no cache (insecure origin, private
 *   window)
 */
export async function openCache(base) {
  if (!("caches" in globalThis)) return null;
  try {
    return await caches.open(cacheName(base));
  } catch {
    return null;
  }
}

/**
 * @param {string} base
 * @returns {Promise<Assets>}
 * @throws {UserError} if it cannot be fetched
 */
export async function readManifest(base) {
  const url = "assets.json";
  let response;
  try {
    response = await fetch(new URL(url, base));
  } catch {
    throw new UserError("noNetwork");
  }
  if (!response.ok) throw new UserError("missingFile", { url });
  return response.json();
}

/**
 * Fetch one heavy file. The browser checks its hash and rejects a wrong one, whatever the origin.
 *
 * @param {string} base
 * @param {AssetFile} file
 * @returns {Promise<Response>} whose body has not been read yet
 * @throws {UserError} if it is missing or damaged, or the network is down, after several tries; or
 *   if it is part of the user's own model, which can only be added again
 */
export async function fetchVerified(base, file) {
  if (file.url.startsWith(OWN_FOLDER)) throw new UserError("ownModelDamaged");
  const url = new URL(file.packed ?? file.url, base);
  for (let attempt = 1; ; attempt++) {
    try {
      // A second try must not get the same bad copy from the HTTP cache.
      const cache = attempt === 1 ? "default" : "reload";
      const response = await fetch(url, { integrity: file.integrity, cache });
      if (response.ok) return file.encoding === "gzip" ? unzipped(response, file) : response;
      if (attempt === TRIES) throw new UserError("missingFile", { url: file.url });
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (attempt === TRIES) throw await whyRefused(url, file);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
}

/** @param {Response} response @param {AssetFile} file @returns {Response} */
function unzipped({ body, headers }, file) {
  const bytes = /** @type {ReadableStream<BufferSource>} */ (body);
  const type = file.type ?? headers.get("content-type") ?? "";
  const unzipping = bytes.pipeThrough(new DecompressionStream("gzip"));
  return new Response(unzipping, { headers: { "content-type": type } });
}

/**
 * Read one heavy file from the cache, or fetch it. A cached file is read straight from the cache:
 * via the service worker, with the browser verifying it, that would take three times as long.
 *
 * @param {string} base @param {AssetFile} file
 * @returns {Promise<Response>} whose body has not been read yet
 * @throws {UserError} see `fetchVerified`
 */
export async function readAsset(base, file) {
  const cache = await openCache(base);
  return (cache && (await verifiedCopy(cache, base, file))) ?? fetchVerified(base, file);
}

/**
 * @param {Assets} assets @param {string} model a key of `assets.models`
 * @returns {AssetFile[]} the parts of its weight file, in order
 */
export function partsOf(assets, model) {
  return assets.models[model]?.parts ?? [];
}

/**
 * @param {Assets} assets @param {string} model a key of `assets.models`
 * @returns {number} download size of its weights, in bytes
 */
export function downloadBytes(assets, model) {
  return partsOf(assets, model).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * @param {Assets} assets @param {string} model a key of `assets.models`
 * @returns {AssetFile[]} all files that it needs
 */
function filesFor(assets, model) {
  return [...assets.files, ...partsOf(assets, model)];
}

/**
 * Fetch the weights of a model for the workers of a page without a cache: each part is downloaded
 * once.
 *
 * @param {string} base @param {Assets} assets @param {string} model
 * @param {(done: number, total: number) => void} report bytes
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob[]>}
 * @throws {UserError}
 */
export async function fetchWeights(base, assets, model, report, signal) {
  const files = partsOf(assets, model);
  const total = downloadBytes(assets, model);
  const parts = [];
  let done = 0;
  for (const file of files) {
    signal?.throwIfAborted();
    report(done, total);
    parts.push(await (await fetchVerified(base, file)).blob());
    done += file.bytes;
  }
  return parts;
}

/**
 * fetch() fails alike for a wrong hash and a broken connection: ask the server which it was.
 *
 * @param {URL} url @param {AssetFile} file
 */
async function whyRefused(url, file) {
  try {
    const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
    return new UserError(answer.ok ? "damagedFile" : "missingFile", { url: file.url });
  } catch {
    return new UserError("noNetwork");
  }
}

/**
 * @param {Cache} cache @param {string} base @param {AssetFile} file
 * @returns {Promise<boolean>}
 */
async function isKept(cache, base, file) {
  return (await keptCopy(cache, base, file)) !== null;
}

/**
 * @param {Cache} cache @param {string} base @param {AssetFile} file
 * @returns {Promise<Response | null>} the cached copy, verified when it was stored
 */
async function keptCopy(cache, base, file) {
  const kept = await cache.match(new URL(file.url, base).href);
  return kept?.headers.get(INTEGRITY_HEADER) === file.integrity ? kept : null;
}

/**
 * @param {Cache} cache @param {string} base @param {AssetFile} file
 * @returns {Promise<Response | null>} the cached copy if it is intact; a damaged one is deleted
 */
async function verifiedCopy(cache, base, file) {
  const kept = await keptCopy(cache, base, file);
  if (!kept) return null;
  const body = await kept.arrayBuffer().catch(() => null);
  if (body && (await digestOf(body)) === kept.headers.get(DIGEST_HEADER)) {
    return new Response(body, { headers: kept.headers });
  }
  console.warn(`What was kept of ${file.url} is damaged: it is fetched again.`);
  await cache.delete(new URL(file.url, base).href);
  return null;
}

/** @param {BufferSource} bytes @returns {Promise<string>} SHA-256, in hexadecimal digits */
async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Store bytes that are on no server.
 *
 * @param {Cache} cache @param {string} base
 * @param {string} url relative to `base` @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<AssetFile>}
 */
export async function keepBytes(cache, base, url, bytes) {
  const digest = await digestOf(bytes);
  const integrity = `sha256 ${digest}`;
  const headers = { [INTEGRITY_HEADER]: integrity, [DIGEST_HEADER]: digest };
  await cache.put(new URL(url, base).href, new Response(bytes, { headers }));
  return { url, bytes: bytes.length, integrity };
}

/**
 * @param {string} base @param {Assets} assets
 * @returns {Promise<number>} bytes of the weights of all models that are cached
 */
export async function weightBytes(base, assets) {
  const cache = await openCache(base);
  const parts = Object.keys(assets.models).flatMap((model) => partsOf(assets, model));
  // Those of an ensemble are those of its models.
  const files = [...new Map(parts.map((file) => [file.url, file])).values()];
  const kept = await Promise.all(files.map((file) => cache && isKept(cache, base, file)));
  return files.reduce((sum, { bytes }, index) => sum + (kept[index] ? bytes : 0), 0);
}

/**
 * Delete the weights of a model that the site has: they can be fetched again.
 *
 * @param {string} base @param {Assets} assets @param {string} model
 */
export async function dropWeights(base, assets, model) {
  const cache = await openCache(base);
  for (const { url } of partsOf(assets, model)) await cache?.delete(new URL(url, base).href);
}

/**
 * @param {string} base @param {Assets} assets @param {string} model
 * @returns {Promise<number>} total size of the heavy files that the model needs and that are not
 *   cached; 0 means that it works offline
 */
export async function missingBytes(base, assets, model) {
  const cache = await openCache(base);
  const files = filesFor(assets, model);
  const kept = await Promise.all(files.map((file) => cache && isKept(cache, base, file)));
  return files.reduce((sum, { bytes }, index) => sum + (kept[index] ? 0 : bytes), 0);
}

/**
 * @param {Cache} cache @param {string} base @param {AssetFile} file
 */
async function keep(cache, base, file) {
  const url = new URL(file.url, base).href;
  // The service worker answers from the cache first, so delete an entry with an old hash first.
  await cache.delete(url);
  const response = await fetchVerified(base, file);
  const body = await response.arrayBuffer().catch(() => {
    throw new UserError("noNetwork");
  });
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  const headers = {
    "content-type": type,
    [INTEGRITY_HEADER]: file.integrity,
    [DIGEST_HEADER]: await digestOf(body),
  };
  await cache.put(url, new Response(body, { headers }));
}

/**
 * Store all heavy files that a model needs: fetch those missing or damaged. Once the set is
 * complete and no other tab is open, delete files that no longer belong to the site. Weights and the
 * snapshot are checked when they are read (`readAsset`); the other files, which the service worker hands to
 * Pyodide, are checked here. Does nothing without a cache. The page calls this through `keeper.js`.
 *
 * @param {string} base @param {Assets} assets @param {string} model
 * @param {(done: number, total: number) => void} report bytes available so far, and in total
 * @returns {Promise<boolean>} whether the files are cached
 * @throws {UserError}
 */
export async function keepAll(base, assets, model, report) {
  const cache = await openCache(base);
  if (!cache) return false;
  const files = filesFor(assets, model);
  const checkedLater = new Set([assets.snapshot.file.url, ...partsOf(assets, model).map(({ url }) => url)]);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const missing = [];
  let done = 0;
  for (const file of files) {
    const copy = await (checkedLater.has(file.url) ? keptCopy : verifiedCopy)(cache, base, file);
    if (copy) done += file.bytes;
    else missing.push(file);
  }
  report(done, total);
  const queue = [...missing];
  let failed = false;
  const lane = async () => {
    for (let file = queue.shift(); file && !failed; file = queue.shift()) {
      await keep(cache, base, file);
      done += file.bytes;
      report(done, total);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, lane));
  } catch (error) {
    failed = true;
    if (error instanceof DOMException && error.name === "QuotaExceededError") {
      throw new UserError("storageFull", { bytes: total - done });
    }
    throw error;
  }
  // Another tab may run another version of the site.
  if (await isOnlyTab(base)) await deleteStale(cache, base, assets);
  return true;
}

/**
 * Store files that only some browsers need, because this one does. Does nothing without a cache.
 *
 * @param {string} base @param {Assets} assets
 * @param {string[]} packages   names of the packages of which these files are
 * @returns {Promise<void>}
 */
export async function keepFallback(base, assets, packages) {
  const cache = await openCache(base);
  if (!cache) return;
  for (const file of assets.fallback) {
    const name = file.url.slice(file.url.lastIndexOf("/") + 1);
    const isNeeded = packages.some((one) => name.startsWith(`${one}-`));
    if (isNeeded && !(await isKept(cache, base, file))) await keep(cache, base, file);
  }
}

/**
 * @param {Cache} cache @param {string} base @param {Assets} assets
 */
async function deleteStale(cache, base, assets) {
  // Keep the files of every model, so that one chosen earlier stays.
  const parts = Object.values(assets.models).flatMap((model) => model.parts);
  const files = [...assets.files, ...assets.fallback, ...parts];
  const wanted = new Set(files.map((file) => new URL(file.url, base).href));
  const own = new URL(OWN_FOLDER, base).href;
  for (const request of await cache.keys()) {
    const isStale = !wanted.has(request.url) && !request.url.startsWith(own);
    if (isStale) await cache.delete(request);
  }
}
