/**
 * Pyodide from a snapshot of its memory, in which NumPy and the package are imported already: this
 * takes a tenth of the time of starting Python and importing them. `tools/snapshot.mjs` makes it.
 *
 * Pyodide's own snapshots know nothing of shared libraries, to whose data and functions the memory
 * points. So these are loaded before Python starts, when Emscripten places them one after the other,
 * and by the same code where the snapshot is made and where it is restored.
 *
 * @module
 */

/**
 * What is used here of Emscripten's module and of its settings, which become the module.
 * @typedef {object} Emscripten
 * @property {(name: string) => string} locateFile
 * @property {(imports: object, done: Instantiated) => object} instantiateWasm
 * @property {string[]} [dynamicLibraries]
 * @property {number} [INITIAL_MEMORY]    bytes of the snapshot, if there is one
 * @property {Int8Array} HEAP8
 * @property {Record<string, WebAssembly.Global>} GOT   places of functions and data, by name
 * @property {(bytes: number) => number | undefined} growMemory   to this size; falsy if it fails
 */
/** @typedef {(instance: WebAssembly.Instance, module: WebAssembly.Module) => void} Instantiated */
/** @typedef {(settings: any) => Promise<any>} CreateModule  as pyodide.asm.mjs exports it */

/**
 * @param {CreateModule} create
 * @param {Record<string, string>} libraries   URL or path of each shared library, by its path in
 *   Pyodide's file system; their order matters
 * @param {number | null} places    `sumOfPlaces` where the snapshot was made; null: it is being made
 * @returns {CreateModule} for `loadPyodide`
 * @throws {Error} if the sum differs: the snapshot would point to wrong places
 */
export function withLibraries(create, libraries, places) {
  return async (/** @type {Emscripten} */ settings) => {
    const { instantiateWasm, locateFile } = settings;
    settings.instantiateWasm = (imports, done) =>
      instantiateWasm(imports, (instance, module) => {
        unify(instance);
        done(instance, module);
      });
    settings.locateFile = (name) => libraries[name] ?? locateFile(name);
    settings.dynamicLibraries = Object.keys(libraries);
    /** @type {Emscripten} */
    const module = await orRejection(create(settings));
    const sum = sumOfPlaces(module);
    if (places !== null && sum !== places) {
      throw new Error(`Places add up to ${sum}, those in the snapshot to ${places}.`);
    }
    // Pyodide states the memory that a snapshot needs, but Emscripten does not heed it.
    const wanted = settings.INITIAL_MEMORY ?? 0;
    if (wanted > module.HEAP8.length && !module.growMemory(wanted)) {
      throw new RangeError("There is not enough memory for the snapshot.");
    }
    return module;
  };
}

/**
 * Emscripten does not await the libraries: that one cannot be loaded, only the browser learns.
 *
 * @template Value
 * @param {Promise<Value>} making
 * @returns {Promise<Value>} rejected, too, by what nobody handles meanwhile
 */
function orRejection(making) {
  return new Promise((resolve, reject) => {
    const refuse = (/** @type {PromiseRejectionEvent} */ event) => {
      event.preventDefault();
      reject(event.reason);
    };
    // Node.js has no such event: it ends.
    globalThis.addEventListener?.("unhandledrejection", refuse);
    const forget = () => globalThis.removeEventListener?.("unhandledrejection", refuse);
    making.then(resolve, reject).finally(forget);
  });
}

/**
 * @param {Pick<Emscripten, "GOT">} module
 * @returns {number} a sum over everything that modules use of each other; it depends on the order
 */
export function sumOfPlaces({ GOT }) {
  return Object.values(GOT).reduce((sum, { value }, index) => sum + (index + 1) * value, 0);
}

/**
 * Make the table of functions return the objects that the instance exports. Emscripten, which adds
 * exported functions that are not in the table yet, compares objects. Safari returns others, so it
 * would add functions again, and all later ones would have other places than in the snapshot.
 *
 * @param {WebAssembly.Instance} instance
 */
function unify({ exports }) {
  const table = /** @type {WebAssembly.Table} */ (exports.__indirect_function_table);
  const { length } = table; // Functions of other instances come behind these.
  const functions = Object.values(exports).filter((item) => typeof item === "function");
  // The name of a function is its number in the instance.
  const exported = new Map(functions.map((item) => [item.name, item]));
  table.get = (place) => {
    const item = WebAssembly.Table.prototype.get.call(table, place);
    return (place < length && item && exported.get(item.name)) || item;
  };
}
