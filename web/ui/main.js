/**
 * The page: takes a song, has it separated, shows the stems and whatever goes wrong.
 *
 * @module
 */

import { allKept, fetchWeights, keepAll, readManifest } from "../engine/assets.js";
import { incomplete, SENTENCES, UserError } from "../engine/errors.js";
import { Pool } from "../engine/pool.js";
import { Separator } from "../engine/separator.js";
import { openStore } from "../engine/store.js";
import { checkBrowser } from "../engine/support.js";
import { announce, byId } from "./elements.js";
import { duration } from "./format.js";
import { KeptSongs } from "./kept.js";
import { isControlled, registerServiceWorker } from "./offline.js";
import { EngineCard, JobCard } from "./progress.js";
import { Result } from "./result.js";
import { Settings } from "./settings.js";

/** @typedef {import("../engine/protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("../engine/separator.js").Separation} Separation */

const MODEL = "htdemucs";
const base = new URL("./", document.baseURI).href;

const drop = byId("drop", HTMLLabelElement);
const picker = byId("file", HTMLInputElement);
const updateButton = byId("update-button", HTMLButtonElement);
const retryButton = byId("retry", HTMLButtonElement);

const engineCard = new EngineCard();
const jobCard = new JobCard();
const result = new Result(showProblem);
const kept = new KeptSongs(
  (song) => void resume(song),
  (song) => void discard(song.id),
);
const settings = new Settings(() => {
  if (pool) pool.size = settings.workers;
});

const opening = openStore();
/** @type {Pool | null} */
let pool = null;
/** @type {Promise<Separator> | null} */
let engine = null;
/** @type {{controller: AbortController, isKept: boolean} | null} the song at work */
let atWork = null;
/** @type {Separation | null} the song on the page, at work or not */
let shown = null;

const serviceWorkerReady = registerServiceWorker(base, (activate) => {
  byId("update", HTMLParagraphElement).hidden = false;
  updateButton.addEventListener("click", activate, { once: true });
  announce("A new version of this page is ready.");
});

/** @param {unknown} error @param {(() => void) | null} [retry] */
function showProblem(error, retry = null) {
  if (!(error instanceof UserError)) console.error(error);
  else if (error.cause !== undefined) console.warn(error.cause);
  byId("problem-text", HTMLParagraphElement).textContent =
    error instanceof UserError ? error.message : SENTENCES.fault;
  byId("problem", HTMLElement).hidden = false;
  retryButton.hidden = retry === null;
  retryButton.onclick = retry;
}

function hideProblem() {
  byId("problem", HTMLElement).hidden = true;
}

/**
 * Start the engine unless it has been started. What goes wrong is shown here.
 *
 * @returns {Promise<Separator>}
 */
function startEngine() {
  engine ??= loadEngine().catch((error) => {
    engine = null;
    engineCard.hide();
    showProblem(error, () => {
      hideProblem();
      startEngine().catch(() => {});
    });
    throw error;
  });
  return engine;
}

async function loadEngine() {
  checkBrowser();
  const assets = await readManifest(base);
  const areKept = await keepAll(base, assets, (done, total) => {
    if (done < total) engineCard.show("download", done, total);
  });
  // Only then are the worker's own requests answered from what was kept.
  if (areKept) await serviceWorkerReady();
  pool ??= new Pool(await bootOptions(assets, areKept), settings.workers);
  const info = await pool.start(({ stage, done, total }) => engineCard.show(stage, done, total));
  engineCard.hide();
  announce("The engine is ready.");
  showOffline(areKept && isControlled() && (await allKept(base, assets)));
  showVersions(info);
  return new Separator(pool, await opening, assets, MODEL);
}

/**
 * @param {import("../engine/protocol.js").Assets} assets @param {boolean} areKept
 * @returns {Promise<import("../engine/protocol.js").BootOptions>}
 */
async function bootOptions(assets, areKept) {
  const backend = new URLSearchParams(location.search).get("backend");
  const report = (/** @type {number} */ done, /** @type {number} */ total) =>
    engineCard.show("download", done, total);
  const weights = areKept ? null : await fetchWeights(base, assets, MODEL, report);
  return { base, assets, model: MODEL, backend, weights };
}

/** @param {boolean} ready */
function showOffline(ready) {
  const line = byId("offline", HTMLParagraphElement);
  line.textContent = ready ? "Ready to work offline" : "";
  line.classList.toggle("ready", ready);
}

/** @param {EngineInfo} info */
function showVersions({ versions, backend }) {
  byId("versions", HTMLParagraphElement).textContent =
    `py-demixer ${versions.py_demixer}, Python ${versions.python}, NumPy ${versions.numpy}, ` +
    `matrix products by ${backend}`;
}

/** @param {boolean} busy */
function setBusy(busy) {
  drop.hidden = busy;
  // The update reloads the page.
  updateButton.disabled = busy;
  if (busy) kept.hide();
  else void showKept();
}

async function showKept() {
  const songs = await (await opening).list().catch(() => []);
  if (!atWork) kept.show(songs, shown?.id ?? null);
}

/** @param {File} file */
function separate(file) {
  return work(file.name, async (separator, signal) => {
    const song = await separator.read(file, settings.options, signal);
    // Not before: a file that cannot be read must not cost the last song's stems.
    await putAway();
    return separator.begin(song);
  });
}

/** @param {import("../engine/protocol.js").KeptSong} song */
function resume(song) {
  return work(song.about.name, async (separator) => {
    await putAway();
    return separator.resume(song);
  });
}

/**
 * @param {string} name of the song
 * @param {(separator: Separator, signal: AbortSignal) => Promise<Separation>} begin
 */
async function work(name, begin) {
  if (atWork) return showProblem(new UserError(SENTENCES.busy));
  const controller = new AbortController();
  const { signal } = controller;
  atWork = { controller, isKept: false };
  setBusy(true);
  hideProblem();
  jobCard.open(name);
  try {
    jobCard.stage("Waiting for the engine");
    const separator = await unlessAborted(startEngine(), signal);
    jobCard.stage("Reading the song");
    const beginning = begin(separator, signal);
    beginning.then((late) => (signal.aborted ? leave(late) : undefined)).catch(() => {});
    await run(await unlessAborted(beginning, signal), signal);
  } catch (error) {
    if (signal.aborted) announce("Cancelled");
    else if (engine !== null) showProblem(error);
  } finally {
    atWork = null;
    setBusy(false);
    jobCard.close();
    // A worker that was stopped is replaced at once, so that the next song need not wait.
    if (engine !== null) pool?.start().catch(() => {});
  }
}

/** @param {Separation} separation @param {AbortSignal} signal */
async function run(separation, signal) {
  shown = separation;
  atWork = atWork && { ...atWork, isKept: (await opening).keeps };
  result.show(separation.name, separation);
  jobCard.begin(separation);
  try {
    const missing = await separation.run((progress) => jobCard.separating(progress), signal);
    if (missing.length > 0) throw incomplete(missing);
  } catch (error) {
    if (signal.aborted) await leave(separation);
    throw error;
  }
}

/** @param {Separation} separation was cancelled: what is finished stays, unless it would take memory */
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
  if (!file) showProblem(new UserError(SENTENCES.noFile));
  else if (more.length > 0) showProblem(new UserError(SENTENCES.severalFiles));
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
void showKept();

const limits = byId("insecure", HTMLParagraphElement);
limits.hidden = isSecureContext && "caches" in window;
limits.textContent = isSecureContext ? SENTENCES.noStorage : SENTENCES.insecure;

startEngine().catch(() => {});
