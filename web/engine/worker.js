/**
 * The engine's worker: Pyodide, the package, the weights. Messages: see `protocol.js`.
 *
 * On Python's side, it uses `py_demixer.pyodide.browser`.
 */

import { partsOf, readAsset } from "./assets.js";
import { GraphicsError, UserError } from "./errors.js";
import { Card } from "./gpu/card.js";
import { Network, Workspace } from "./gpu/network.js";
import { Networks } from "./gpu/networks.js";
import { bytes, floats, listOf, loadPackages, startPython, whatWentWrong } from "./python.js";
import { serve } from "./rpc.js";

/** @typedef {import("./protocol.js").BootOptions} BootOptions */
/** @typedef {import("./protocol.js").Call} Call */
/** @typedef {import("./protocol.js").Notice} Notice */
/** @typedef {import("./python.js").Pyodide} Pyodide */
/** @typedef {import("./python.js").PythonObject} PythonObject */

/** How many parts of the weights, of 4 MiB, are read before Python takes them. */
const PARTS_AHEAD = 6;

/** An operation on the card is timed in as many runs as take so long, but no more than that. */
const TIMED_SECONDS = 0.2;
const MOST_TIMED = 100;

/** @type {Pyodide | null} */
let python = null;
/** @type {PythonObject} the module py_demixer.pyodide.browser */
let demixer = null;
/** @type {PythonObject} measures the song that is being read */
let measure = null;
/** @type {PythonObject} finds the beats and the key of the song that is being analysed */
let analysis = null;
/** @type {Card | null} the graphics card, if it is in use */
let card = null;
/** @type {Networks | null} the model's networks on the card */
let networks = null;

/**
 * @typedef {(stage: Notice["stage"], done?: number, total?: number) => void} Report
 */

/**
 * @param {BootOptions} options @param {Report} report
 * @returns {Promise<import("./protocol.js").EngineInfo>}
 */
async function boot(options, report) {
  report("python");
  if (options.opensCard) Card.prepare();
  /** @type {ReturnType<typeof readAhead> | undefined} */
  let reading;
  const pyodide = await startPython(options, () => {
    reading = readAhead(options);
  });
  python = pyodide;
  report("packages");
  demixer = pyodide.pyimport("py_demixer.pyodide.browser");
  if (demixer.needs_scipy(options.backend ?? undefined)) {
    await loadPackages(pyodide, options, options.assets.fallbackPackages);
  }
  await loadWeights(options, reading ?? readAhead(options), report);
  // Python's None is undefined in Pyodide; null would be a different value.
  return JSON.parse(demixer.load(options.backend ?? undefined));
}

/**
 * Read the parts of the weights, a few at once: the first ones while Python starts.
 *
 * @param {BootOptions} options
 * @returns {() => Promise<ArrayBuffer | undefined>} gives the parts in order
 */
function readAhead({ base, assets, model, weights }) {
  const left = [...(weights ?? partsOf(assets, model))];
  /** @type {Promise<ArrayBuffer>[]} */
  const reading = [];
  const readOne = () => {
    const source = left.shift();
    if (!source) return;
    const part = partOf(base, source);
    // It is reported when its turn comes.
    part.catch(() => {});
    reading.push(part);
  };
  for (let count = 0; count < PARTS_AHEAD; count++) readOne();
  return async () => {
    const part = reading.shift();
    readOne();
    return part;
  };
}

/**
 * @param {string} base @param {Blob | import("./protocol.js").AssetFile} source
 * @returns {Promise<ArrayBuffer>}
 */
async function partOf(base, source) {
  return (source instanceof Blob ? source : await readAsset(base, source)).arrayBuffer();
}

/**
 * Load the weights part by part straight into Python's memory, without a second copy of the whole.
 *
 * @param {BootOptions} options @param {() => Promise<ArrayBuffer | undefined>} nextPart
 * @param {Report} report
 */
async function loadWeights({ assets, model }, nextPart, report) {
  const { bytes, files = [bytes] } = /** @type {import("./protocol.js").AssetModel} */ (
    assets.models[model]
  );
  let done = 0;
  report("weights", done, bytes);
  for (const size of files) {
    const memory = demixer.allocate(size);
    let offset = 0;
    while (offset < size) {
      const part = await nextPart();
      if (!part) throw new Error("There are fewer parts of the weights than the site says.");
      // Get a new view each time: a view becomes invalid when Python's memory grows.
      const view = memory.getBuffer("u8");
      view.data.set(new Uint8Array(part), offset);
      view.release();
      offset += part.byteLength;
      done += part.byteLength;
      report("weights", done, bytes);
    }
    memory.destroy();
  }
}

/** Start measuring a song. */
function open() {
  measure?.destroy();
  measure = demixer.Measure();
  return null;
}

/** @returns {import("./protocol.js").Measured} */
function measured() {
  const song = JSON.parse(measure.finish());
  measure.destroy();
  measure = null;
  return song;
}

/** @param {string[]} sources names of the stems of the song to analyse */
function startAnalysis(sources) {
  analysis?.destroy();
  analysis = demixer.Analysis(JSON.stringify(sources));
  return null;
}

/** @returns {import("./protocol.js").Analysis} */
function analysed() {
  const found = JSON.parse(analysis.finish());
  analysis.destroy();
  analysis = null;
  return found;
}

/**
 * Put the model's networks on the graphics card if the card passes a test.
 *
 * @param {import("./protocol.js").GraphicsOptions} options @param {Report} report
 * @returns {Promise<import("./protocol.js").GraphicsInfo>}
 * @throws {GraphicsError}
 */
async function openCard({ takesSoftware }, report) {
  report("graphics");
  closeCard();
  card = await Card.open(takesSoftware);
  // The card compiles the model's shaders while Python plans the test and while that runs.
  const [made, tested] = await Promise.allSettled([putOn(card), testCard(card)]);
  if (tested.status === "rejected") throw tested.reason;
  if (made.status === "rejected") throw made.reason;
  networks = made.value;
  return { name: card.name, build: card.build, bytes: card.bytes };
}

/** @param {Card} card @returns {Promise<Networks>} those of the model for whole segments */
async function putOn(card) {
  const whole = listOf(demixer.networks());
  const made = await Networks.make(card, whole.map(contentOf), shorterNetwork);
  for (const network of whole) network.destroy();
  return made;
}

/** Free what the card holds. */
function closeCard() {
  card?.close();
  card = null;
  networks = null;
}

/**
 * @param {number} number of the network @param {number} bytes of its input
 * @returns {import("./gpu/network.js").Content} of that network for shorter segments; it shares the
 *   weights of the one for whole segments
 */
function shorterNetwork(number, bytes) {
  const network = demixer.network(number, bytes / Float32Array.BYTES_PER_ELEMENT);
  const content = contentOf(network);
  const sizes = content.sizes();
  const constants = content.constants();
  network.destroy();
  return { ...content, sizes: () => sizes, constants: () => constants };
}

/** @param {Card} card @throws {GraphicsError} if it computes wrong results */
async function testCard(card) {
  for (const test of listOf(demixer.self_tests())) await passTest(card, test);
}

/** @param {Card} card @param {PythonObject} test destroyed */
async function passTest(card, test) {
  const passes = await onCard(card, test.network(), async (network) =>
    test.passes(await network.run(floats(test.segment()))),
  );
  test.destroy();
  if (!passes) throw new GraphicsError("cardIsWrong", { name: card.name });
}

/**
 * @template Value
 * @param {Card} card @param {PythonObject} source of a network; destroyed
 * @param {(network: Network) => Promise<Value>} use while it is on the card
 * @returns {Promise<Value>}
 */
async function onCard(card, source, use) {
  const workspace = new Workspace(card);
  const network = await Network.make(card, contentOf(source), workspace);
  const value = await use(network);
  network.close();
  workspace.close();
  source.destroy();
  return value;
}

/** @returns {import("./protocol.js").Speed[]} of the processor */
function speeds() {
  return JSON.parse(speedModule().on_processor());
}

/** @returns {PythonObject} the module py_demixer.pyodide.speed, which nothing else needs */
function speedModule() {
  return /** @type {Pyodide} */ (python).pyimport("py_demixer.pyodide.speed");
}

/** @returns {Promise<import("./protocol.js").Speed[]>} of the graphics card */
async function cardSpeeds() {
  if (!card) throw new GraphicsError("cardLost");
  const found = [];
  for (const source of speedModule().for_card()) {
    const { name: operation, gflop } = source;
    const input = floats(source.input());
    const seconds = await onCard(card, source, (network) => secondsOf(network, input));
    found.push({ operation, gflop, seconds });
  }
  return found;
}

/**
 * @param {Network} network @param {Float32Array<ArrayBuffer>} input
 * @returns {Promise<number>} seconds of a run: the mean of as many as take a while, at least of one
 */
async function secondsOf(network, input) {
  await network.run(input); // Whatever is compiled at first is not timed.
  const once = await network.time(1);
  const count = Math.min(Math.ceil(TIMED_SECONDS / once), MOST_TIMED);
  return count < 2 ? once : (await network.time(count)) / count;
}

/**
 * @param {PythonObject} network of py_demixer.pyodide.browser
 * @returns {import("./gpu/network.js").Content}
 */
function contentOf(network) {
  return {
    schedule: JSON.parse(network.described()),
    sizes: () => bytes(network.sizes()),
    constants: () => bytes(network.constants()),
    weight: (number) => bytes(network.weight(number)),
  };
}

/**
 * @param {import("./protocol.js").RunOptions} options
 * @returns {Promise<Float32Array[]>}
 */
async function run({ job, index, inputs, network }) {
  const { song, options } = job;
  if (network === null) return listOf(demixer.run(song, options, index, inputs)).map(floats);
  const segment = floats(demixer.prepare(song, options, index, inputs));
  if (!networks) throw new GraphicsError("cardLost");
  const stems = await networks.run(network, segment);
  return listOf(demixer.finish(song, options, index, stems)).map(floats);
}

/**
 * @param {import("./protocol.js").RunOptions} options
 * @returns {import("./protocol.js").Step[]} always computed on the processor
 */
function trace({ job: { song, options }, index, inputs }) {
  return JSON.parse(demixer.trace(song, options, index, inputs));
}

/** @returns {number} */
function heapBytes() {
  return /** @type {any} */ (python)._module.HEAP8.byteLength;
}

/**
 * @param {import("./protocol.js").Call} call @param {Report} report
 * @returns {Promise<unknown>}
 */
async function answer(call, report) {
  switch (call.method) {
    case "boot":
      return boot(call.argument, report);
    case "graphics":
      return openCard(call.argument, report);
    case "downmix":
      return JSON.parse(demixer.downmix_matrix(call.argument));
    case "open":
      return open();
    case "measure":
      measure.update(call.argument);
      return null;
    case "measured":
      return measured();
    case "analysis":
      return startAnalysis(call.argument);
    case "analyse":
      analysis.update(call.argument);
      return null;
    case "analysed":
      return analysed();
    case "plan":
      return JSON.parse(demixer.plan(call.argument.song, call.argument.options));
    case "run":
      return run(call.argument);
    case "trace":
      return trace(call.argument);
    case "speeds":
      return speeds();
    case "cardSpeeds":
      return cardSpeeds();
    case "state":
      return { heap: heapBytes(), speed: demixer.speed() };
  }
}

/**
 * The calls whose ValueErrors are messages for the user, about the song or about the limits of a
 * graphics card.
 */
const SAYS_WHY = new Set(["downmix", "measure", "plan", "graphics"]);

/**
 * @param {unknown} error @param {import("./protocol.js").Call["method"]} method
 * @returns {UserError}
 */
function explained(error, method) {
  if (error instanceof UserError) return error;
  const { code, values } = whatWentWrong(error, SAYS_WHY.has(method), demixer === null);
  // A model that no card can run raises a ValueError.
  const Kind = code === "verbatim" && method === "graphics" ? GraphicsError : UserError;
  return new Kind(code, values, error instanceof Error ? (error.stack ?? error) : error);
}

serve(async (method, argument, notice) => {
  /** @type {Report} */
  const report = (stage, done = 0, total = 0) => notice({ stage, done, total });
  try {
    return await answer(/** @type {Call} */ ({ method, argument }), report);
  } catch (error) {
    const problem = explained(error, method);
    if (problem instanceof GraphicsError) closeCard();
    throw problem;
  }
});
