/**
 * The user's work: the queue of songs and the library of finished ones.
 *
 * One song is separated at a time, with its own model, so one model is in memory. The others wait
 * as files, which are read when their turn comes. The files are also copied, since a reloaded page
 * cannot open them by itself. Everything that outlives the page is in the store; a session holds
 * what the store has and what is happening to it. Other tabs change the store too, so a song here
 * may be out of date, and the store is asked before anything is done to it. Only `remove` deletes
 * anything.
 *
 * @module
 */

import { DividedSong } from "./divided.js";
import { hasCode, UserError } from "./errors.js";
import { OpenSong } from "./open-song.js";
import { optionsFor } from "./qualities.js";
import { checkSound } from "./reader.js";
import { Separation } from "./separation.js";
import { fileFaultOf, newNotes, RATE, Song } from "./song.js";

/** @typedef {import("./protocol.js").About} About */
/** @typedef {import("./protocol.js").Assets} Assets */
/** @typedef {import("./protocol.js").Choice} Choice */
/** @typedef {import("./protocol.js").KeptSong} KeptSong */
/** @typedef {import("./protocol.js").Notes} Notes */
/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./separator.js").ReadSong} ReadSong */
/** @typedef {import("./separator.js").Separator} Separator */
/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} Surroundings
 * @property {import("./engine.js").Engine} engine
 * @property {Promise<Store>} store
 * @property {() => Promise<Assets>} readAssets
 * @property {(separation: Separation) => number | null} expect     expected seconds for a whole
 *   song; null: unknown
 * @property {(separation: Separation) => void} remember    records how long it took
 * @property {(song: Song) => Promise<void>} release    closes a song that is open for reading
 */

/**
 * The song being separated. `ended` settles when nothing more is done for it.
 * @typedef {{song: Song, stopping: AbortController, ended: Promise<void>}} Current
 */

/**
 * Events: "change", when the lists or their order change, or everything is paused or resumed;
 * "song", a `CustomEvent` with a song that has changed; "finished", with one that has just been
 * finished here; "same", with `{song, other}`: the song
 * turned out to be the same as another one, which takes its place; "notice", with a message for the
 * user; "idle", when nothing is left to do.
 */
export class Session extends EventTarget {
  /** @type {Song[]} the queue: unfinished songs, in the order of work */
  songs = [];
  /** @type {Song[]} the finished songs, latest first */
  library = [];
  #about;
  /** @type {Current | null} */
  #current = null;
  /** When the last song was added. */
  #added = 0;
  #isPaused = false;
  /** Whether the engine failed to start. */
  #isHalted = false;
  /** @type {Map<Song, Promise<OpenSong>>} finished songs that are being opened */
  #opening = new Map();
  /** @type {Map<Song, Partial<Notes>>} changes still to be written to their notes */
  #toNote = new Map();
  /** @type {Promise<void> | null} */
  #noting = null;
  /** @type {Promise<void> | null} */
  #loading = null;
  /** Whether the store may have changed since it was last read. */
  #isStale = true;
  /** @type {Map<string, string>} for each song, its entry in the store when last read, as JSON */
  #seen = new Map();
  /** @type {Set<string>} songs that were deleted in this tab */
  #removed = new Set();

  #keeps = true;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    super();
    this.#about = surroundings;
  }

  /** Whether songs are kept when the page closes. */
  get keeps() {
    return this.#keeps;
  }

  /** Whether no song starts until `goOn`. */
  get isPaused() {
    return this.#isPaused;
  }

  /** Whether a song is in progress or waiting for its turn. */
  get isBusy() {
    return this.songs.some(({ state, isAtWork }) => isAtWork || state === "waiting");
  }

  /** The song being separated. */
  get current() {
    return this.#current?.song ?? null;
  }

  /**
   * Read the store, which other tabs may have changed.
   *
   * @returns {Promise<void>}
   */
  load() {
    this.#isStale = true;
    this.#loading ??= this.#loadAll();
    return this.#loading;
  }

  /** Read the store again, after a sign that the lists are out of date. */
  #loadAgain() {
    this.load().catch((error) => console.warn(error));
  }

  async #loadAll() {
    try {
      const store = await this.#about.store;
      if (this.#keeps !== store.keeps) {
        this.#keeps = store.keeps;
        this.#changed();
      }
      while (this.#isStale) {
        this.#isStale = false;
        this.#takeUp((await store.list()).filter(({ id }) => !this.#removed.has(id)));
      }
    } finally {
      // Clear it at once: a later call has to read the store again.
      this.#loading = null;
    }
  }

  /** @param {KeptSong[]} kept all songs in the store */
  #takeUp(kept) {
    const here = new Map([...this.songs, ...this.library].map((song) => [song.id, song]));
    const there = new Set(kept.map(({ id }) => id));
    const gone = [...here.values()].filter((song) => !there.has(song.id) && isOfStore(song));
    for (const song of gone) this.#leaveOut(song);
    const fresh = kept.filter((one) => this.#seen.get(one.id) !== JSON.stringify(one));
    for (const one of fresh.sort((a, b) => a.notes.added - b.notes.added)) {
      const song = here.get(one.id);
      if (song) this.#compare(song, one);
      else if (one.isFinished) this.library.push(Song.from(one));
      else if (!one.busy) this.songs.push(Song.from(one));
      this.#seen.set(one.id, JSON.stringify(one));
    }
    if (gone.length + fresh.length === 0) return;
    this.library.sort((one, other) => other.notes.added - one.notes.added);
    this.#changed();
  }

  /** @param {Song} song in a list @param {KeptSong} kept its state in the store */
  #compare(song, kept) {
    if (song.isAtWork) return;
    if (song.state === "finished") {
      // Changes being written may not be in the store yet.
      if (this.#noting) return;
      song.notes = kept.notes;
      this.#tell(song, {});
    } else if (kept.isFinished || song.state === "kept") {
      song.takeUp(kept);
      if (kept.isFinished || kept.busy) this.#leaveOut(song);
      if (kept.isFinished) this.library.push(song);
    }
  }

  /** @param {Song} song to remove from the lists */
  #leaveOut(song) {
    this.songs = this.songs.filter((other) => other !== song);
    this.library = this.library.filter((other) => other !== song);
  }

  /**
   * Check a song before doing something to it that cannot be undone.
   *
   * @param {Song} song updated from the store
   * @throws {UserError} if it is gone, or another tab has it open
   */
  async check(song) {
    await this.load();
    if (this.#known(song.id)) return;
    const kept = await (await this.#about.store).look(song.id);
    throw new UserError(kept ? "otherTab" : "songGone");
  }

  /** @param {string} id @returns {Song | undefined} */
  #known(id) {
    return [...this.songs, ...this.library].find((song) => song.id === id);
  }

  /**
   * @param {Iterable<File>} files @param {Choice} choice how they are to be separated
   * @param {import("./protocol.js").PartOf} [part] the stem of another song that they are
   * @returns {Promise<Song[]>}
   */
  async add(files, choice, part) {
    const added = [...files].map((file) => this.#songOf(file, choice));
    if (part) for (const song of added) song.notes.part = part;
    this.songs.push(...added.filter((song) => !this.songs.includes(song)));
    this.#changed();
    const store = await this.#about.store;
    const create = async (/** @type {Song} */ song) => {
      try {
        await store.create(song.id, song.notes);
      } catch (error) {
        this.#tell(song, { state: "failed", error });
      }
    };
    await Promise.all(added.map(create));
    this.tryAgain();
    if (this.#keeps) void this.#keepFiles(added);
    return added;
  }

  /** @param {Song[]} songs that were added */
  async #keepFiles(songs) {
    const store = await this.#about.store;
    for (const song of songs) {
      try {
        // A song that has started meanwhile has no file, and needs no copy.
        if (song.file) await store.keepFile(song.id, song.file);
        song.isFileKept = song.file !== null;
      } catch (error) {
        console.warn(`Of "${song.name}" there is no copy.`, error);
      }
    }
  }

  /** @param {File} file @param {Choice} choice @returns {Song} waiting song */
  #songOf(file, choice) {
    // Files added together get different times, so that their order is kept.
    this.#added = Math.max(Date.now(), this.#added + 1);
    const song = this.#lost(file) ?? new Song(newId(), newNotes(file, choice, this.#added));
    Object.assign(song.notes, { choice, size: file.size, failure: null });
    song.file = file;
    this.#tell(song, { state: "waiting", error: null });
    return song;
  }

  /** @param {File} file @returns {Song | undefined} a song of that file that was never read */
  #lost({ name, size }) {
    return this.songs.find(({ about, hasFile, notes, state }) => {
      const isLeft = !about && (state === "kept" || state === "failed");
      return isLeft && notes.file === name && (!hasFile || notes.size === size);
    });
  }

  /** @param {Song} song in the queue @param {number} index its new place */
  move(song, index) {
    const others = this.songs.filter((other) => other !== song);
    if (others.length === this.songs.length) return;
    this.songs = [...others.slice(0, index), song, ...others.slice(index)];
    this.#changed();
  }

  /**
   * Delete a song and its stored data.
   *
   * @param {Song} song that is not open
   * @throws {UserError} if another tab has it open
   */
  async remove(song) {
    await this.#stop(song);
    await (await this.#about.store).remove(song.id);
    this.#forget(song);
  }

  /** @param {Song} song */
  #forget(song) {
    song.file = null;
    this.#removed.add(song.id);
    this.#toNote.delete(song);
    this.#leaveOut(song);
    this.#changed();
  }

  /**
   * Stop the work on a song. Finished work is kept; without any, the song is deleted.
   *
   * @param {Song} song
   */
  async cancel(song) {
    await this.#stop(song);
    if (song.share > 0) this.#tell(song, { state: "kept" });
    else await this.remove(song);
  }

  /** @param {Song} song */
  async #stop(song) {
    const current = this.#current;
    if (current?.song !== song) return;
    current.stopping.abort();
    await current.ended;
  }

  /**
   * Queue a song again, to be resumed or retried when its turn comes.
   *
   * @param {Song} song that has failed or was stopped
   */
  retry(song) {
    if (song.isAtWork || song.state === "finished") return;
    if (song.notes.failure) this.#note(song, { failure: null });
    this.#tell(song, { state: "waiting", error: null });
    this.tryAgain();
  }

  /** @param {Song} song of a damaged file whose decodable part is good enough */
  retryWithPart(song) {
    song.acceptsPart = true;
    this.retry(song);
  }

  /** Finish what is being computed, and start nothing else. */
  pauseAll() {
    this.#setPaused(true);
  }

  goOn() {
    this.#setPaused(false);
    this.tryAgain();
  }

  /** Try to start the engine again. */
  tryAgain() {
    this.#isHalted = false;
    this.#pump();
  }

  /** @param {boolean} isPaused */
  #setPaused(isPaused) {
    this.#isPaused = isPaused;
    const song = this.current;
    if (song?.opened instanceof Separation) {
      song.opened.paused = isPaused;
      this.#tell(song, { state: isPaused ? "paused" : "working" });
    }
    this.#changed();
  }

  /**
   * @param {Song} song that `canOpen`
   * @returns {Promise<Stems>} to be closed by the caller
   * @throws {UserError}
   */
  async open(song) {
    // Opened twice at once, it would be closed for both by the first to close it.
    await this.#opening.get(song)?.catch(() => {});
    if (song.opened?.isOpen) {
      song.opened.hold();
      return song.opened;
    }
    const opening = this.#open(song).finally(() => this.#opening.delete(song));
    this.#opening.set(song, opening);
    return opening;
  }

  /**
   * Open a finished song with the parts of its stems.
   *
   * @param {Song} song @param {Song[]} [above] those that it is a part of
   * @returns {Promise<OpenSong | DividedSong>} to be closed by the caller
   * @throws {UserError} if the song cannot be opened; parts that cannot be are left out
   */
  async openWithParts(song, above = []) {
    const whole = /** @type {OpenSong} */ (await this.open(song));
    /** @type {import("./divided.js").Division[]} */
    const divisions = [];
    for (const part of this.#partsOf(song, above)) {
      try {
        const stems = await this.openWithParts(part, [...above, song]);
        divisions.push({ source: part.part?.source ?? "", song: part, stems });
      } catch (error) {
        console.warn(`The parts in "${part.name}" are not shown.`, error);
      }
    }
    return divisions.length > 0 ? new DividedSong(song, whole, divisions) : whole;
  }

  /**
   * @param {Song} song @param {Song[]} above none of which is a part, whatever is stored
   * @returns {Song[]} finished songs that its stems were divided into; the latest of each stem
   */
  #partsOf(song, above) {
    if (song.state !== "finished") return [];
    const sources = new Set(song.about?.stems);
    const latest = this.library.toSorted((one, other) => other.notes.added - one.notes.added);
    return latest.filter((other) => {
      const isAsLong = other.about?.measured.length === song.about?.measured.length;
      if (other.part?.song !== song.id || !isAsLong || [...above, song].includes(other)) return false;
      return sources.delete(other.part.source);
    });
  }

  /** @param {Song} song @param {Song[]} [above] @returns {Song[]} its parts, and theirs */
  allPartsOf(song, above = []) {
    return this.#partsOf(song, above).flatMap((part) => {
      return [part, ...this.allPartsOf(part, [...above, song])];
    });
  }

  /** @param {Song} song @returns {Promise<OpenSong>} */
  async #open(song) {
    const { stems: sources, measured } = /** @type {About} */ (song.about);
    const final = song.state === "finished" ? undefined : song.final;
    const store = await this.#about.store;
    try {
      await store.view(song.id);
    } catch (error) {
      if (hasCode(error, "songGone")) this.#loadAgain();
      throw error;
    }
    const { length } = measured;
    song.opened = new OpenSong(store, { id: song.id, sources, rate: RATE, length, final });
    return song.opened;
  }

  /** @param {Song} song @param {string} name */
  rename(song, name) {
    if (name.trim() === "") return;
    this.#note(song, { name: name.trim() });
    this.#tell(song, {});
  }

  /** @param {Song} song @param {Record<string, unknown>} settings of its mixer */
  keepMixer(song, settings) {
    this.#note(song, { mixer: settings });
  }

  /** @param {Song} song @param {import("./protocol.js").Analysis} analysis */
  keepAnalysis(song, analysis) {
    this.#note(song, { analysis });
    this.#tell(song, {});
  }

  /** @param {Song} song @param {Partial<import("./protocol.js").Correction>} change */
  correct(song, change) {
    this.#note(song, { correction: { ...song.correction, ...change } });
    this.#tell(song, {});
  }

  /**
   * @param {Song} song
   * @param {Partial<Notes>} changes to its notes, written after those before them
   */
  #note(song, changes) {
    Object.assign(song.notes, changes);
    this.#toNote.set(song, { ...this.#toNote.get(song), ...changes });
    this.#noting ??= this.#writeNotes().finally(() => {
      this.#noting = null;
    });
  }

  async #writeNotes() {
    const store = await this.#about.store;
    for (const [song, changes] of this.#toNote) {
      this.#toNote.delete(song);
      try {
        await store.note(song.id, changes);
      } catch (error) {
        console.warn(error);
        // The song may have been deleted in another tab.
        this.#loadAgain();
      }
    }
  }

  /** Whether closing the page now would lose something. */
  get wouldLose() {
    if (this.#keeps) return this.songs.some((song) => song.file && !song.isFileKept && !song.about);
    return this.songs.length + this.library.length > 0;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Song} song @param {Partial<Song>} changes */
  #tell(song, changes) {
    Object.assign(song, changes, { toldAt: performance.now() });
    this.dispatchEvent(new CustomEvent("song", { detail: song }));
  }

  /** Start the next song, if nothing prevents it. */
  #pump() {
    if (this.#current || this.#isPaused || this.#isHalted) return;
    const song = this.songs.find(({ state }) => state === "waiting");
    if (!song) {
      this.dispatchEvent(new Event("idle"));
      return;
    }
    const stopping = new AbortController();
    this.#current = { song, stopping, ended: Promise.resolve() };
    this.#current.ended = this.#work(this.#current).finally(() => {
      this.#current = null;
      this.#changed();
      this.#pump();
    });
  }

  /** @param {Current} current */
  async #work(current) {
    const { signal } = current.stopping;
    try {
      await this.#have(current.song);
      signal.throwIfAborted();
      if (current.song.state === "finished") return;
      const separator = await this.#start(current.song, signal);
      const separation = separator && (await this.#begin(current, separator, signal));
      if (separation) await this.#run(current.song, separation, signal);
    } catch (error) {
      await this.#letGo(current.song);
      const failure = fileFaultOf(error);
      if (failure) this.#note(current.song, { failure });
      if (!signal.aborted) this.#tell(current.song, { state: "failed", error });
      // Wait until the other tab has finished with it.
      if (hasCode(error, "otherTab")) this.#loadAgain();
    }
  }

  /**
   * Lock a song for this tab and update it, since another tab may have changed it.
   *
   * @param {Song} song
   * @throws {UserError}
   */
  async #have(song) {
    if (song.opened instanceof Separation && song.opened.isOpen) return;
    // Where it is open, or about to be, it is for reading only.
    await this.#opening.get(song)?.catch(() => {});
    if (song.opened?.isOpen) await this.#about.release(song);
    const store = await this.#about.store;
    const { file, about, id, notes } = song;
    if (file && !about && !(await store.look(id))) await store.create(id, notes);
    await store.open(id);
    const kept = await store.look(id);
    if (!kept) throw new UserError("songGone");
    song.about = kept.about;
    if (!kept.isFinished) return;
    await store.close(id);
    this.#finish(song);
  }

  /** @param {Song} song to close; the samples of one that did not start are deleted */
  async #letGo(song) {
    const store = await this.#about.store;
    if (song.opened?.isOpen) return;
    const letting = song.about ? store.close(song.id) : store.clear(song.id);
    await letting.catch((error) => console.warn(error));
  }

  /**
   * @param {Song} song @param {AbortSignal} signal
   * @returns {Promise<Separator | null>} null if the engine cannot start; all songs wait
   */
  async #start(song, signal) {
    const { models, missing } = await this.#about.readAssets();
    if (!(song.model in models)) {
      throw new UserError("modelGone", { title: missing[song.model]?.title ?? song.model });
    }
    const { engine } = this.#about;
    if (!song.about && !engine.info) await checkSound(await this.#fileOf(song));
    try {
      return await unlessAborted(engine.use(song.model), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#isHalted = true;
      return null;
    }
  }

  /**
   * @param {Current} current @param {Separator} separator @param {AbortSignal} signal
   * @returns {Promise<Separation | null>} null if the song is already finished
   */
  async #begin(current, separator, signal) {
    const { song } = current;
    const read = song.about
      ? readBefore(song.id, song.about)
      : await this.#read(song, separator, signal);
    signal.throwIfAborted();
    const found = await separator.find(read);
    signal.throwIfAborted();
    if (found.same && found.same.id !== song.id) {
      current.song = await this.#merge(song, found.same);
      if (current.song.state !== "finished") await this.#have(current.song);
      if (current.song.state === "finished") return null;
      return this.#begin(current, separator, signal);
    }
    if (!found.same && song.share > 0) {
      /** @type {import("./errors.js").Notice} */
      const notice = { code: "begunAnew", values: { name: song.name } };
      this.dispatchEvent(new CustomEvent("notice", { detail: notice }));
    }
    const begun = song.opened?.isOpen ? /** @type {Separation} */ (song.opened) : null;
    begun?.hold();
    return separator.begin(read, found, begun);
  }

  /**
   * @param {Song} song @param {Separator} separator @param {AbortSignal} signal
   * @returns {Promise<ReadSong>}
   */
  async #read(song, separator, signal) {
    const { id } = song;
    const store = await this.#about.store;
    const file = await this.#fileOf(song);
    this.#tell(song, { state: "reading" });
    const { models } = await this.#about.readAssets();
    const model = /** @type {import("./protocol.js").AssetModel} */ (models[song.model]);
    const wanted = { stems: (song.stems ?? model.sources).length, acceptsPart: song.acceptsPart };
    await store.clear(id);
    const { measured, source } = await separator.reader.read(id, file, wanted, signal);
    this.#note(song, { source, artist: source.artist ?? "" });
    const options = JSON.stringify(optionsFor(model, song.quality));
    return { id, name: file.name, measured, options, stems: song.stems };
  }

  /** @param {Song} song @returns {Promise<File>} the file to read it from @throws {UserError} */
  async #fileOf(song) {
    const file = song.file ?? (await (await this.#about.store).file(song.id));
    if (!file) throw new UserError("fileGone");
    return file;
  }

  /**
   * @param {Song} song that duplicates another one
   * @param {KeptSong} kept the other one
   * @returns {Promise<Song>} the other one, which takes its place
   */
  async #merge(song, kept) {
    let other = this.#known(kept.id);
    if (!other && kept.busy) throw new UserError("otherTab");
    await (await this.#about.store).remove(song.id);
    const index = this.songs.indexOf(song);
    this.#forget(song);
    other ??= Song.from(kept);
    // It may have been made of the same stem of a song that is gone, or of a file.
    if (song.part) this.#note(other, { part: song.part });
    if (other.state !== "finished") {
      other.state = "waiting"; // It is next, and is not to be opened for reading now.
      const others = this.songs.filter((one) => one !== other);
      this.songs = [...others.slice(0, index), other, ...others.slice(index)];
    } else if (!this.library.includes(other)) this.library.unshift(other);
    this.#changed();
    this.dispatchEvent(new CustomEvent("same", { detail: { song, other } }));
    return other;
  }

  /** @param {Song} song @param {Separation} separation @param {AbortSignal} signal */
  async #run(song, separation, signal) {
    const { expect, remember } = this.#about;
    song.opened = separation;
    song.about = separation.about;
    song.file = null;
    song.isFileKept = false;
    separation.paused = this.#isPaused;
    const state = this.#isPaused ? "paused" : "working";
    this.#tell(song, { state });
    /** @param {import("./separation.js").Progress} progress */
    const report = ({ done, total, secondsLeft }) => {
      const share = done / total;
      const expected = expect(separation);
      this.#tell(song, { share, secondsLeft: secondsLeft ?? (expected && expected * (1 - share)) });
    };
    try {
      const stretches = await separation.run(report, signal, (notice) => {
        this.dispatchEvent(new CustomEvent("notice", { detail: notice }));
      });
      if (stretches.length > 0) throw new UserError("incomplete", { stretches });
      this.#finish(song);
    } finally {
      remember(separation);
      song.final = separation.finalRanges();
      await separation.close();
      this.#tell(song, {});
    }
  }

  /** @param {Song} song */
  #finish(song) {
    this.songs = this.songs.filter((other) => other !== song);
    this.library.unshift(song);
    this.#tell(song, { state: "finished", share: 1, secondsLeft: null });
    this.#changed();
    this.dispatchEvent(new CustomEvent("finished", { detail: song }));
  }
}

/** @returns {string} */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join("-");
}

/**
 * @param {Song} song
 * @returns {boolean} whether it is in the lists only because of the store
 */
function isOfStore({ isAtWork, file, error }) {
  return !isAtWork && !file && !hasCode(error, "songGone");
}

/** @param {string} id @param {About} about @returns {ReadSong} */
function readBefore(id, { name, measured, options, key, stems }) {
  // If all stems are stored, the key does not list any.
  const isPart = Array.isArray(JSON.parse(key).at(-1));
  return { id, name, measured, options, stems: isPart ? stems : null };
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
