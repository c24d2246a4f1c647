/**
 * Worker that reads a checkpoint of the user's own and stores it in parts; see own-models.js.
 * Messages: see `protocol.js`. On Python's side, it uses `py_demixer.pyodide.checkpoints`.
 *
 * The file is read by an unpickler of the package's own, which executes nothing.
 */

import { keepBytes, openCache } from "./assets.js";
import { UserError } from "./errors.js";
import { bytes, startPython, whatWentWrong } from "./python.js";
import { serve } from "./rpc.js";

/** @typedef {import("./protocol.js").Conversion} Conversion */

/** Where Python sees the file. */
const FOLDER = "/own";
/** The largest configuration, in bytes; they are a few thousand. */
const LARGEST_SETTINGS = 1 << 20;

/** @type {boolean} */
let isStarting = true;

/**
 * @param {Conversion} argument
 * @returns {Promise<import("./protocol.js").Converted>}
 * @throws {UserError}
 */
async function convert({ base, assets, file, settings, folder }) {
  const cache = await openCache(base);
  if (!cache) throw new UserError("ownNeedsStorage");
  const pyodide = await startPython({ base, assets });
  isStarting = false;
  const { FS } = pyodide;
  FS.mkdir(FOLDER);
  FS.mount(FS.filesystems.WORKERFS, { files: [file] }, FOLDER);
  const checkpoints = pyodide.pyimport("py_demixer.pyodide.checkpoints");
  const said = await readSettings(settings);
  const conversion = checkpoints.Conversion(`${FOLDER}/${file.name}`, said);
  const about = JSON.parse(conversion.described());
  /** @type {import("./protocol.js").AssetFile[]} */
  const parts = [];
  for (const part of conversion.parts()) {
    const url = `${folder}${about.sha256}/${parts.length}.bin`;
    parts.push(await keepBytes(cache, base, url, bytes(part)));
  }
  return { ...about, parts };
}

/**
 * @param {File | null} file a configuration (YAML)
 * @returns {Promise<string>} as JSON
 * @throws {UserError} if it is not one
 */
async function readSettings(file) {
  if (!file) return "{}";
  const { CORE_SCHEMA, defineSequenceTag, load, Schema } = await import("../vendor/yaml.mjs");
  /** @type {import("../vendor/yaml.mjs").SequenceTagOptions<unknown[]>} */
  const list = {
    create: () => [],
    addItem: (items, item) => void items.push(item),
    identify: () => false,
  };
  // Training programs write tuples with a tag of their own.
  const tuple = defineSequenceTag("tag:yaml.org,2002:python/tuple", list);
  try {
    const text = file.size > LARGEST_SETTINGS ? "" : await file.text();
    const content = load(text, { schema: new Schema([...CORE_SCHEMA.tags, tuple]) });
    const hasSections = content && typeof content === "object" && !Array.isArray(content);
    if (hasSections) return JSON.stringify(content);
  } catch (error) {
    console.warn(error);
  }
  throw new UserError("notSettings", { name: file.name });
}

serve(async (_method, argument) => {
  try {
    return await convert(argument);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof DOMException && error.name === "QuotaExceededError") {
      throw new UserError("ownStorageFull", { bytes: argument.file.size }, error);
    }
    const { code, values } = whatWentWrong(error, true, isStarting);
    throw new UserError(code, values, error);
  }
});
