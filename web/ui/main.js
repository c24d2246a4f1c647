/**
 * The page: takes a song, has it separated, shows the stems and whatever goes wrong.
 *
 * @module
 */

import { allKept, keepAll, readManifest } from "../engine/assets.js";
import { decode } from "../engine/decode.js";
import { LONGEST_MINUTES, SENTENCES, UserError } from "../engine/errors.js";
import { Separator } from "../engine/separator.js";
import { checkBrowser } from "../engine/support.js";
import { announce, byId } from "./elements.js";
import { isControlled, registerServiceWorker } from "./offline.js";
import { EngineCard, JobCard } from "./progress.js";
import { Result } from "./result.js";

/** @typedef {import("../engine/protocol.js").EngineInfo} EngineInfo */

const MODEL = "htdemucs";
const base = new URL("./", document.baseURI).href;

const drop = byId("drop", HTMLLabelElement);
const picker = byId("file", HTMLInputElement);
const updateButton = byId("update-button", HTMLButtonElement);
const retryButton = byId("retry", HTMLButtonElement);

const engineCard = new EngineCard();
const jobCard = new JobCard();
const result = new Result(showProblem);

/** @type {Separator | null} */
let separator = null;
/** @type {Promise<{separator: Separator, info: EngineInfo}> | null} */
let engine = null;
/** @type {AbortController | null} the song at work */
let atWork = null;

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
 * @returns {Promise<{separator: Separator, info: EngineInfo}>}
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
  const kept = await keepAll(base, assets, (done, total) => {
    if (done < total) engineCard.show("download", done, total);
  });
  // Only then are the worker's own requests answered from what was kept.
  if (kept) await serviceWorkerReady();
  const backend = new URLSearchParams(location.search).get("backend");
  separator ??= new Separator({ base, assets, model: MODEL, backend });
  const info = await separator.start(({ stage, done, total }) => {
    engineCard.show(stage, done, total);
  });
  engineCard.hide();
  announce("The engine is ready.");
  showOffline(kept && isControlled() && (await allKept(base, assets)));
  showVersions(info);
  return { separator, info };
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
  // The update reloads the page, which would lose the song at work.
  updateButton.disabled = busy;
}

/** @param {File} file */
async function separate(file) {
  if (atWork) return showProblem(new UserError(SENTENCES.busy));
  const controller = new AbortController();
  const { signal } = controller;
  atWork = controller;
  setBusy(true);
  hideProblem();
  jobCard.open(file.name);
  try {
    await separateShown(file, signal);
  } catch (error) {
    if (signal.aborted) announce("Cancelled");
    else if (engine !== null) showProblem(error);
  } finally {
    atWork = null;
    setBusy(false);
    jobCard.close();
    if (separator && !separator.running && engine !== null) restartEngine();
  }
}

/** @param {File} file @param {AbortSignal} signal */
async function separateShown(file, signal) {
  jobCard.stage("Waiting for the engine");
  const { separator, info } = await unlessAborted(startEngine(), signal);
  jobCard.stage("Reading the song");
  const matrix = (/** @type {number} */ channels) => separator.downmixMatrix(channels);
  const song = await unlessAborted(decode(file, matrix, signal), signal);
  // Not before: a file that cannot be read must not cost the last song's stems.
  result.clear();
  const stems = await separator.separate(song, (progress) => jobCard.separating(progress), signal);
  jobCard.stage("Writing the files");
  await result.show(file.name, stems, info.sample_rate);
}

/** A worker that was stopped or died is replaced at once, so that the next song need not wait. */
function restartEngine() {
  engine = null;
  startEngine().catch(() => {});
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
  atWork?.abort();
});

addEventListener("beforeunload", (event) => {
  if (atWork) event.preventDefault();
});

byId("longest", HTMLSpanElement).textContent = String(LONGEST_MINUTES);

const limits = byId("insecure", HTMLParagraphElement);
limits.hidden = isSecureContext && "caches" in window;
limits.textContent = isSecureContext ? SENTENCES.noStorage : SENTENCES.insecure;

startEngine().catch(() => {});
