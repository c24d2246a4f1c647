/**
 * The page: creates its parts and connects them.
 *
 * @module
 */

import { dropWeights, missingBytes, readManifest, weightBytes } from "../engine/assets.js";
import {
  addEnsemble,
  addModel,
  belongsToModel,
  checkpointsAmong,
  removeModel,
  withOwnModels,
} from "../engine/own-models.js";
import { Analyses } from "../engine/analyses.js";
import { originOf, undivided } from "../engine/divided.js";
import { Engine } from "../engine/engine.js";
import { Session } from "../engine/session.js";
import { Saves } from "../engine/save/saves.js";
import { openStore } from "../engine/store.js";
import { checkBrowser } from "../engine/support.js";
import { Busy, tellOpen } from "../engine/tabs.js";
import { announce, byId } from "./elements.js";
import { Help } from "./help/help.js";
import { Known } from "./known.js";
import { isControlled, registerServiceWorker } from "./offline.js";
import { remember } from "./paces.js";
import { Problem } from "./problem.js";
import { keep, recall } from "./remembered.js";
import { DragOut } from "./save/dragging.js";
import { Following } from "./save/following.js";
import { SaveDialog } from "./save/save.js";
import { SaveList } from "./save/saves.js";
import { Choices } from "./settings/choices.js";
import { EngineCard } from "./settings/engine.js";
import { Happening } from "./settings/happening.js";
import { offerLanguages } from "./settings/languages.js";
import { Settings } from "./settings/settings.js";
import { wireShell } from "./shell.js";
import { Showing, titlesOf } from "./showing.js";
import { Attention } from "./songs/attention.js";
import { confirmed } from "./songs/confirm.js";
import { Songs } from "./songs/songs.js";
import { Start } from "./start/start.js";
import { Further } from "./studio/further.js";
import { Studio } from "./studio/studio.js";
import { lookBack, tellWorkers } from "./survival.js";
import { Keys } from "./transport/keys.js";
import { Music } from "./transport/music.js";
import { Transport } from "./transport/transport.js";
import { trustOwnScripts } from "./trusted.js";
import { say, sentenceOf, startSpeaking, word } from "./words.js";

/** @typedef {import("../engine/protocol.js").Assets} Assets */
/** @typedef {import("../engine/song.js").Song} Song */
/** @typedef {import("./words.js").Saying} Saying */

trustOwnScripts();
startSpeaking();

const base = new URL("./", document.baseURI).href;

/** Name under which the last loaded model is remembered. */
const LAST_MODEL = "last model";

const updateButton = byId("update-button", HTMLButtonElement);

/** @type {Assets | null} the files of the site, once loaded */
let assets = null;

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
  expect: (separation) => known.expectedSeconds(separation),
  remember,
  release: async (song) => {
    const isShown = showing.current?.song === song;
    await showing.release(song);
    if (isShown) showing.prefer(song); // again, once it is at work
  },
});

const problem = new Problem();
const showProblem = (/** @type {unknown} */ error) => problem.show(error);
const saves = new Saves();
const following = new Following(session, saveEach);
const saveDialog = new SaveDialog(
  byId("save-dialog", HTMLDialogElement),
  saves,
  showProblem,
  (way) => following.start(way),
);
new SaveList(saves);
const dragOut = new DragOut(showNotice);
const studio = new Studio({
  pause: () => (session.isPaused ? session.goOn() : session.pauseAll()),
  cancel: (song) => void songs.cancel(song),
  save,
  further: (song, source) => void separateFurther(song, source),
  offerToDrag: (song, source, button) => dragOut.offer(button, () => partOf(song, source)),
  describe: (song) => (song.model === choices.get("model") ? "" : known.titleOf(song.model)),
});
const transport = new Transport();
const music = new Music((song, change) => session.correct(song, change));
/** @type {Showing} */
const showing = new Showing({ session, saves, studio, transport, music, onError: showProblem });
const further = new Further(session);
const analyses = new Analyses(engine, session);
new Keys(studio, transport);
const settings = new Settings(choices, {
  onDownload: () => void startEngine(),
  onDelete: (name) => void deleteModel(name),
  onCombine: (names) => void combine(names),
});
const engineCard = new EngineCard(engine);
const songs = new Songs({
  session,
  title: (model) => known.titleOf(model),
  open: (song) => void showing.show(song),
  isSaving: (song) => saves.areOf(song),
  save: saveFinished,
  want: (song) => showing.offer(song),
  release: (song) => showing.release(song),
  restore: () => showing.restore(),
  modelBytes: async () => (assets ? weightBytes(base, assets) : 0),
  onError: showProblem,
});
new Attention(session, saves, choices);
new Happening({
  engine,
  shown: () => showing.current,
  isBusy: () => session.current !== null,
  readAssets,
  onError: showProblem,
});
const start = new Start({
  base,
  onFiles: (files) => void take(files),
  onProblem: showProblem,
  onDownload: () => void startEngine(),
});
new Help(store);
/** @type {Known} */
const known = new Known({
  base,
  engine,
  choices,
  settings,
  engineCard,
  start,
  duration: () => showing.current && showing.current.stems.length / showing.current.stems.rate,
});

/** @returns {Promise<Assets>} */
async function readAssets() {
  return assets ?? showAssets(await readManifest(base));
}

/** @param {Assets} site @returns {Promise<Assets>} with the user's own models */
async function showAssets(site) {
  assets = { ...site, models: await allModels(site) };
  choices.assets = assets;
  settings.assets = assets;
  known.assets = assets;
  const { lacking } = choices;
  if (lacking) showNotice((words) => words.start.lacksModel(known.titleOf(lacking)));
  known.tell();
  return assets;
}

/** @param {Assets} site @returns {Promise<Assets["models"]>} its models, and the user's own now */
function allModels(site) {
  const published = Object.entries(site.models).filter(([, { isOwn }]) => !isOwn);
  return withOwnModels(base, Object.fromEntries(published));
}

/** Start the engine for the next song, unless the download needs the user's consent. */
async function prepare() {
  try {
    const all = await readAssets();
    checkBrowser();
    if (await isWelcome(all, choices.get("model"))) await startEngine();
  } catch (error) {
    problem.show(error, () => tryAgain(prepare));
  }
}

/**
 * Whether a model may be started before there is a song: nothing has to be downloaded, or only the
 * update of a model that was in use, on a device that is not set to save data.
 *
 * @param {Assets} all @param {string} model
 */
async function isWelcome(all, model) {
  const savesData = navigator.connection?.saveData ?? false;
  if (recall(LAST_MODEL) === model && !savesData) return true;
  return (await missingBytes(base, all, model)) === 0;
}

/** Start the engine if no song is in progress. */
async function startEngine() {
  // Errors are shown through its "failed" event.
  if (session.current === null) await engine.use(choices.get("model")).catch(() => {});
}

/** @param {() => Promise<void>} start */
function tryAgain(start) {
  problem.hide();
  session.tryAgain();
  void start();
}

/** @param {Saying | null} saying null hides the notice */
function showNotice(saying) {
  const notice = byId("notice", HTMLParagraphElement);
  notice.hidden = saying === null;
  if (saying) say(notice, saying);
}

/** @param {Song} song that is shown @param {string | null} source the stem to save */
function save(song, source) {
  if (!showing.current) return;
  const { stems, player } = showing.current;
  saveDialog.open({
    stems,
    own: undivided(stems),
    player,
    of: song,
    song: facts(song),
    source: source ?? undefined,
    region: regionOf(showing.current),
    isLoop: player.loop !== null,
  });
}

/**
 * @param {Song} song @param {string} source of its stems
 * @returns {import("./save/dragging.js").Part | null} what is dragged out of its lane; null if that
 *   is not finished, or no longer shown
 */
function partOf(song, source) {
  const shown = showing.current;
  if (shown?.song !== song) return null;
  const { stems, player } = shown;
  const region = regionOf(shown) ?? undefined;
  const [start, stop] = region ?? [0, stems.length];
  if (!stems.isFinal(start, stop - start)) return null;
  return { stems, song: facts(song), source, beats: player.beats, region };
}

/**
 * @param {NonNullable<typeof showing.current>} shown
 * @returns {[number, number] | null} the loop, or what is finished of a song that stopped; null: all
 */
function regionOf({ song, stems, player }) {
  return player.loop ? [...player.loop] : thereOf(song, stems);
}

/**
 * @param {Song} song @param {import("../engine/protocol.js").Stems} stems
 * @returns {[number, number] | null} the longest finished part of a song that nothing works on; null
 *   if the whole song is finished, or will be
 */
function thereOf(song, stems) {
  if (song.isAtWork || stems.isFinal(0, stems.length)) return null;
  const [longest] = stems.finalRanges().toSorted(([a, b], [c, d]) => d - c - (b - a));
  return longest ?? null;
}

/** @param {Song} song that is shown and finished @param {string} source the stem to separate */
async function separateFurther(song, source) {
  if (!showing.current) return;
  const origin = originOf(song, showing.current.stems, source);
  try {
    const { models } = await readAssets();
    const made = await further.separate(origin, models, choices.get("model"));
    if (made) showNotice((words) => words.studio.furtherQueued(made.name));
  } catch (error) {
    // If the user has deleted it, there is nothing to tell.
    if (session.library.includes(origin.song)) showProblem(error);
    else console.warn(error);
  }
}

/** @param {Song[]} list of finished songs, which need not be shown */
async function saveFinished(list) {
  const [song, ...others] = list;
  if (!song) return;
  if (others.length === 0 && song === showing.current?.song) return save(song, null);
  const stems = await session.open(song);
  const several = {
    count: list.length,
    seconds: list.reduce((sum, { duration }) => sum + (duration ?? 0), 0),
    save: (/** @type {import("./save/following.js").Way} */ way) => saveEach(list, way),
  };
  saveDialog.open({
    stems,
    player: null,
    of: song,
    song: facts(song),
    several: others.length > 0 ? several : null,
  });
  await stems.close(); // The dialog holds them.
}

/** @param {Song[]} list @param {import("./save/following.js").Way} way */
function saveEach(list, way) {
  for (const song of list) {
    saves.add({ ...way, of: song, song: facts(song), open: () => session.open(song) });
  }
}

/** @param {Song} song */
function facts(song) {
  const { rate, cover } = song.source ?? {};
  return { name: song.name, ...titlesOf(song), rate, cover };
}

showing.addEventListener("change", () => {
  dragOut.stop();
  songs.shown = showing.current?.song ?? null;
  start.shown = showing.current === null;
  analyses.shown = showing.current && {
    song: showing.current.song,
    stems: undivided(showing.current.stems),
  };
  known.tell();
});

showing.addEventListener("state", () => {
  tellBusy();
  void showing.renew();
});

/** @param {File[]} files songs and models */
async function take(files) {
  problem.hide();
  showNotice(null);
  try {
    const site = await readAssets();
    const songs = files.filter((file) => !belongsToModel(file));
    const models = files.filter(belongsToModel);
    for (const checkpoint of checkpointsAmong(models, songs.length > 0)) {
      await addOwn(site, checkpoint);
    }
    if (songs.length === 0) return;
    const [first] = await session.add(songs, choices.choice);
    showing.prefer(first ?? null);
  } catch (error) {
    showProblem(error);
  }
}

/**
 * Add a model of the user's own, and select it. A problem with it holds nothing else up.
 *
 * @param {Assets} site @param {import("../engine/own-models.js").OwnFiles} checkpoint
 */
async function addOwn(site, checkpoint) {
  showNotice((words) => words.settings.ownReading(checkpoint.file.name));
  try {
    const name = await addModel(base, site, checkpoint);
    await showAssets(site);
    choices.set("model", name);
    showNotice((words) => words.settings.ownAdded(known.titleOf(name)));
  } catch (error) {
    showNotice(null);
    showProblem(error);
  }
}

/** @param {string[]} members names of models whose stems shall be averaged */
async function combine(members) {
  try {
    const name = await addEnsemble(base, members);
    await showAssets(await readAssets());
    choices.set("model", name);
  } catch (error) {
    showProblem(error);
  }
}

/** @param {string} name of a model on this device */
async function deleteModel(name) {
  const title = known.titleOf(name);
  try {
    if (await isNeeded(name)) return showNotice((words) => words.settings.needed(title));
    const site = await readAssets();
    if (site.models[name]?.isOwn) {
      const isSure = await confirmed(
        ({ settings }) => settings.ownAsk(title),
        ({ settings }) => settings.delete,
      );
      if (!isSure) return;
      await removeModel(base, name);
      await showAssets(site);
      // The selected model may have been that one.
      choices.set("model", choices.get("model"));
    } else {
      await dropWeights(base, site, name);
      known.tell();
    }
    void songs.showRoom();
    showNotice((words) => words.settings.deleted(title));
  } catch (error) {
    showProblem(error);
  }
}

/** @param {string} name of a model @returns {Promise<boolean>} whether songs wait for it, in any tab */
async function isNeeded(name) {
  const kept = (await (await store)?.list()) ?? [];
  const waiting = kept.filter(({ isFinished }) => !isFinished).map(({ notes }) => notes.choice.model);
  const needed = [...waiting, ...session.songs.map(({ model }) => model)];
  return needed.some((one) => one === name || assets?.models[one]?.members?.includes(name));
}

session.addEventListener("song", (event) => {
  const { detail: song } = /** @type {CustomEvent<Song>} */ (event);
  showing.showNext();
  if (song === showing.current?.song) {
    studio.update();
    music.update();
  }
  if (song === session.current) tellBusy();
  problem.follow(song);
});

session.addEventListener("finished", (event) => {
  const { detail: song } = /** @type {CustomEvent<Song>} */ (event);
  if (song.part) showNotice(null); // that it is in the queue
});

session.addEventListener("same", (event) => {
  const { song, other } = /** @type {CustomEvent<{song: Song, other: Song}>} */ (event).detail;
  showNotice((words) => words.songs.same(other.name));
  showing.replace(song, other);
});

session.addEventListener("notice", (event) => {
  showNotice(sentenceOf(/** @type {CustomEvent} */ (event).detail));
});

session.addEventListener("change", () => {
  void showing.renew();
  problem.forgetAllBut(session.songs);
  tellBusy();
  known.tell();
});

saves.addEventListener("change", tellBusy);

/** Updates reload the page, so report when it is busy. */
function tellBusy() {
  const isPlaying = showing.current?.player.state === "playing";
  const isBusy = session.current !== null || session.wouldLose || saves.areAtWork || isPlaying;
  busy.isBusy = isBusy;
  const isComputing = session.current?.state === "working";
  tellWorkers(isComputing ? choices.workers(session.current?.model ?? "") : 0);
  updateButton.disabled = isBusy;
}

session.addEventListener("idle", () => void prepare());

engine.addEventListener("failed", (event) => {
  problem.show(/** @type {CustomEvent} */ (event).detail, () => tryAgain(startEngine));
});

engine.addEventListener("change", () => {
  if (engine.info && engine.model) keep(LAST_MODEL, engine.model);
  known.tell();
  void tellOffline();
});

async function tellOffline() {
  const { info, model } = engine;
  const isReady =
    assets && model && info && isControlled() && !(await missingBytes(base, assets, model));
  engineCard.tellOffline(isReady ? model : null);
}

choices.addEventListener("change", (event) => {
  const { detail: name } = /** @type {CustomEvent<string>} */ (event);
  if (name === "workers") engine.resize();
  if (name === "model" || name === "computer") {
    problem.hide();
    void prepare();
  }
  known.tell();
  studio.update();
});

document.addEventListener("visibilitychange", () => {
  // A hidden page may be asleep and miss changes in other tabs.
  if (document.hidden) return;
  void loadSongs();
  void noticeModels().catch(showProblem);
});

/** Read the models again if another tab has added or deleted one. */
async function noticeModels() {
  if (!assets) return;
  const now = await allModels(assets);
  if (Object.keys(assets.models).join() !== Object.keys(now).join()) await showAssets(assets);
}

async function loadSongs() {
  try {
    await session.load();
  } catch (error) {
    problem.show(error, () => {
      problem.hide();
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
// Look back before starting workers: it sets their largest number.
void lookBack(base).then((workers) => {
  if (workers !== null) showNotice(({ page }) => page.endedBefore(workers));
  return prepare();
});
