/**
 * The page in English. A language is one file like this; the checker refuses one that lacks a key.
 *
 * Strings, or functions of the values that are told.
 *
 * @module
 */

import { clock, gigabytes, megabytes, number, span } from "../format.js";
import { plural } from "./plural.js";

/** @typedef {typeof en} Words */

export const en = {
  /** In its own words. */
  language: "English",

  /** What to save, as what, and what becomes of it. */
  save: {
    what: "What",
    whats: { all: "All stems", mix: "What you hear", stem: "One stem" },
    stem: "Stem",
    format: "Format",
    formats: {
      wav16: { title: "WAV, 16-bit", note: "Opens everywhere." },
      wav24: { title: "WAV, 24-bit", note: "For music programs; finer than anybody hears." },
      wav32f: {
        title: "WAV, 32-bit float",
        note: "Every sample as it was computed, to the bit. The largest files.",
      },
      flac16: { title: "FLAC, 16-bit", note: "The same sound as WAV in about half the space." },
      flac24: {
        title: "FLAC, 24-bit",
        note: "The same sound as WAV in less space; for music programs that read FLAC.",
      },
      mp3: {
        title: "MP3, 320 kbit/s",
        note: "The smallest files; something of the sound is lost. Encoded by LAME (LGPL):",
      },
    },
    lameLicence: "its licence",
    rate: "Sample rate",
    rateOfStems: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as it is computed`,
    rateOfFile: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as your file has it`,
    regionOnly: (/** @type {{start: string, stop: string}} */ { start, stop }) =>
      `Only the loop, ${start}–${stop}`,
    withTempo: (/** @type {{tempo: string}} */ { tempo }) =>
      `At the speed and in the key it is played (${tempo})`,
    to: "Where",
    places: {
      one: { download: "Downloads", place: "A place that I choose" },
      several: { download: "Downloads, as one zip", place: "A folder that I choose" },
    },
    notYet: "The song is still being separated: it can be saved when it is finished.",
    regionNotYet: "This part is still being separated: it can be saved when it is finished.",
    size: (/** @type {{size: string}} */ { size }) => `about ${size}`,
    go: "Save",
    /** The list of saves. */
    atWork: (/** @type {{count: number, share: string}} */ { count, share }) =>
      plural(count, {
        one: `Saving: ${share}`,
        other: `Saving ${number(count)}: ${share}`,
      }),
    allDone: (/** @type {{count: number}} */ { count }) =>
      plural(count, { one: "Saved", other: `${number(count)} saved` }),
    waits: "Waits for its turn",
    saved: "Saved",
    turnedDown: (/** @type {{decibels: string}} */ { decibels }) =>
      `Saved, and turned down by ${decibels} dB, all alike: in this format the loudest part would ` +
      "clip. 32-bit float keeps the level.",
    ready: (/** @type {{name: string}} */ { name }) => `${name} is saved.`,
    again: "Again",
    againOf: (/** @type {{name: string}} */ { name }) => `Save ${name} again`,
    drag: "Saves it once more. In Chrome and Edge it can be dragged to the desktop, too.",
    cancel: (/** @type {{name: string}} */ { name }) => `Cancel saving ${name}`,
    dismiss: (/** @type {{name: string}} */ { name }) => `Take ${name} off the list`,
    retry: "Try again",
    retryOf: (/** @type {{name: string}} */ { name }) => `Try to save ${name} again`,
  },

  /** The frame: header, side, titles of dialogs. */
  page: {
    claim: "Nothing leaves your machine",
    songs: "Songs",
    add: "Add songs",
    queue: "Queue",
    library: "Library",
    start: "Start",
    player: "Player",
    settings: "Model and settings",
    language: "Language",
    help: "Help",
    save: "Save",
    keys: "Keys",
    happening: "What is happening",
    update: "A new version of this page is ready.",
    reload: "Update available: reload",
    endedBefore: (/** @type {number} */ workers) =>
      "Last time the browser ended this page in the middle of a song, most likely for want of " +
      `memory. It computes ${workers === 1 ? "one part" : `${workers} parts`} of a song at a time ` +
      "now; the settings can change that. What was finished is kept.",
    updateWaits:
      "Another tab of this page is at work. The update needs all tabs to be loaded anew: try it " +
      "again when that one is done.",
    retry: "Try again",
    engine: "Engine",
    separation: "Separation by",
    weights: "Its weights:",
    licences: "Licences of everything on this site",
    models: "More about models",
    close: "Close",
  },

  /** Where songs come in. */
  start: {
    title: "Take a song apart",
    what:
      "Drums, bass, vocals and the rest, each on its own: to listen to, to mix and to save. " +
      "Your browser does all of it, and nothing is uploaded.",
    drop: "Drop songs here",
    choose: "or choose files",
    /** Where nobody drops anything. */
    tap: "Choose songs",
    folder: "Choose a folder",
    demo: "Try the demo song",
    /** Of the file, too. */
    demoName: "Demo song",
    formats: (/** @type {number} */ minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus and the sound of videos, up to " +
      (minutes < 120
        ? plural(minutes, { one: "one minute", other: `${number(minutes)} minutes` })
        : `${number(Math.floor(minutes / 60))} hours`),
    download: (/** @type {number} */ bytes) =>
      `The first song downloads ${megabytes(bytes)}, once. After that the page works offline.`,
    downloadNow: "Download now",
    downloaded: "Everything is on this device. You can go offline.",
    lacksModel: (/** @type {string} */ title) =>
      `The link to this page names a model that this site has not got (${title}), ` +
      "so another one is chosen.",
  },

  stems: {
    drums: "Drums",
    bass: "Bass",
    other: "Other",
    vocals: "Vocals",
    guitar: "Guitar",
    piano: "Piano",
    mixture: "Original",
  },

  /** The lanes of a song. */
  studio: {
    pause: "Pause",
    goOn: "Continue",
    cancel: "Cancel",
    save: "Save",
    zoom: "Zoom",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    zoomFit: "Whole song",
    mute: (/** @type {string} */ stem) => `Mute ${stem}`,
    solo: (/** @type {string} */ stem) => `Solo ${stem}`,
    volume: (/** @type {string} */ stem) => `Volume of ${stem}`,
    pan: (/** @type {string} */ stem) => `Pan of ${stem}`,
    spectrogram: (/** @type {string} */ stem) => `Spectrogram of ${stem}`,
    saveStem: (/** @type {string} */ stem) => `Save ${stem}`,
    centre: "Centre",
    left: (/** @type {string} */ share) => `${share} % left`,
    right: (/** @type {string} */ share) => `${share} % right`,
    playable: "parts are playable as they come",
  },

  transport: {
    play: "Play",
    pause: "Pause",
    position: "Position",
    positionOf: (/** @type {{now: string, all: string}} */ { now, all }) => `${now} of ${all}`,
    buffering: "Waiting for this part: it is played as soon as it is separated.",
    loop: "Loop",
    loopOf: (/** @type {{start: string, stop: string}} */ { start, stop }) => `${start}–${stop}`,
    loopOn: "The loop is on",
    loopOff: "The loop is off",
    heard: "What you hear",
    stems: "Stems",
    original: "Original",
    presets: "Presets",
    preset: {
      all: "All",
      karaoke: "Karaoke",
      acapella: "Acapella",
      drumless: "Drumless",
      bassless: "Bassless",
      own: "Own",
    },
    tempo: "Speed and key",
    speed: "Speed",
    semitones: "Key",
    semitonesNow: (/** @type {number} */ count) =>
      `${count > 0 ? "+" : ""}${number(count)} ${plural(Math.abs(count), {
        one: "semitone",
        other: "semitones",
      })}`,
    tempoReset: "As it was",
    master: "Volume",
  },

  /** What the keys do. */
  keys: {
    space: "Space",
    plays: "Play or pause",
    moves: "Back or forward by 5 seconds",
    movesFar: "Back or forward by 30 seconds",
    ends: "To the start, to the end",
    lanes: "Go to the lane of that number",
    mutes: "Mute the lane you are in",
    solos: "Solo the lane you are in",
    spectrogram: "Spectrogram of the lane you are in",
    loops: "Loop on or off",
    loopEnds: "The loop begins here, ends here",
    original: "The stems or the original",
    zooms: "Zoom in or out",
    fits: "See the whole song",
    scrolls: "See what is before or after",
    lists: "This list",
    letters: "Keys of a single character",
    lettersWhy: "Switch them off if you speak to your computer, or press keys by accident.",
    pointer:
      "Click or drag on a lane to seek, drag on the ruler (or on a lane with Shift) to choose a " +
      "loop, turn the wheel with Ctrl to zoom, double-click a fader to put it back.",
  },

  /** The start of the engine. */
  engine: {
    stages: {
      download: "Downloading the engine (only once)",
      python: "Starting Python",
      packages: "Loading NumPy and the separator",
      weights: "Loading the model",
      graphics: "Trying the graphics card",
    },
    amount: (
      /** @type {string} */ done,
      /** @type {string} */ total,
      /** @type {string} */ share,
    ) => `${done} of ${total} · ${share}`,
    ready: "The engine is ready.",
    offline: (/** @type {string} */ title) => `Ready to work offline with ${title}`,
    byCard: (/** @type {string} */ card) => `networks by ${card} (WebGPU)`,
    byProcessor: (/** @type {string} */ backend) => `matrix products by ${backend}`,
    pace: (/** @type {string} */ time) => `About ${time} for a song of 4 minutes`,
  },

  /** Queue and library. Names of buttons have the song's name in them. */
  songs: {
    between: " · ",
    states: {
      waiting: "waits",
      reading: "being read",
      paused: "paused",
      failed: "failed",
      kept: "stopped; what is finished is kept",
      notBegun: "not begun yet",
    },
    left: (/** @type {number} */ seconds) =>
      seconds < 5 ? "a few seconds left" : `about ${span(seconds)} left`,
    leftUnknown: "time left known after the first part",
    shareOf: (/** @type {string} */ name) => `Progress of ${name}`,
    deeds: {
      up: (/** @type {string} */ name) => `Move ${name} up`,
      down: (/** @type {string} */ name) => `Move ${name} down`,
      retry: (/** @type {string} */ name) => `Try ${name} again`,
      part: (/** @type {string} */ name) => `Use the part that can be read of ${name}`,
      goOn: (/** @type {string} */ name) => `Continue ${name}`,
      cancel: (/** @type {string} */ name) => `Cancel ${name}`,
      rename: (/** @type {string} */ name) => `Rename ${name}`,
      remove: (/** @type {string} */ name) => `Remove ${name}`,
    },
    part: "Use the part that can be read",
    placeOf: (
      /** @type {string} */ name,
      /** @type {number} */ place,
      /** @type {number} */ count,
    ) => `${name} is number ${number(place)} of ${number(count)}.`,
    pauseAll: "Pause all",
    goOnAll: "Continue all",
    removeAll: "Delete all",
    clearQueue: "Clear queue",
    askSaving: (/** @type {string} */ name) =>
      `${name} is still being saved. Delete it and its stems from this browser, and stop saving?`,
    askFinished: (/** @type {string} */ name) => `Delete ${name} and its stems from this browser?`,
    askBegun: (/** @type {string} */ name) => `Delete what is finished of ${name}?`,
    askAll: (/** @type {number} */ count, /** @type {boolean} */ isSaving) =>
      plural(count, {
        one: "Delete one song and its stems from this browser?",
        other: `Delete ${number(count)} songs and their stems from this browser?`,
      }) + (isSaving ? " What is still being saved stops." : ""),
    askQueue: (/** @type {number} */ count, /** @type {boolean} */ areBegun) =>
      `Remove ${plural(count, { one: "one song", other: `${number(count)} songs` })} ` +
      `from the queue${areBegun ? ", with the stems that are finished" : ""}?`,
    yes: "Delete",
    yesAll: "Delete all",
    no: "Keep",
    removed: (/** @type {string} */ name) => `${name} is deleted.`,
    cancelled: (/** @type {string} */ name) => `${name} is cancelled.`,
    reading: (/** @type {string} */ name) => `Reading ${name}.`,
    working: (/** @type {string} */ name) => `Separating ${name}.`,
    shareDone: (/** @type {string} */ name, /** @type {string} */ share) =>
      `${share} of ${name} is separated.`,
    finished: (/** @type {string} */ name) => `${name} is separated.`,
    same: (/** @type {string} */ name) => `This song is here already: ${name}.`,
    failed: (/** @type {string} */ name, /** @type {string} */ sentence) => `${name}: ${sentence}`,
    titleOf: (/** @type {string} */ share, /** @type {string} */ name) => `${share} · ${name}`,
    allDone: (/** @type {number} */ count) =>
      plural(count, {
        one: "Your song is separated.",
        other: `Your ${number(count)} songs are separated.`,
      }),
    notKept:
      "This browser keeps no files here: songs are kept in this page, while it is open.",
    room: (/** @type {string} */ bytes) =>
      `${bytes} left for songs, as far as the browser tells; the disk may have less.`,
  },

  settings: {
    next: "For the next songs: those that wait keep what they were given.",
    model: "Model",
    kept: (/** @type {string} */ size) => `${size} kept here`,
    toFetch: (/** @type {string} */ size) => `${size} to fetch`,
    missing: (/** @type {string[]} */ titles) => `Not included on this site: ${titles.join(", ")}.`,
    moreModels: "More about models",
    takes: (
      /** @type {string} */ time,
      /** @type {boolean} */ isUsual,
      /** @type {boolean} */ isMeasured,
    ) => {
      const song = isUsual ? "a song of 4 minutes" : "this song";
      return isMeasured
        ? `Takes ${time} for ${song} on this machine.`
        : `Takes about ${time} for ${song}: it has not run on this machine yet.`;
    },
    quality: "Quality",
    qualities: {
      fast: { title: "Fast", use: "Parts overlap by a tenth: a seam may be heard now and then." },
      standard: { title: "Standard", use: "Parts overlap by a quarter." },
      best: { title: "Best", use: "Parts overlap by half, and two passes are averaged." },
    },
    stems: "Stems to keep",
    stemsNote: "Stems that you do not want take no room. The time is the same.",
    computer: "Computed by",
    computers: { automatic: "Automatic", graphics: "Graphics card", processor: "Processor" },
    card: (/** @type {string} */ name, /** @type {string} */ memory) =>
      `${name}, ${memory} of its memory.`,
    workers: (/** @type {string} */ memory) =>
      "Parts of a song that the processor computes at the same time " +
      `(each takes a core and ${memory})`,
    automatic: (/** @type {number} */ count) => `Automatic (${number(count)})`,
    awake: "Keep the screen on while songs are separated",
    notify: "Notify me when all songs are separated",
    notifyDenied: "The browser does not let this page notify you: allow it in the site's settings.",
    persist: "Ask the browser to keep songs",
    isSafe: "The browser keeps songs and models until you delete them.",
    isNotSafe:
      "When the disk is nearly full, the browser may delete songs and models by itself, " +
      "unless it agrees to keep them.",
  },

  /** The help, and what the browser can and cannot do. */
  help: {
    steps: {
      title: "First steps",
      all: {
        drop:
          "Drop a song on the page, choose one or paste one: audio, or a video with sound. " +
          "Nothing at hand? Try the demo song.",
        listen:
          "Listen while it is computed. Each stem is a lane that fills in; what is filled can be " +
          "played. Click where you want to hear the song, and that place is computed first.",
        mix:
          "Mix. M mutes a lane, S plays it alone, the sliders are volume and pan; a double click " +
          "puts them back. Karaoke, acapella and others are at the bottom.",
        save:
          "Save stems, or what you hear, as WAV, FLAC or MP3, or drag a finished file to where " +
          "you need it.",
        return:
          "Come back. Finished songs stay in the library of this browser until you delete them, " +
          "and one that was interrupted goes on where it stopped.",
      },
    },
    privacy: {
      title: "Privacy",
      all: {
        stays:
          "Your songs never leave this machine: the whole program runs in this page. There is no " +
          "server that gets them, no account, no cookie, and nobody counts visits.",
        kept:
          "Songs and stems are kept in this browser, for this site only. Delete them in the " +
          "library, or all at once with the browser's data of this site.",
      },
    },
    check: {
      title: "How to check that",
      all: {
        offline:
          "Wait until the page says that it is ready to work offline, switch the network off, " +
          "and separate a song: it works as before.",
        tools:
          "Or open your browser's developer tools, choose Network, and see that a song causes no " +
          "requests.",
        policy:
          "The page forbids itself, by a Content Security Policy that the browser enforces, to " +
          "contact any other address.",
      },
    },
    limits: {
      title: "Limits",
      all: {
        quality:
          "No separation is perfect: stems have traces of each other, most of all where " +
          "instruments sound alike.",
        time:
          "A song takes from seconds to many minutes, as your machine is. The settings tell what " +
          "to expect here, and another model or quality may be faster.",
        room:
          "A minute of a song and its stems takes about 100 MB of the browser's storage, and " +
          "songs may have three hours. Where the browser keeps no files, songs are in memory: 20 " +
          "minutes at most, gone when the page is closed.",
        weights:
          "The weights of some models are for personal and research use only: see the licences.",
      },
    },
    browser: {
      title: "This browser",
      about:
        "The page runs in recent versions of Chrome, Edge, Firefox and Safari. What it found " +
        "here:",
      has: "(available)",
      lacks: "(not available)",
    },
    abilities: {
      songs: {
        title: "Keeps songs",
        has: "Songs stay here until you delete them.",
        lacks:
          "Songs are in memory only, up to 20 minutes each, and gone when the page is closed or " +
          "reloaded: save what you need. That is usual in private windows and at addresses " +
          "without HTTPS.",
      },
      offline: {
        title: "Works offline",
        has: "After the first visit no network is needed.",
        lacks: "The page downloads its engine again on every visit, and needs a network for that.",
      },
      graphics: {
        title: "Graphics card",
        has:
          "The browser lets pages compute on it (WebGPU). The settings tell whether it is in use.",
        lacks:
          "The browser gives pages no graphics card to compute with (WebGPU): the processor " +
          "computes.",
      },
      relaxed: {
        title: "Fast instructions",
        has: "The processor multiplies and adds at once (relaxed SIMD).",
        lacks: "Without relaxed SIMD the processor takes longer, up to half as long again.",
      },
      folders: {
        title: "Saves to a folder",
        has: "Files can be saved straight to a place that you choose.",
        lacks: "Files are saved as downloads, several of them as one zip.",
      },
      awake: {
        title: "Keeps the screen on",
        has: "If you ask for it, the screen stays on while a song is computed.",
        lacks: "The screen may go off, and some machines then pause the page.",
      },
    },
    licences: {
      title: "Licences",
      about:
        "py-demixer is free software under the MIT licence. What it is made of has licences of " +
        "its own.",
      all: "Licences of everything on this site",
      models: "About the models, and what their weights may be used for",
    },
  },

  /** What is happening, for the curious. */
  happening: {
    backend: "Computed by",
    noEngine: "The engine is not up.",
    speed: "Products of matrices",
    gflops: (/** @type {number} */ speed) => `${number(speed, 1)} GFLOP/s, one worker`,
    heap: "Memory of a worker",
    workers: (/** @type {string} */ heap, /** @type {number} */ count) =>
      plural(count, { one: `${heap}, one worker`, other: `${heap}, ${number(count)} workers` }),
    pace: "Parts a minute",
    page: "Memory of the page",
    storage: "Storage",
    stored: (
      /** @type {string} */ usage,
      /** @type {string} */ quota,
    ) => `${usage} in use of ${quota}, as the browser tells: some name the same figure everywhere`,
    versions: "Versions",
    notKnown: "not known",
    trace: "Statistics of one part",
    tracing: "Computing one part of the song that is shown.",
    noSong: "Show a song by the model that the engine has now to get these.",
    copy: "Copy as a report",
    copied: "Copied.",
    report: "The report",
    step: "Step",
    shape: "Shape",
    min: "Min",
    max: "Max",
    mean: "Mean",
    std: "Std",
  },

  /** Whatever goes wrong: what happened and what to do. By the codes of engine/errors.js. */
  errors: {
    /** A sentence of Python's, which speaks English only. */
    said: (/** @type {{sentence: string}} */ { sentence }) => sentence,
    empty: "This file is empty. Choose a file that has audio in it.",
    notAudio:
      "This is not an audio file that your browser can read. " +
      "Try WAV, AIFF, FLAC, MP3, M4A, Ogg or Opus.",
    codec: (/** @type {{name: string}} */ { name }) =>
      `The sound in this WAV file is coded as ${name}, which browsers cannot read. ` +
      "Convert it to plain WAV (PCM) or FLAC first.",
    noTrack: "This file has no audio track. Choose a file that has audio in it.",
    nothingDecoded:
      "Nothing could be decoded from this file: it may be damaged or cut short. " +
      "Try to convert it to WAV or FLAC first.",
    stoppedDecoding: (/** @type {{seconds: number}} */ { seconds }) =>
      `This file could not be decoded to its end: it is damaged after ${clock(seconds)}. ` +
      "Use the part before that, or try to convert the file to WAV or FLAC first.",
    unreadable: "This file could not be read. If it was moved or changed, choose it again.",
    noFile: "That was not a file. Drop an audio file from your computer.",
    noSongs: "There is no audio file in there. Choose another folder, or drop songs.",
    nothingShared:
      "What was shared with this page has not arrived, perhaps for want of room. " +
      "Choose the files here instead.",
    memory:
      "There is not enough memory for this song. Close other tabs or programs and try again, " +
      "or try a shorter song.",
    engineMemory:
      "There is not enough memory to start the engine. Close other tabs or programs and try again.",
    old:
      "Your browser is too old to run the engine: it needs WebAssembly with SIMD and " +
      "DecompressionStream. Update your browser, or try a recent Chrome, Edge, Firefox or Safari.",
    died:
      "The engine stopped unexpectedly, perhaps for want of memory. It is being started again; " +
      "then try the song once more: what is finished of it is kept.",
    silent:
      "The engine gave no answer for a very long time and was stopped. It is being started again; " +
      "then try the song once more.",
    fault:
      "The engine met an error that it did not expect; the browser's console has the details. " +
      "It is being started again; then try the song once more.",
    muted: "Every stem is muted: there is nothing to save. Unmute one first.",
    tempoInsecure:
      "At an address that is not a secure one (HTTPS), browsers cannot change speed or pitch.",
    tempoMissing:
      "Speed and pitch cannot be changed now: a part of the page could not be loaded. " +
      "Check your connection and try again.",
    stemRoom: "There is no room on the disk for this file. Free some space and try again.",
    stemFile:
      "The file could not be made, perhaps for want of memory. Close other tabs and try again.",
    stemGone:
      "The stems could not be read any more, so the file could not be made. Open the song again " +
      "and save it once more.",
    stemPlace:
      "The file could not be written there. Choose another place, or save it among the downloads.",
    resampler:
      "The sample rate of this song could not be converted, perhaps for want of memory. " +
      "Close other tabs and try again.",
    otherTab:
      "This song is open in another tab or window. Go on there, or close it and try again.",
    begunAnew: (/** @type {{name: string}} */ { name }) =>
      `${name} starts over: this page computes in another way than the one that began it (it was ` +
      "updated, for example), and parts that were computed in two ways are never mixed.",
    songGone: "This song is no longer there: it was deleted in another tab or window.",
    newerStore:
      "A newer version of this page keeps the songs here. Reload this page to get that version: " +
      "nothing is lost.",
    full:
      "The browser's storage is full. What is finished of the song is kept: " +
      "free some space on the disk, then continue.",
    storage:
      "The browser could not read or write its files. What is finished of the song is kept: " +
      "reload the page and continue.",
    insecure:
      "This address is not a secure one (HTTPS), so the browser keeps nothing for offline use: " +
      "the page works, but downloads its engine again on every visit.",
    noStorage:
      "This browser keeps nothing for offline use here (a private window, perhaps): " +
      "the page works, but downloads its engine again on every visit.",
    noGraphics:
      "This browser gives pages no graphics card to compute with (WebGPU): the processor computes.",
    insecureGraphics:
      "At an address that is not a secure one (HTTPS), browsers give pages no graphics card: " +
      "the processor computes.",
    noCard: "The browser has found no graphics card that it can use: the processor computes.",
    cardLost:
      "The graphics card was lost: perhaps its driver was restarted. The processor goes on, and " +
      "what is finished of the song is kept.",
    cardFault:
      "The graphics card refused what it was asked for; the browser's console has the details. " +
      "The processor computes.",
    cardIsSoftware: (/** @type {{name: string}} */ { name }) =>
      `The only graphics card here is one that the processor imitates (${name}). ` +
      "On its own the processor is faster, so it computes.",
    cardIsWrong: (/** @type {{name: string}} */ { name }) =>
      `The graphics card (${name}) gave wrong numbers in a test, so the processor computes. ` +
      "A newer driver may help.",
    cardIsFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The graphics card has not enough memory left (${megabytes(bytes)} are needed): ` +
      "the processor computes.",
    cardIsGone: (/** @type {{name: string, other: string | null}} */ { name, other }) =>
      `This song was begun by the graphics card ${name}, which is not in use now: ` +
      `${other ?? "the processor"} goes on with it.`,
    missingFile: (/** @type {{url: string}} */ { url }) =>
      `A file of this site is missing on its server (${url}). ` +
      "Reload the page; if that does not help, tell whoever runs the site.",
    damagedFile: (/** @type {{url: string}} */ { url }) =>
      `A file of this site arrived damaged (${url}): its checksum is wrong, so it was not used. ` +
      "Try again; if that does not help, tell whoever runs the site.",
    noNetwork:
      "The download was interrupted. Check your connection and try again: " +
      "what has arrived is kept where the browser allows it.",
    storageFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The browser has no room to keep the engine (${megabytes(bytes)}) for offline use. ` +
      "Free some space on the disk and try again.",
    noRoom: (/** @type {{bytes: number}} */ { bytes }) =>
      `This song and its stems need ${gigabytes(bytes)} of the browser's storage, ` +
      "which are not left. Free some space on the disk, delete songs that are kept here, " +
      "or use the command line.",
    tooLong: (/** @type {{minutes: number}} */ { minutes }) =>
      `This song is too long: here the page takes at most ${plural(minutes, {
        one: "one minute",
        other: `${number(minutes)} minutes`,
      })}. Cut the song into parts, or use the command line.`,
    incomplete: (/** @type {{stretches: [number, number][]}} */ { stretches }) =>
      `Some of the song could not be separated (${stretches
        .map(([start, stop]) => `${number(start, 1)}-${number(stop, 1)} s`)
        .join(", ")}), perhaps for want of memory. ` +
      "The rest is finished and kept: close other tabs, then continue.",
    fileGone:
      "This file was not read before the page was closed, and pages cannot open files by " +
      "themselves: choose it again.",
    modelGone: (/** @type {{title: string}} */ { title }) =>
      `The model of this song (${title}) is not on this site any more: ` +
      "choose the file again to use another one.",
    notFinite: (/** @type {{seconds: number}} */ { seconds }) =>
      `This song has a sample that is not a finite number at ${number(seconds, 3)} s. ` +
      "Repair or re-export the file.",
  },
};
