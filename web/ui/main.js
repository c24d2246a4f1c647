/**
 * The page: makes its parts and tells them of each other.
 *
 * @module
 */

import { downloadBytes, missingBytes, readManifest } from "../engine/assets.js";
import { Engine } from "../engine/engine.js";
import { UserError } from "../engine/errors.js";
import { Player } from "../engine/player.js";
import { PROCESSOR } from "../engine/pool.js";
import { optionsFor, QUALITIES } from "../engine/qualities.js";
import { Session } from "../engine/session.js";
import { Saves } from "../engine/save/saves.js";
import { openStore } from "../engine/store.js";
import { Busy, tellOpen } from "../engine/tabs.js";
import { announce, byId } from "./elements.js";
import { megabytes } from "./format.js";
import { Help } from "./help/help.js";
import { isControlled, registerServiceWorker } from "./offline.js";
import { expectedTime, remember, USUAL_SONG } from "./paces.js";
import { SaveDialog } from "./save/save.js";
import { SaveList } from "./save/saves.js";
import { Choices } from "./settings/choices.js";
import { EngineCard } from "./settings/engine.js";
import { Happening } from "./settings/happening.js";
import { offerLanguages } from "./settings/languages.js";
import { Settings } from "./settings/settings.js";
import { wireShell } from "./shell.js";
import { Attention } from "./songs/attention.js";
import { Songs } from "./songs/songs.js";
import { Start } from "./start/start.js";
import { keep, recall } from "./remembered.js";
import { lookBack, tellWorkers } from "./survival.js";
import { Studio } from "./studio/studio.js";
import { Keys } from "./transport/keys.js";
import { MediaKeys } from "./transport/media-session.js";
import { Transport } from "./transport/transport.js";
import { trustOwnScripts } from "./trusted.js";
import { say, sentenceOf, startSpeaking, word } from "./words.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/protocol.js").AssetModel} AssetModel */
/** @typedef {import("../engine/protocol.js").Stems} Stems */
/** @typedef {import("../engine/separator.js").Separation} Separation */
/** @typedef {import("../engine/song.js").Song} Song */
/** @typedef {import("./words.js").Saying} Saying */

trustOwnScripts();
startSpeaking();

const base = new URL("./", document.baseURI).href;

/** Under that name the model is remembered that was up last. */
const LAST_MODEL = "last model";

const updateButton = byId("update-button", HTMLButtonElement);
const retryButton = byId("retry", HTMLButtonElement);

/** @type {Assets | null} what is on the site, once it is known */
let assets = null;
/** @type {{song: Song, stems: Stems, player: Player} | null} the song on the page, at work or not */
let shown = null;
/** @type {MediaKeys | null} of its player */
let mediaKeys = null;
/** @type {Song | null} is shown as soon as there is something to show of it */
let wanted = null;
/** @type {Song | null} of which a problem is told */
let troubled = null;
/** What songs have failed with, once it was told: the person may have closed it since. */
const told = new WeakSet();
/** @type {Promise<void>} what is shown is changed by one at a time */
let showing = Promise.resolve();

tellOpen(base);
const busy = new Busy(base);

const serviceWorkerReady = registerServiceWorker(base, (activate) => {
  byId("update", HTMLParagraphElement).hidden = false;
  updateButton.onclick = async () => {
    if (!(await activate())) showNotice((words) => words.page.updateWaits);
  };
  announce(word(({ page }) => page.update));
});

const store = openStore();
const choices = new Choices();
const engine = new Engine({
  base,
  readAssets,
  workers: (model) => choices.workers(model),
  backend: () => choices.backend,
  graphics: () => choices.graphics,
  store,
  serviceWorkerReady,
});
const session = new Session({
  engine,
  store,
  readAssets,
  expect: expectedSeconds,
  remember,
});

const saves = new Saves();
const saveDialog = new SaveDialog(byId("save-dialog", HTMLDialogElement), saves, showProblem);
new SaveList(saves);
const studio = new Studio({
  pause: () => (session.isPaused ? session.goOn() : session.pauseAll()),
  cancel: (song) => void songs.cancel(song),
  save,
  describe: (song) => titleOf(song.model),
});
const transport = new Transport();
new Keys(studio, transport);
const settings = new Settings(choices);
const engineCard = new EngineCard(engine);
const songs = new Songs({
  session,
  title: titleOf,
  open: (song) => void show(song),
  isSaving: (song) => song.opened !== null && saves.areOf(song.opened),
  want: (song) => {
    if (!shown) wanted = song;
  },
  release,
  onError: showProblem,
});
new Attention(session, saves, choices);
new Happening({ engine, shown: () => shown, onError: showProblem });
const start = new Start({
  base,
  onFiles: (files) => void take(files),
  onProblem: (error) => showProblem(error),
  onDownload: () => void startEngine(),
});
new Help(store);

/** @returns {Promise<Assets>} */
async function readAssets() {
  if (assets) return assets;
  assets = await readManifest(base);
  choices.assets = assets;
  settings.assets = assets;
  const { lacking } = choices;
  if (lacking) showNotice((words) => words.start.lacksModel(titleOf(lacking)));
  tellWhatIsKnown();
  return assets;
}

/** Have the engine up for the next song, if nobody has to be asked before so much is fetched. */
async function prepare() {
  try {
    const all = await readAssets();
    if (await isWelcome(all, choices.get("model"))) await startEngine();
  } catch (error) {
    showProblem(error, () => tryAgain(prepare));
  }
}

/**
 * Whether a model may be started though nobody has given a song: nothing has to be fetched, or what
 * has is the update of one that was in use, by a device that need not save data.
 *
 * @param {Assets} all @param {string} model
 */
async function isWelcome(all, model) {
  const savesData = navigator.connection?.saveData ?? false;
  if (recall(LAST_MODEL) === model && !savesData) return true;
  return (await missingBytes(base, all, model)) === 0;
}

/** If no song is at work. */
async function startEngine() {
  // What it fails with, it tells.
  if (session.current === null) await engine.use(choices.get("model")).catch(() => {});
}

/** @param {() => Promise<void>} start */
function tryAgain(start) {
  hideProblem();
  session.tryAgain();
  void start();
}

/** @param {unknown} error @param {(() => void) | null} [retry] */
function showProblem(error, retry = null) {
  showProblemAs(error, sentenceOf(error), retry);
}

/**
 * @param {unknown} error @param {Saying} saying @param {(() => void) | null} retry
 * @param {Song | null} [song] that has it
 */
function showProblemAs(error, saying, retry, song = null) {
  troubled = song;
  if (!(error instanceof UserError)) console.error(error);
  else if (error.cause !== undefined) console.warn(error.cause);
  say(byId("problem-text", HTMLParagraphElement), saying);
  byId("problem", HTMLElement).hidden = false;
  retryButton.hidden = retry === null;
  retryButton.onclick = retry;
}

byId("problem-close", HTMLButtonElement).addEventListener("click", hideProblem);

function hideProblem() {
  troubled = null;
  byId("problem", HTMLElement).hidden = true;
}

/** @param {Saying | null} saying null: there is nothing to say */
function showNotice(saying) {
  const notice = byId("notice", HTMLParagraphElement);
  notice.hidden = saying === null;
  if (saying) say(notice, saying);
}

/** @param {string} model @returns {string} */
function titleOf(model) {
  return (assets?.models[model] ?? assets?.missing[model])?.title ?? model;
}

/**
 * What can be told of models now: whether they are kept, how long they take, the licence of the
 * chosen.
 */
function tellWhatIsKnown() {
  if (!assets) return;
  for (const name of Object.keys(assets.models)) void tellModel(assets, name);
  for (const quality of /** @type {(keyof typeof QUALITIES)[]} */ (Object.keys(QUALITIES))) {
    settings.tellQuality(quality, timeOf(choices.get("model"), quality));
  }
  settings.tellComputer(aboutComputer());
  engineCard.tellPace(timeOf(choices.get("model"), choices.get("quality"), null)?.seconds ?? null);
  const model = assets.models[choices.get("model")];
  byId("model-used", HTMLSpanElement).textContent = model?.title ?? "";
  const licence = byId("licence", HTMLAnchorElement);
  licence.textContent = model?.licence ?? "";
  licence.href = model?.licence_url ?? "";
  byId("model-about", HTMLParagraphElement).hidden = !model;
}

/** @param {Assets} all @param {string} name of a model */
async function tellModel(all, name) {
  const time = timeOf(name, choices.get("quality"));
  const missing = await missingBytes(base, all, name);
  settings.tellModel(name, {
    bytes: missing || downloadBytes(all, name),
    isKept: missing === 0,
    time,
  });
  if (name === choices.get("model")) {
    start.download = { bytes: missing, isUnderWay: engine.model === name };
  }
}

/**
 * @param {string} name of a model @param {string} quality
 * @param {number | null} [song] seconds; null: of a usual one
 * @returns {import("./settings/settings.js").Expectation | null} how long it takes here
 */
function timeOf(name, quality, song = shown && shown.stems.length / shown.stems.rate) {
  const model = assets?.models[name];
  if (!assets || !model) return null;
  const options = optionsFor(model, quality);
  const known = expectedTime(assets.models, name, options, computer(name), song ?? USUAL_SONG);
  return known && { ...known, song };
}

/** @param {string} model @returns {import("./paces.js").Computer} who would compute a song now */
function computer(model) {
  const { graphics } = engine;
  if (!graphics || graphics instanceof Error) return byProcessor(model);
  return { build: graphics.build, workers: 1 };
}

/** @param {string} model @returns {import("./paces.js").Computer} */
function byProcessor(model) {
  return { build: PROCESSOR, workers: choices.workers(model) };
}

/** @returns {Saying} */
function aboutComputer() {
  const { graphics } = engine;
  if (!graphics) return () => "";
  if (graphics instanceof Error) return sentenceOf(graphics);
  return (words) => words.settings.card(graphics.name, megabytes(graphics.bytes));
}

/**
 * @param {Separation} separation
 * @returns {number | null} what all of it should take here, if that is known
 */
function expectedSeconds({ model, options, length, rate, isOnCard }) {
  const by = isOnCard ? computer(model) : byProcessor(model);
  return expectedTime(assets?.models ?? {}, model, options, by, length / rate)?.seconds ?? null;
}

/** @param {Song} song */
function show(song) {
  wanted = null;
  return inTurn(async () => {
    if (shown?.song === song || !song.canOpen) return;
    await putAway();
    const stems = await session.open(song);
    shown = { song, stems, player: playerOf(song, stems) };
    studio.show(shown);
    transport.show(shown);
    mediaKeys = new MediaKeys(shown.player, {
      ...titlesOf(song),
      rate: stems.rate,
      length: stems.length,
    });
    showChange();
  });
}

/**
 * @param {() => Promise<void>} step changes what is shown; one that fails holds up no other
 * @returns {Promise<void>}
 */
function inTurn(step) {
  showing = showing.then(step).catch((error) => showProblem(error));
  return showing;
}

/** @param {Song} song @param {Stems} stems @returns {Player} as the person has left it */
function playerOf(song, stems) {
  const options = /** @type {const} */ ({ latencyHint: "playback", sampleRate: stems.rate });
  const player = new Player(stems, new AudioContext(options));
  if (song.mixer) player.settings = /** @type {any} */ (song.mixer);
  for (const type of ["mix", "loop"]) {
    player.addEventListener(type, () => session.keepMixer(song, { ...player.settings }));
  }
  player.addEventListener("state", tellBusy);
  player.addEventListener("error", (event) => {
    showProblem(/** @type {CustomEvent} */ (event).detail);
  });
  return player;
}

/** @param {Song} song @returns {{title: string, artist: string, album: string}} for the person */
function titlesOf({ name, source }) {
  const { title, artist, album } = source ?? {};
  return { title: title ?? name, artist: artist ?? "", album: album ?? "" };
}

/** @param {Song} song that is shown @param {string | null} source the stem that it is about */
function save(song, source) {
  if (!shown) return;
  const { stems, player } = shown;
  saveDialog.open({
    stems,
    player,
    song: { name: song.name, ...titlesOf(song), rate: song.source?.rate },
    source: source ?? undefined,
    region: player.loop && [...player.loop],
  });
}

/** @param {Song} song */
function release(song) {
  if (wanted === song) wanted = null;
  return inTurn(async () => {
    if (song.opened) await saves.giveUp(song.opened);
    if (shown?.song === song) await putAway();
  });
}

/** Take the song off the page. */
async function putAway() {
  const last = shown;
  shown = null;
  studio.clear();
  transport.clear();
  mediaKeys?.close();
  mediaKeys = null;
  // Another one can be shown, whatever becomes of this one.
  await last?.player.close().catch((error) => showProblem(error));
  await last?.stems.close().catch((error) => showProblem(error));
  showChange();
}

function showChange() {
  songs.shown = shown?.song ?? null;
  start.shown = shown === null;
  tellWhatIsKnown();
}

/** @param {File[]} files */
async function take(files) {
  hideProblem();
  showNotice(null);
  try {
    await readAssets();
    const [first] = await session.add(files, choices.choice);
    wanted = first ?? null;
    showWanted();
  } catch (error) {
    showProblem(error);
  }
}

function showWanted() {
  // Whoever listens to a song keeps it; the other one is in the list.
  if (shown && shown.player.state !== "paused") wanted = null;
  if (wanted?.canOpen) void show(wanted);
}

session.addEventListener("song", (event) => {
  const { detail: song } = /** @type {CustomEvent<Song>} */ (event);
  showWanted();
  if (song === shown?.song) studio.update();
  if (song === session.current) tellBusy();
  if (song.state !== "failed") {
    if (song === troubled) hideProblem();
  } else if (song.error instanceof Error && !told.has(song.error)) {
    told.add(song.error);
    showFailure(song);
  }
});

/** @param {Song} song */
function showFailure(song) {
  const sentence = sentenceOf(song.error);
  const saying = (/** @type {import("./words.js").Words} */ words) =>
    words.songs.failed(song.name, sentence(words));
  showProblemAs(song.error, saying, null, song);
}

session.addEventListener("same", (event) => {
  const { song, other } = /** @type {CustomEvent<{song: Song, other: Song}>} */ (event).detail;
  showNotice((words) => words.songs.same(other.name));
  if (wanted === song) wanted = other;
  showWanted();
});

session.addEventListener("notice", (event) => {
  showNotice(sentenceOf(/** @type {CustomEvent} */ (event).detail));
});

session.addEventListener("change", () => {
  if (troubled && !session.songs.includes(troubled)) hideProblem();
  tellBusy();
  tellWhatIsKnown();
});

saves.addEventListener("change", tellBusy);

/** An update loads the page anew: not in the middle of something. */
function tellBusy() {
  const isPlaying = shown?.player.state === "playing";
  const isBusy = session.current !== null || session.wouldLose || saves.areAtWork || isPlaying;
  busy.isBusy = isBusy;
  const isComputing = session.current?.state === "working";
  tellWorkers(isComputing ? choices.workers(session.current?.model ?? "") : 0);
  updateButton.disabled = isBusy;
}

session.addEventListener("idle", () => void prepare());

engine.addEventListener("failed", (event) => {
  showProblem(/** @type {CustomEvent} */ (event).detail, () => tryAgain(startEngine));
});

engine.addEventListener("change", () => {
  if (engine.info && engine.model) keep(LAST_MODEL, engine.model);
  tellWhatIsKnown();
  void tellOffline();
});

async function tellOffline() {
  const { info, model } = engine;
  const isReady =
    assets && model && info && isControlled() && !(await missingBytes(base, assets, model));
  engineCard.tellOffline(isReady ? titleOf(model) : "");
}

choices.addEventListener("change", (event) => {
  const { detail: name } = /** @type {CustomEvent<string>} */ (event);
  if (name === "workers") engine.resize();
  if (name === "model" || name === "computer") {
    hideProblem();
    void prepare();
  }
  tellWhatIsKnown();
});

document.addEventListener("visibilitychange", () => {
  // A page that is not seen may be asleep, and hears nothing of other tabs then.
  if (!document.hidden) void loadSongs();
});

async function loadSongs() {
  try {
    await session.load();
  } catch (error) {
    showProblem(error, () => {
      hideProblem();
      void loadSongs();
    });
  }
}

store.then((opened) => {
  start.longest = opened.longestMinutes;
  opened.addEventListener("change", () => void loadSongs());
});

const limits = byId("insecure", HTMLParagraphElement);
limits.hidden = isSecureContext && "caches" in window;
say(limits, ({ errors }) => (isSecureContext ? errors.noStorage : errors.insecure));

wireShell();
offerLanguages();
void loadSongs();
// How many workers there may be is known before the first one is started.
void lookBack(base).then((workers) => {
  if (workers !== null) showNotice(({ page }) => page.endedBefore(workers));
  return prepare();
});
