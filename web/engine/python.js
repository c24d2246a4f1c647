/**
 * Python in a worker: Pyodide with the package. This is the only file of the page that loads it.
 *
 * @module
 */

import { isOutOfMemory, UserError } from "./errors.js";

/** @typedef {import("./protocol.js").BootOptions} BootOptions */
/** @typedef {import("pyodide").PyodideAPI} Pyodide */
/**
 * @typedef {import("pyodide/ffi").PyProxy & any} PythonObject  values from Python have no types
 */

/**
 * Start Pyodide with the packages and the project's wheel, which download meanwhile.
 *
 * @param {Pick<BootOptions, "base" | "assets">} options
 * @returns {Promise<Pyodide>}
 */
export async function startPython(options) {
  const { base, assets } = options;
  const indexURL = new URL(assets.pyodide, base).href;
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  const packages = [...assets.packages, new URL(assets.wheel, base).href];
  // Without packageBaseUrl, wheels would come from a CDN.
  const pyodide = await loadPyodide({ indexURL, packageBaseUrl: indexURL, packages });
  checkLoaded(pyodide, options, [...assets.packages, "py-demixer"]);
  return pyodide;
}

/**
 * Check that packages were loaded; Pyodide only logs those that it cannot load.
 *
 * @param {Pyodide} pyodide @param {Pick<BootOptions, "assets">} options @param {string[]} names
 */
export function checkLoaded(pyodide, { assets }, names) {
  for (const name of names) {
    if (!(name in pyodide.loadedPackages)) {
      throw new UserError("missingFile", { url: `${assets.pyodide}${name}` });
    }
  }
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
