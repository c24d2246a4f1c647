/**
 * Python in a worker: Pyodide with the package. This is the only file of the page that loads it.
 *
 * @module
 */

import { keepFallback, readAsset } from "./assets.js";
import { isOutOfMemory, UserError } from "./errors.js";
import { withLibraries } from "./snapshot.js";

/** @typedef {import("./protocol.js").BootOptions} BootOptions */
/** @typedef {import("pyodide").PyodideAPI} Pyodide */
/**
 * @typedef {import("pyodide/ffi").PyProxy & any} PythonObject  values from Python have no types
 */

/** The project's own package, as Pyodide names it. */
const PACKAGE = "py_demixer";

/**
 * Start Python with NumPy and the package.
 *
 * @param {Pick<BootOptions, "base" | "assets">} options
 * @param {() => void} [onRead]  called when the snapshot has been read: what else is read from the
 *   disk would hold it up
 * @returns {Promise<Pyodide>}
 * @throws {UserError} if a file cannot be fetched
 */
export async function startPython(options, onRead) {
  try {
    const pyodide = await restore(options, onRead);
    await loadPackages(pyodide, options, [PACKAGE]);
    return pyodide;
  } catch (error) {
    if (error instanceof UserError || isOutOfMemory(error)) throw error;
    console.warn("Python starts without its snapshot, which takes longer.", error);
    const pyodide = await load(options, {});
    await loadPackages(pyodide, options, [...options.assets.packages, PACKAGE]);
    return pyodide;
  }
}

/**
 * @param {Pick<BootOptions, "base" | "assets">} options @param {() => void} [onRead]
 * @returns {Promise<Pyodide>} from the snapshot, with NumPy
 */
async function restore(options, onRead) {
  const { base, assets } = options;
  const { file, libraries, places } = assets.snapshot;
  const urls = Object.entries(libraries).map(([path, url]) => [path, new URL(url, base).href]);
  const [{ default: create }, snapshot] = await Promise.all([
    import(new URL(`${assets.pyodide}pyodide.asm.mjs`, base).href),
    readAsset(base, file).then((response) => response.arrayBuffer()),
  ]);
  onRead?.();
  const pyodide = await load(options, {
    createPyodideModule: withLibraries(create, Object.fromEntries(urls), places),
    _loadSnapshot: snapshot,
  });
  // Pyodide keeps its settings, but these are 45 MB.
  delete (/** @type {any} */ (pyodide)._api.config._loadSnapshot);
  return pyodide;
}

/**
 * @param {Pick<BootOptions, "base" | "assets">} options
 * @param {import("pyodide").PyodideConfig} settings
 * @returns {Promise<Pyodide>}
 */
async function load({ base, assets }, settings) {
  const indexURL = new URL(assets.pyodide, base).href;
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  // Without packageBaseUrl, wheels would come from a CDN.
  return loadPyodide({ indexURL, packageBaseUrl: indexURL, ...settings });
}

/**
 * @param {Pyodide} pyodide @param {Pick<BootOptions, "base" | "assets">} options
 * @param {string[]} names
 * @throws {UserError} if one of them was not loaded; by itself, Pyodide only logs that
 */
export async function loadPackages(pyodide, { base, assets }, names) {
  const wheel = new URL(assets.wheel, base).href;
  await pyodide.loadPackage(names.map((name) => (name === PACKAGE ? wheel : name)));
  for (const name of names) {
    if (!(name in pyodide.loadedPackages)) {
      throw new UserError("missingFile", { url: `${assets.pyodide}${name}` });
    }
  }
  // Without them, this browser would not work offline.
  await keepFallback(base, assets, Object.keys(pyodide.loadedPackages)).catch(console.warn);
}

/** @param {PythonObject} list destroyed @returns {PythonObject[]} its items */
export function listOf(list) {
  const items = list.toJs({ depth: 1 });
  list.destroy();
  return items;
}

/** @param {PythonObject} array of float32, destroyed @returns {Float32Array<ArrayBuffer>} */
export function floats(array) {
  return new Float32Array(bytes(array).buffer);
}

/** @param {PythonObject} array destroyed @returns {Uint8Array<ArrayBuffer>} a copy */
export function bytes(array) {
  const view = array.getBuffer("u8");
  try {
    return new Uint8Array(view.data);
  } finally {
    view.release();
    array.destroy();
  }
}

/**
 * @param {unknown} error
 * @param {boolean} saysWhy whether the message of a ValueError is a sentence for the user
 * @param {boolean} isStarting whether Python and its packages are still being loaded
 * @returns {import("./errors.js").Notice}
 */
export function whatWentWrong(error, saysWhy, isStarting) {
  if (isOutOfMemory(error)) return { code: "memory", values: {} };
  if (error instanceof WebAssembly.CompileError) return { code: "old", values: {} };
  if (!(error instanceof Error)) return { code: "fault", values: {} };
  const type = "type" in error ? String(error.type) : "";
  if (type.endsWith("MemoryError")) return { code: "memory", values: {} };
  if (type === "ValueError" && saysWhy) {
    return { code: "verbatim", values: { sentence: sentenceOf(error.message) } };
  }
  if (isStarting && /fetch|import|network|load/i.test(error.message)) {
    console.error(error);
    return { code: "noNetwork", values: {} };
  }
  return { code: "fault", values: {} };
}

/**
 * @param {string} traceback @returns {string} the message of the exception, without the traceback
 */
function sentenceOf(traceback) {
  const mark = "\nValueError: ";
  const at = traceback.lastIndexOf(mark);
  return at < 0 ? traceback.trim() : traceback.slice(at + mark.length).trim();
}
