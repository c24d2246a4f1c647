/**
 * The page: takes a song, has it separated, shows the stems and whatever goes wrong.
 *
 * @module
 */

import { allKept, downloadBytes, readManifest } from "../engine/assets.js";
import { UserError } from "../engine/errors.js";
import { PROCESSOR } from "../engine/pool.js";
import { openStore } from "../engine/store.js";
import { announce, byId } from "./elements.js";
import { Engine } from "./engine.js";
import { duration, megabytes } from "./format.js";
import { KeptSongs } from "./kept.js";
import { ModelChooser } from "./models.js";
import { registerServiceWorker } from "./offline.js";
import { expectation, expectedTime, remember } from "./paces.js";
import { JobCard } from "./progress.js";
import { Result } from "./result.js";
import { Settings } from "./settings.js";
import { wireShell } from "./shell.js";
import { sentenceOf, startSpeaking, word } from "./words.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/separator.js").Separation} Separation */
/** @typedef {import("../engine/separator.js").Separator} Separator */

startSpeaking();

const base = new URL("./", document.baseURI).href;

const drop = byId("drop", HTMLLabelElement);
const picker = byId("file", HTMLInputElement);
const updateButton = byId("update-button", HTMLButtonElement);
const retryButton = byId("retry", HTMLButtonElement);

const jobCard = new JobCard();
const result = new Result(showProblem);
const kept = new KeptSongs(
  (song) => void resume(song),
  (song) => void discard(song.id),
);
const chooser = new ModelChooser(changeModel);
const settings = new Settings(() => {
  engine.resize();
  showModels();
}, restart);

const opening = openStore();
/** @type {Assets | null} what is on the site, once it is known */
let assets = null;
/** @type {{controller: AbortController, isKept: boolean} | null} the song at work */
let atWork = null;
/** @type {Separation | null} the song on the page, at work or not */
let shown = null;

const serviceWorkerReady = registerServiceWorker(base, (activate) => {
  byId("update", HTMLParagraphElement).hidden = false;
  updateButton.addEventListener("click", activate, { once: true });
  announce("A new version of this page is ready.");
});

const engine = new Engine({
  base,
  readAssets,
  model: () => chooser.name,
  workers: () => settings.workers,
  backend: () => settings.backend,
  graphics: () => settings.graphics,
  store: opening,
  serviceWorkerReady,
  onReady: showModels,
  onError: (error) =>
    showProblem(error, () => {
      hideProblem();
      engine.start().catch(() => {});
    }),
});

/** @param {unknown} error @param {(() => void) | null} [retry] */
function showProblem(error, retry = null) {
  if (!(error instanceof UserError)) console.error(error);
  else if (error.cause !== undefined) console.warn(error.cause);
  byId("problem-text", HTMLParagraphElement).textContent =
    word(sentenceOf(error));
  byId("problem", HTMLElement).hidden = false;
  retryButton.hidden = retry === null;
  retryButton.onclick = retry;
}

function hideProblem() {
  byId("problem", HTMLElement).hidden = true;
}

/** @returns {Promise<Assets>} */
async function readAssets() {
  if (assets) return assets;
  assets = await readManifest(base);
  chooser.show(assets);
  offerSettings();
  showModels();
  void showKept();
  return assets;
}

/** What the chosen model has to choose from. */
function offerSettings() {
  const model = assets?.models[chooser.name];
  if (model) settings.offerFor(model);
}

function changeModel() {
  offerSettings();
  restart();
}

/** Another model, or somebody else who computes. */
function restart() {
  hideProblem();
  engine.restart();
  showModels();
}

/** @param {string} sentence empty: there is nothing to say */
function showNotice(sentence) {
  const notice = byId("notice", HTMLParagraphElement);
  notice.textContent = sentence;
  notice.hidden = sentence === "";
}

/**
 * What can be told of models now: whether they are kept, how long they take, the licence of the
 * chosen.
 */
function showModels() {
  if (!assets) return;
  const song = shown && shown.length / shown.rate;
  for (const name of Object.keys(assets.models)) {
    chooser.tellTime(name, timeOf(name, song));
    const bytes = downloadBytes(assets, name);
    allKept(base, assets, name).then((isKept) => chooser.tellSize(name, bytes, isKept));
  }
  const model = assets.models[chooser.name];
  byId("model-used", HTMLSpanElement).textContent = model?.title ?? "";
  showComputer(song);
  const licence = byId("licence", HTMLAnchorElement);
  licence.textContent = model?.licence ?? "";
  licence.href = model?.licence_url ?? "";
}

/**
 * @param {string} name of a model @param {number | null} song seconds
 * @returns {string} how long it takes here, as far as it is known
 */
function timeOf(name, song) {
  const model = assets?.models[name];
  if (!assets || !model) return "";
  return expectation(assets.models, name, settings.optionsFor(model), computer(), song);
}

/** @returns {import("./paces.js").Computer} who would compute a song now */
function computer() {
  const { graphics } = engine;
  if (!graphics || graphics instanceof Error) return byProcessor();
  return { build: graphics.build, workers: 1 };
}

/** @returns {import("./paces.js").Computer} */
function byProcessor() {
  return { build: PROCESSOR, workers: settings.workers };
}

/** @param {number | null} song seconds */
function showComputer(song) {
  const { graphics } = engine;
  if (!graphics) settings.tellComputer("");
  else if (graphics instanceof Error) settings.tellComputer(word(sentenceOf(graphics)));
  else {
    const room = `${graphics.name}, ${megabytes(graphics.bytes)} of its memory.`;
    settings.tellComputer(`${room} ${timeOf(chooser.name, song)}`.trim());
  }
}

/** @param {boolean} busy */
function setBusy(busy) {
  drop.hidden = busy;
  // The update reloads the page.
  updateButton.disabled = busy;
  chooser.busy = settings.busy = busy;
  showModels();
  if (busy) kept.hide();
  else void showKept();
}

async function showKept() {
  const store = await opening;
  const songs = await store.list().catch(() => []);
  if (!atWork && assets) kept.show(songs, shown?.id ?? null, assets, store.keeps);
}

/** @param {File} file */
function separate(file) {
  return work(file.name, chooser.name, async (separator, signal) => {
    const { models } = await readAssets();
    const model = /** @type {import("../engine/protocol.js").AssetModel} */ (models[chooser.name]);
    const song = await separator.read(file, settings.optionsFor(model), signal);
    // Not before: a file that cannot be read must not cost the last song's stems.
    await putAway();
    return separator.begin(song);
  });
}

/** @param {import("../engine/protocol.js").KeptSong} song */
function resume(song) {
  return work(song.about.name, song.about.model, async (separator) => {
    await putAway();
    return separator.resume(song);
  });
}

/**
 * @param {string} name of the song
 * @param {string} model that is to separate it
 * @param {(separator: Separator, signal: AbortSignal) => Promise<Separation>} begin
 */
async function work(name, model, begin) {
  if (atWork) return showProblem(new UserError("busy"));
  const controller = new AbortController();
  const { signal } = controller;
  atWork = { controller, isKept: false };
  setBusy(true);
  hideProblem();
  showNotice("");
  jobCard.open(name);
  try {
    jobCard.stage("Waiting for the engine");
    if (model !== chooser.name) chooser.choose(model);
    const separator = await unlessAborted(engine.start(), signal);
    jobCard.stage("Reading the song");
    const beginning = begin(separator, signal);
    beginning.then((late) => (signal.aborted ? leave(late) : undefined)).catch(() => {});
    await run(await unlessAborted(beginning, signal), signal);
  } catch (error) {
    if (signal.aborted) announce("Cancelled");
    else if (engine.isStarted) showProblem(error);
  } finally {
    atWork = null;
    setBusy(false);
    jobCard.close();
    engine.refresh();
  }
}

/** @param {Separation} separation @param {AbortSignal} signal */
async function run(separation, signal) {
  shown = separation;
  atWork = atWork && { ...atWork, isKept: (await opening).keeps };
  const title = assets?.models[separation.model]?.title ?? "";
  result.show(separation.name, title, separation);
  showModels();
  jobCard.begin(separation);
  try {
    const report = (/** @type {import("../engine/separator.js").Progress} */ progress) => {
      jobCard.separating(progress, expectedSeconds(separation));
    };
    const missing = await separation.run(report, signal, (said) => showNotice(word(sentenceOf(said))));
    if (missing.length > 0) throw new UserError("incomplete", { stretches: missing });
  } catch (error) {
    if (signal.aborted) await leave(separation);
    throw error;
  } finally {
    remember(separation);
  }
}

/**
 * @param {Separation} separation
 * @returns {number | null} what all of it should take here, if that is known
 */
function expectedSeconds({ model, options, length, rate, isOnCard }) {
  const models = assets?.models ?? {};
  const by = isOnCard ? computer() : byProcessor();
  return expectedTime(models, model, options, by, length / rate)?.seconds ?? null;
}

/**
 * @param {Separation} separation was cancelled: what is finished stays, unless it would take memory
 */
async function leave(separation) {
  const { keeps } = await opening;
  if (separation === shown) await putAway();
  else await separation.close();
  if (!keeps || !separation.isBegun) await separation.remove();
}

/** Take the song off the page. */
async function putAway() {
  await result.clear();
  await shown?.close();
  shown = null;
  showModels();
}

/** @param {string} id */
async function discard(id) {
  if (shown?.id === id) await putAway();
  await (await opening).remove(id).catch(showProblem);
  await showKept();
}

/**
 * @template Value
 * @param {Promise<Value>} promise @param {AbortSignal} signal
 * @returns {Promise<Value>}
 */
function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/** @param {FileList | undefined | null} files */
function take(files) {
  const [file, ...more] = files ?? [];
  if (!file) showProblem(new UserError("noFile"));
  else if (more.length > 0) showProblem(new UserError("severalFiles"));
  else void separate(file);
}

picker.addEventListener("change", () => {
  if (picker.files?.length) take(picker.files);
  // So that choosing the same file again is a change, too.
  picker.value = "";
});

addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.toggle("over", atWork === null);
});

addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});

addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer?.files);
});

byId("cancel", HTMLButtonElement).addEventListener("click", () => {
  atWork?.controller.abort();
});

addEventListener("beforeunload", (event) => {
  if (atWork && !atWork.isKept) event.preventDefault();
});

opening.then(({ longestMinutes }) => {
  byId("longest", HTMLSpanElement).textContent = duration(longestMinutes);
});

const limits = byId("insecure", HTMLParagraphElement);
limits.hidden = isSecureContext && "caches" in window;
limits.textContent = word(({ errors }) => (isSecureContext ? errors.noStorage : errors.insecure));

wireShell();
engine.start().catch(() => {});
