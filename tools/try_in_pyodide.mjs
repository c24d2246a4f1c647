// Installs a wheel in Pyodide with NumPy and micropip, and runs a script there with a weight file
// as its argument. The script's output goes to standard output.
//
//     node tools/try_in_pyodide.mjs PYODIDE_FOLDER WHEEL WEIGHTS SCRIPT

import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

async function main(folder, wheel, weights, script) {
  const { loadPyodide } = await import(pathToFileURL(resolve(folder, "pyodide.mjs")).href);
  const python = await loadPyodide({ indexURL: resolve(folder) });
  await python.loadPackage(["numpy", "micropip"], { messageCallback: () => {} });
  for (const path of [wheel, weights]) {
    python.FS.writeFile(`/tmp/${basename(path)}`, readFileSync(path));
  }
  await python.pyimport("micropip").install(`emfs:/tmp/${basename(wheel)}`);
  python.globals.set("weights", `/tmp/${basename(weights)}`);
  python.runPython(`import sys; sys.argv = ["", weights]`);
  python.runPython(readFileSync(script, "utf8"));
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  // By itself, Node.js would also print the source line of Pyodide, which is the whole file.
  console.error(String(error));
  process.exitCode = 1;
}
