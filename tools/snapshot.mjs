// Starts Python in Pyodide, imports NumPy and the package, and writes a snapshot of the memory, for
// web/engine/snapshot.js.
//
//     node tools/snapshot.mjs PYODIDE_FOLDER PACKAGES_FOLDER SITE_PACKAGES OUT LIBRARY...
//
// PACKAGES_FOLDER holds the unpacked packages as they will be in SITE_PACKAGES, Pyodide's folder for
// them; each LIBRARY is a shared library of NumPy, relative to these folders. Prints `sumOfPlaces`.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { sumOfPlaces, withLibraries } from "../web/engine/snapshot.js";

const IMPORTS = `
import numpy.fft
import py_demixer.pyodide.browser, py_demixer.pyodide.checkpoints
# What Pyodide imports to install a wheel.
import encodings.cp437, importlib.metadata, tarfile

import gc, sys

opened = {str(getattr(module, "__file__", "")) for module in sys.modules.values()}
more = {path for path in opened if path.endswith(".so")} - set(libraries.split())
if more:
    raise RuntimeError(f"tools/snapshot.py does not list these shared libraries: {more}")
del libraries, opened, more
gc.collect()
None
`;
/** The largest and the smallest piece of free memory that is cleared. */
const [LARGEST, SMALLEST] = [1 << 16, 256];

async function main(folder, packages, sitePackages, out, ...names) {
  const files = listFiles(packages).map((name) => ({
    path: `${sitePackages}/${name}`,
    content: readFileSync(join(packages, name)),
  }));
  const paths = names.map((name) => [`${sitePackages}/${name}`, resolve(packages, name)]);
  const libraries = Object.fromEntries(paths);
  // What compiling leaves in the memory would be a tenth of the snapshot.
  const compiled = compiledBy(await started(folder, libraries, files, {}));
  const made = await started(folder, libraries, [...files, ...compiled], { _makeSnapshot: true });
  clearFreeMemory(made._module);
  const snapshot = made.makeMemorySnapshot();
  console.log(await placesOf(folder, libraries, snapshot));
  writeFileSync(out, snapshot);
}

function listFiles(folder) {
  const all = readdirSync(folder, { recursive: true });
  return all.filter((name) => statSync(join(folder, name)).isFile());
}

/** @returns Pyodide with the shared libraries */
async function load(folder, libraries, settings, onCreated = () => {}) {
  const imported = (name) => import(pathToFileURL(resolve(folder, name)).href);
  const { loadPyodide } = await imported("pyodide.mjs");
  const { default: create } = await imported("pyodide.asm.mjs");
  const observed = async (given) => {
    const module = await create(given);
    onCreated(module);
    return module;
  };
  return loadPyodide({
    indexURL: resolve(folder),
    createPyodideModule: withLibraries(observed, libraries, null),
    ...settings,
  });
}

/** @returns Pyodide after the imports */
async function started(folder, libraries, files, settings) {
  // Without docstrings the snapshot is a tenth smaller. Assertions are off, too: the tests have them.
  const env = { HOME: "/home/pyodide", PYTHONHASHSEED: "0", PYTHONOPTIMIZE: "2" };
  const python = await load(folder, libraries, { env, ...settings });
  for (const { path, content } of files) {
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, content);
    python.FS.utime(path, 0, 0); // Compiled files state the time of their source.
  }
  python.runPython(`libraries = """${Object.keys(libraries).join("\n")}"""`);
  python.runPython(IMPORTS);
  return python;
}

/** @returns compiled, the packages' modules that were imported */
function compiledBy(python) {
  const paths = python.runPython(`
import py_compile

files = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
"\\n".join(
    py_compile.compile(file) for file in files if "site-packages" in file and file.endswith(".py")
)
`);
  return paths.split("\n").map((path) => ({ path, content: python.FS.readFile(path) }));
}

/** Fill with zeros what was freed, without taking more memory from the system than a few pieces. */
function clearFreeMemory(module) {
  const end = module._sbrk(0);
  const pieces = [];
  for (let size = LARGEST; size >= SMALLEST; size /= 2) {
    let piece;
    do {
      piece = module._malloc(size);
      pieces.push(piece);
      module.HEAP8.fill(0, piece, piece + size);
    } while (piece < end);
  }
  for (const piece of pieces) module._free(piece);
}

/** Restore the snapshot and use it. @returns the sum of its places */
async function placesOf(folder, libraries, snapshot) {
  let places = 0;
  const note = (module) => (places = sumOfPlaces(module));
  const python = await load(folder, libraries, { _loadSnapshot: snapshot }, note);
  const sum = python.runPython(`
import numpy as np

float(np.abs(np.fft.rfft(np.ones(8))).sum() + np.linalg.det(np.eye(2)))
`);
  if (sum !== 9) throw new Error(`NumPy from the snapshot computes ${sum} instead of 9.`);
  return places;
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  // By itself, Node.js would also print the source line of Pyodide, which is the whole file.
  console.error(error instanceof Error ? String(error) : error);
  process.exitCode = 1;
}
