/**
 * The page in English. Each language is one file like this; the type checker rejects a missing key.
 *
 * Values are strings, or functions of the values in the text.
 *
 * @module
 */

import { clock, gigabytes, megabytes, number, span } from "../format.js";
import { plural } from "./plural.js";

/** @typedef {typeof en} Words */

export const en = {
  /** Name of the language in the language itself. */
  language: "English",

  /** The dialog for saving, and the list of saves. */
  save: {
    what: "What",
    whats: { all: "All stems", mix: "What you hear", stem: "One stem" },
    stem: "Stem",
    format: "Format",
    formats: {
      wav16: { title: "WAV, 16-bit", note: "Opens everywhere." },
      wav24: { title: "WAV, 24-bit", note: "For editing. More precise than you can hear." },
      wav32f: {
        title: "WAV, 32-bit float",
        note: "Every sample exactly as computed. The largest files.",
      },
      flac16: { title: "FLAC, 16-bit", note: "Same sound as WAV at about half the size." },
      flac24: {
        title: "FLAC, 24-bit",
        note: "Same sound as WAV in less space, for editors that read FLAC.",
      },
      mp3: {
        title: "MP3, 320 kbit/s",
        note: "The smallest files, with some loss of quality. Encoded by LAME (LGPL):",
      },
      stems: {
        title: "Stem file for DJs",
        note:
          "The song and its stems in one file, for Traktor, Mixxx, djay and others. " +
          "AAC, 256 kbit/s a track, with some loss of quality. Encoded by FFmpeg (LGPL):",
      },
    },
    licence: "licence",
    names: "File names",
    namesExample: (/** @type {{name: string}} */ { name }) => `File names: ${name}`,
    namesHint: (/** @type {{fields: string}} */ { fields }) =>
      `Each field stands for what is known of the song: ${fields}`,
    follow: "Save further songs in the same way as soon as they are finished",
    follows: (/** @type {{folder: string}} */ { folder }) =>
      `Songs are saved to “${folder}” as soon as they are finished.`,
    followsInDownloads: "Songs are saved to the downloads as soon as they are finished.",
    stopFollowing: "Stop",
    rate: "Sample rate",
    rateOfStems: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as computed`,
    rateOfFile: (/** @type {{kilohertz: string}} */ { kilohertz }) =>
      `${kilohertz} kHz, as in your file`,
    addsUp: {
      other: "Stems that add up to the song: Other takes the rest",
      own: "Stems that add up to the song: the rest is one more file",
    },
    regionOnly: (/** @type {{start: string, stop: string}} */ { start, stop }) =>
      `Only the loop, ${start}–${stop}`,
    withTempo: (/** @type {{tempo: string}} */ { tempo }) =>
      `At the current speed and key (${tempo})`,
    several: (/** @type {{count: number}} */ { count }) =>
      `All stems of ${number(count)} songs, one song after the other`,
    to: "Save to",
    places: {
      one: { download: "Downloads", place: "Choose a location" },
      several: { download: "Downloads, as a zip", place: "Choose a folder" },
      songs: { download: "Downloads, a zip for each song", place: "Choose a folder" },
    },
    finishedOnly: (/** @type {{start: string, stop: string}} */ { start, stop }) =>
      `Only what is finished, ${start}–${stop}`,
    stopped: "This has not been separated. Continue the song first.",
    notYet: "This song is still being separated. You can save it when it is done.",
    regionNotYet: "This part is still being separated. You can save it when it is done.",
    tooMuch: (/** @type {{most: string}} */ { most }) =>
      `That is more than can be downloaded at once (${most}). Choose a folder, a smaller format, or ` +
      "fewer songs by searching.",
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
    waits: "Waiting",
    saved: "Saved",
    turnedDown: (/** @type {{decibels: string}} */ { decibels }) =>
      `Saved ${decibels} dB quieter, all stems alike, so that the loudest one does not clip. ` +
      "32-bit float keeps the original level.",
    ready: (/** @type {{name: string}} */ { name }) => `${name} saved.`,
    again: "Save again",
    againOf: (/** @type {{name: string}} */ { name }) => `Save ${name} again`,
    dragUnfinished: "Only what is finished can be dragged out.",
    dragTooLong: "This is too long to be dragged out of the track. Save it, and drag it from there.",
    dragSoon: "The file for dragging is being made. Drag again in a moment.",
    drag: "Click to save it again. In Chrome and Edge you can also drag it to the desktop.",
    cancel: (/** @type {{name: string}} */ { name }) => `Cancel saving ${name}`,
    dismiss: (/** @type {{name: string}} */ { name }) => `Remove ${name} from the list`,
    retry: "Try again",
    retryOf: (/** @type {{name: string}} */ { name }) => `Try saving ${name} again`,
  },

  /** The frame: header, sidebar, titles of dialogs. */
  page: {
    claim: "Nothing leaves your device",
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
    keys: "Keyboard shortcuts",
    happening: "Diagnostics",
    update: "A new version is ready.",
    reload: "Reload to update",
    endedBefore: (/** @type {number} */ workers) =>
      "The browser closed this page in the middle of a song last time, probably because it ran " +
      `out of memory. It now works on ${workers === 1 ? "one part" : `${workers} parts`} of a ` +
      "song at a time; you can change that in the settings. Finished parts are kept.",
    updateWaits:
      "Another tab is still working. The update reloads all tabs, so try again when it is done.",
    retry: "Try again",
    engine: "Engine",
    weights: "Weights:",
    close: "Close",
  },

  /** The start, where songs are added. */
  start: {
    title: "Split a song into stems",
    what:
      "Drums, bass, vocals and everything else as separate tracks, to play, mix and save. It all " +
      "happens in your browser; nothing is uploaded.",
    drop: "Drop songs here",
    choose: "or choose files",
    /** Shown on devices without drag and drop. */
    tap: "Choose songs",
    folder: "Choose a folder",
    demo: "Try the demo song",
    /** Also the name of the file. */
    demoName: "Demo song",
    formats: (/** @type {number} */ minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus and video files, up to " +
      (minutes < 120
        ? plural(minutes, { one: "one minute", other: `${number(minutes)} minutes` })
        : `${number(Math.floor(minutes / 60))} hours`),
    download: (/** @type {number} */ bytes) =>
      `First use downloads ${megabytes(bytes)}. After that it works offline.`,
    downloadNow: "Download now",
    downloaded: "Everything is on this device. You can go offline.",
    lacksModel: (/** @type {string} */ title) =>
      `The link asks for a model that this site does not have (${title}). ` +
      "Another one is selected.",
  },

  stems: {
    drums: "Drums",
    bass: "Bass",
    other: "Other",
    vocals: "Vocals",
    guitar: "Guitar",
    piano: "Piano",
    mixture: "Original",
    click: "Click",
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
    fadersOf: (/** @type {string} */ stem) => `Volume and pan of ${stem}`,
    faders: { volume: "Volume", pan: "Pan" },
    spectrogram: (/** @type {string} */ stem) => `Spectrogram of ${stem}`,
    saveStem: (/** @type {string} */ stem) => `Save ${stem}`,
    further: (/** @type {string} */ stem) => `Separate ${stem} further`,
    furtherAbout:
      "The stem becomes a song of its own. Models for one kind of stem, such as a drum kit, can be " +
      "dropped on the page.",
    furtherDo: "Separate",
    furtherQueued: (/** @type {string} */ name) => `"${name}" is in the queue.`,
    centre: "Centre",
    left: (/** @type {string} */ share) => `${share} left`,
    right: (/** @type {string} */ share) => `${share} right`,
    arrange: "Click to collapse or expand, drag to move",
    moved: (/** @type {{stem: string, index: number, count: number}} */ { stem, index, count }) =>
      `${stem}: track ${index} of ${count}`,
    playable: "play parts as they finish",
  },

  transport: {
    play: "Play",
    pause: "Pause",
    position: "Position",
    positionOf: (/** @type {{now: string, all: string}} */ { now, all }) => `${now} of ${all}`,
    buffering: "Separating this part. It plays as soon as it is ready.",
    stopped: "This part has not been separated. Continue the song to hear it.",
    loop: "Loop",
    loopOf: (/** @type {{start: string, stop: string}} */ { start, stop }) => `${start}–${stop}`,
    loopOn: "Loop on",
    loopOff: "Loop off",
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
      own: "Custom",
    },
    tempo: "Speed and key",
    speed: "Speed",
    semitones: "Key",
    semitonesNow: (/** @type {number} */ count) =>
      `${count > 0 ? "+" : ""}${number(count)} ${plural(Math.abs(count), {
        one: "semitone",
        other: "semitones",
      })}`,
    tempoReset: "Reset",
    master: "Volume",
  },

  /** Beats and key of a song. */
  music: {
    title: "Beats and key",
    bpm: (/** @type {string} */ bpm) => `${bpm} BPM`,
    tempo: "Tempo",
    noBeats: "No regular beat was found.",
    half: "Half",
    double: "Double",
    shift: "Off by half a beat",
    clicks: "Click",
    clicksOff: "Off",
    clicksBeats: "On the beats",
    clicksCountIn: "With a count-in",
    clicksAreOn: "Click on",
    clicksAreOff: "Click off",
    midi: "Save tempo as MIDI",
    tempoFile: "tempo",
    key: "Key",
    keyUnknown: "Unknown",
    keys: {
      major: ["C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"].map(
        (tonic) => `${tonic} major`,
      ),
      minor: ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B"].map(
        (tonic) => `${tonic} minor`,
      ),
    },
    keyHeard: (/** @type {string} */ key) => `You hear it in ${key}.`,
  },

  /** Keyboard shortcuts. */
  keys: {
    space: "Space",
    plays: "Play or pause",
    moves: "Back or forward 5 seconds",
    movesFar: "Back or forward 30 seconds",
    ends: "Go to the start or the end",
    lanes: "Select a track",
    mutes: "Mute the selected track",
    solos: "Solo the selected track",
    spectrogram: "Show the spectrogram of the selected track",
    loops: "Turn the loop on or off",
    loopEnds: "Set the loop start or end",
    clicks: "Click on or off",
    original: "Switch between stems and original",
    zooms: "Zoom in or out",
    fits: "Show the whole song",
    scrolls: "Scroll back or forward",
    lists: "Show this list",
    letters: "Single-key shortcuts",
    lettersWhy: "Turn them off if you use voice control or press keys by accident.",
    pointer:
      "Click or drag on a track to seek. Drag on the ruler, or Shift-drag on a track, to set a " +
      "loop; its ends snap to the beats, unless you hold Alt. Click a track's name to collapse " +
      "it, and drag it (or press Alt and an arrow key) to move the track. In Chrome and Edge, drag " +
      "a track's save button to the desktop or into another program: it receives the stem's file. " +
      "Ctrl and the mouse wheel zoom. Double-click a slider to reset it.",
  },

  /** The start of the engine. */
  engine: {
    stages: {
      download: "Downloading (once)",
      python: "Starting Python",
      packages: "Loading NumPy",
      weights: "Loading the model",
      graphics: "Testing the graphics card",
    },
    amount: (
      /** @type {string} */ done,
      /** @type {string} */ total,
      /** @type {string} */ share,
    ) => `${done} of ${total} · ${share}`,
    ready: "Ready.",
    offline: "Ready to work offline",
    byCard: (/** @type {string} */ card) => `${card} (WebGPU)`,
    byProcessor: (/** @type {string} */ backend) => `${backend} backend`,
    pace: (/** @type {string} */ time) => `About ${time} for a 4-minute song`,
  },

  /** Queue and library. Labels of buttons contain the song's name. */
  songs: {
    between: " · ",
    states: {
      waiting: "Waiting",
      reading: "Reading",
      paused: "Paused",
      failed: "Failed",
      kept: "Stopped, finished parts kept",
      notBegun: "Not started",
    },
    left: (/** @type {number} */ seconds) =>
      seconds < 5 ? "a few seconds left" : `about ${span(seconds)} left`,
    leftUnknown: "estimating time left",
    shareOf: (/** @type {string} */ name) => `Progress of ${name}`,
    deeds: {
      up: (/** @type {string} */ name) => `Move ${name} up`,
      down: (/** @type {string} */ name) => `Move ${name} down`,
      retry: (/** @type {string} */ name) => `Try ${name} again`,
      part: (/** @type {string} */ name) => `Use the readable part of ${name}`,
      goOn: (/** @type {string} */ name) => `Continue ${name}`,
      cancel: (/** @type {string} */ name) => `Cancel ${name}`,
      save: (/** @type {string} */ name) => `Save ${name}`,
      rename: (/** @type {string} */ name) => `Rename ${name}`,
      remove: (/** @type {string} */ name) => `Remove ${name}`,
    },
    part: "Use the readable part",
    placeOf: (
      /** @type {string} */ name,
      /** @type {number} */ place,
      /** @type {number} */ count,
    ) => `${name} is number ${number(place)} of ${number(count)}.`,
    pauseAll: "Pause all",
    goOnAll: "Continue all",
    search: "Search the library",
    searchHere: "Search",
    order: "Order of the library",
    orders: { newest: "Newest first", name: "By name" },
    noMatch: "No song matches.",
    saveAll: "Save all",
    removeAll: "Delete all",
    clearQueue: "Clear queue",
    askSaving: (/** @type {string} */ name) =>
      `${name} is still being saved. Stop saving, and delete it and its stems from this browser?`,
    askFinished: (/** @type {string} */ name) => `Delete ${name} and its stems from this browser?`,
    askBegun: (/** @type {string} */ name) => `Delete the finished part of ${name}?`,
    askAll: (/** @type {number} */ count, /** @type {boolean} */ isSaving) =>
      plural(count, {
        one: "Delete one song and its stems from this browser?",
        other: `Delete ${number(count)} songs and their stems from this browser?`,
      }) + (isSaving ? " Saves in progress are cancelled." : ""),
    askQueue: (/** @type {number} */ count, /** @type {boolean} */ areBegun) =>
      `Remove ${plural(count, { one: "one song", other: `${number(count)} songs` })} ` +
      `from the queue${areBegun ? ", including finished parts" : ""}?`,
    yes: "Delete",
    yesAll: "Delete all",
    no: "Keep",
    removed: (/** @type {string} */ name) => `${name} deleted.`,
    cancelled: (/** @type {string} */ name) => `${name} cancelled.`,
    reading: (/** @type {string} */ name) => `Reading ${name}.`,
    working: (/** @type {string} */ name) => `Separating ${name}.`,
    shareDone: (/** @type {string} */ name, /** @type {string} */ share) =>
      `${name}: ${share} done.`,
    finished: (/** @type {string} */ name) => `${name} is done.`,
    same: (/** @type {string} */ name) => `This song is already here: ${name}.`,
    failed: (/** @type {string} */ name, /** @type {string} */ sentence) => `${name}: ${sentence}`,
    titleOf: (/** @type {string} */ share, /** @type {string} */ name) => `${share} · ${name}`,
    allDone: (/** @type {number} */ count) =>
      plural(count, {
        one: "Your song is done.",
        other: `Your ${number(count)} songs are done.`,
      }),
    notKept:
      "This browser cannot store files here. Songs are kept only while this page is open.",
    room: (
      /** @type {string} */ songs,
      /** @type {string} */ models,
      /** @type {string} */ free,
    ) => `Songs take ${songs}, models ${models}. About ${free} free, as the browser reports.`,
  },

  settings: {
    next: "Applies to songs you add from now on.",
    model: "Model",
    kept: (/** @type {string} */ size) => `${size}, downloaded`,
    toFetch: (/** @type {string} */ size) => `${size} to download`,
    missing: (/** @type {string[]} */ titles) => `Not on this site: ${titles.join(", ")}.`,
    moreModels: "About the models",
    own:
      "You can also drop or choose a checkpoint of your own (.th, .pth, .pt, .ckpt or " +
      ".safetensors), with its configuration (.yaml) if it has one.",
    combine: "Combine several models",
    combineAbout:
      "Each stem is the average of the models that make it. That takes the time and the memory of " +
      "all of them.",
    combineDo: "Combine",
    ownKept: (/** @type {string} */ size) => `${size}, your own`,
    ownReading: (/** @type {string} */ name) => `Reading ${name}. This can take a minute.`,
    ownAdded: (/** @type {string} */ title) => `${title} is ready, and selected for the next songs.`,
    delete: "Delete",
    deleteNamed: (/** @type {string} */ title) => `Delete ${title}`,
    ownAsk: (/** @type {string} */ title) =>
      `Delete the model ${title}? Finished songs keep their stems.`,
    needed: (/** @type {string} */ title) =>
      `Songs in the queue need ${title}. Wait for them, or delete them first.`,
    ownGone: "a model of your own, since deleted",
    deleted: (/** @type {string} */ title) => `${title} deleted.`,
    takes: (
      /** @type {string} */ time,
      /** @type {boolean} */ isUsual,
      /** @type {boolean} */ isMeasured,
    ) => {
      const song = isUsual ? "a 4-minute song" : "this song";
      return isMeasured
        ? `${time} for ${song} on this device`
        : `about ${time} for ${song} (estimate)`;
    },
    quality: "Quality",
    qualities: {
      fast: { title: "Fast", use: "10% overlap. You may hear a seam now and then." },
      standard: { title: "Standard", use: "25% overlap." },
      best: { title: "Best", use: "50% overlap, average of two passes." },
    },
    stems: "Stems to keep",
    stemsNote: "Leaving stems out saves space, not time.",
    computer: "Run on",
    computers: { automatic: "Automatic", graphics: "Graphics card", processor: "Processor" },
    card: (/** @type {string} */ name, /** @type {string} */ memory) =>
      `${name}, using ${memory} of its memory.`,
    workers: (/** @type {string} */ memory) =>
      `Parallel workers on the processor (one core and ${memory} each)`,
    automatic: (/** @type {number} */ count) => `Automatic (${number(count)})`,
    awake: "Keep the screen on while separating",
    notify: "Notify me when all songs are done",
    notifyDenied: "Notifications are blocked. Allow them in the browser's settings for this site.",
    persist: "Protect songs from automatic deletion",
    isSafe: "Songs and models stay until you delete them.",
    isNotSafe:
      "The browser may delete songs and models when the disk is nearly full.",
  },

  /** The help, and what the browser supports. */
  help: {
    steps: {
      title: "First steps",
      all: {
        drop:
          "Drop, choose or paste a song: any audio file, or a video with sound. " +
          "Nothing at hand? Try the demo song.",
        listen:
          "Listen right away. Each stem is a track that fills in as it is separated. Click " +
          "anywhere in the song, and that place is separated first.",
        mix:
          "Mix. M mutes a track, S solos it, and the sliders set volume and pan; double-click to " +
          "reset them. Presets such as Karaoke and Acapella are at the bottom.",
        save:
          "Save stems or the current mix as WAV, FLAC or MP3.",
        return:
          "Come back later. Finished songs stay in this browser's library until you delete them, " +
          "and an interrupted song continues where it stopped.",
      },
    },
    privacy: {
      title: "Privacy",
      all: {
        stays:
          "Your songs never leave this device. Everything runs in this page: no server receives " +
          "them, and there are no accounts, cookies or analytics.",
        kept:
          "Songs and stems are stored in this browser, for this site only. Delete them in the " +
          "library, or clear this site's data in the browser's settings.",
      },
    },
    check: {
      title: "See for yourself",
      all: {
        offline:
          "When the page says it is ready to work offline, turn off the network and separate a " +
          "song. It works the same.",
        tools:
          "Or open the Network tab of your browser's developer tools: a song causes no requests.",
        policy:
          "A Content Security Policy, enforced by the browser, keeps the page from contacting " +
          "any other address.",
      },
    },
    limits: {
      title: "Limits",
      all: {
        quality:
          "No separation is perfect. Stems contain traces of each other, especially where " +
          "instruments sound alike.",
        time:
          "A song takes from seconds to many minutes, depending on your device. The settings " +
          "show what to expect, and another model or quality may be faster.",
        room:
          "Each minute of music needs about 100 MB of browser storage. Songs can be up to three " +
          "hours long; without storage they are kept in memory, up to 20 minutes, until you " +
          "close the page.",
        weights:
          "Some models are for personal and research use only: see the licences.",
      },
    },
    browser: {
      title: "This browser",
      about:
        "The page runs in recent versions of Chrome, Edge, Firefox and Safari. In this browser:",
      has: "(available)",
      lacks: "(not available)",
    },
    abilities: {
      songs: {
        title: "Song library",
        has: "Songs stay here until you delete them.",
        lacks:
          "Songs are kept in memory only, up to 20 minutes each, until you close or reload the " +
          "page. Save what you need. This is normal in private windows and without HTTPS.",
      },
      offline: {
        title: "Works offline",
        has: "No network needed after the first download.",
        lacks: "The page downloads everything again on every visit.",
      },
      graphics: {
        title: "Graphics card",
        has:
          "The page can use it through WebGPU. The settings show whether it does.",
        lacks:
          "This browser has no WebGPU, so the processor does the work.",
      },
      relaxed: {
        title: "Relaxed SIMD",
        has: "The processor runs at full speed.",
        lacks: "Without it, separating on the processor takes up to 50% longer.",
      },
      folders: {
        title: "Saves to a folder",
        has: "Files can go straight to a folder you choose.",
        lacks: "Files are saved as downloads, several of them as a zip.",
      },
      awake: {
        title: "Keeps the screen on",
        has: "The screen can stay on while a song is separated.",
        lacks: "The screen may turn off, and some devices then pause the page.",
      },
    },
    licences: {
      title: "Licences",
      about:
        "py-demixer is free software under the MIT licence. Its components have licences of " +
        "their own.",
      all: "Open-source licences",
      models: "About the models and how they may be used",
    },
  },

  /** Diagnostics, for the curious. */
  happening: {
    backend: "Running on",
    noEngine: "The engine is not running.",
    speed: "Matrix multiplication",
    gflops: (/** @type {number} */ speed) => `${number(speed, 1)} GFLOP/s, one worker`,
    heap: "Memory per worker",
    workers: (/** @type {string} */ heap, /** @type {number} */ count) =>
      plural(count, { one: `${heap}, one worker`, other: `${heap}, ${number(count)} workers` }),
    pace: "Segments per minute",
    page: "Page memory",
    storage: "Storage",
    stored: (
      /** @type {string} */ usage,
      /** @type {string} */ quota,
    ) => `${usage} of ${quota} used, as reported by the browser`,
    versions: "Versions",
    notKnown: "unknown",
    measure: "Measure the speed",
    measuring: "Computing segments of noise, and their operations. This takes a minute.",
    busy: "Wait until no song is being computed.",
    operation: "Operation",
    rate: { processor: "Processor, GFLOP/s", card: "Card, GFLOP/s" },
    ofCeiling: "Of its limit",
    segmentBy: "Segment by",
    segmentTakes: "Takes",
    perSecond: "Per second of music",
    by: (/** @type {"processor" | "card"} */ by, /** @type {number} */ workers) =>
      by === "card"
        ? "graphics card"
        : plural(workers, { one: "one worker", other: `${number(workers)} workers at once` }),
    second: (/** @type {string} */ seconds) => `${seconds} s`,
    trace: "Trace one segment",
    tracing: "Separating one segment of the current song.",
    noSong: "Open a song made with the current model first.",
    copy: "Copy report",
    send: "Send these figures",
    copied: "Copied.",
    report: "Report",
    step: "Step",
    shape: "Shape",
    min: "Min",
    max: "Max",
    mean: "Mean",
    std: "Std",
  },

  /** All errors: what happened and what to do. Keys are the codes of engine/errors.js. */
  errors: {
    /** A message from Python, which speaks English only. */
    verbatim: (/** @type {{sentence: string}} */ { sentence }) => sentence,
    empty: "This file is empty. Choose an audio file.",
    settingsAlone:
      "This is the configuration of a model. Drop its checkpoint together with it: .th, .pth, " +
      ".pt, .ckpt or .safetensors.",
    notSettings: (/** @type {{name: string}} */ { name }) =>
      `${name} is not a configuration of a model (YAML with sections).`,
    ownModelDamaged: "The browser lost a part of your model. Delete it and add its file again.",
    ownTooLarge:
      "This checkpoint could not be read: there was probably not enough memory. Close other tabs, " +
      "or convert it with the command line (py-demixer convert) and add the file that it writes.",
    ownStorageFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The browser has no room for this model (${megabytes(bytes)}). Free some disk space, or ` +
      "delete songs from the library, and add it again.",
    ownNeedsStorage:
      "This browser cannot keep models here, so your own cannot be used. Open the page over HTTPS, " +
      "not in a private window.",
    notAudio:
      "Your browser cannot read this as an audio file. " +
      "Try WAV, AIFF, FLAC, MP3, M4A, Ogg or Opus.",
    codec: (/** @type {{name: string}} */ { name }) =>
      `This WAV file uses the codec ${name}, which browsers cannot decode. ` +
      "Convert it to plain WAV (PCM) or FLAC first.",
    noTrack: "This file has no audio track. Choose another file.",
    nothingDecoded:
      "This file could not be decoded. It may be damaged or cut short. " +
      "Try converting it to WAV or FLAC first.",
    stoppedDecoding: (/** @type {{seconds: number}} */ { seconds }) =>
      `This file is damaged after ${clock(seconds)}. ` +
      "Use the part before that, or try converting the file to WAV or FLAC first.",
    unreadable: "This file could not be read. If it was moved or changed, choose it again.",
    noFile: "That is not a file. Drop an audio file from your computer.",
    noSongs: "There are no audio files in there. Choose another folder, or drop songs.",
    nothingShared:
      "The shared files did not arrive, perhaps because storage is full. " +
      "Choose the files here instead.",
    memory:
      "Not enough memory for this song. Close other tabs or programs and try again, or try a " +
      "shorter song.",
    engineMemory:
      "Not enough memory to start. Close other tabs or programs and try again.",
    old:
      "Your browser is too old: this page needs WebAssembly with SIMD and DecompressionStream. " +
      "Update it, or try a recent Chrome, Edge, Firefox or Safari.",
    died:
      "The engine stopped unexpectedly, perhaps because it ran out of memory. It is restarting. " +
      "Then try the song again: finished parts are kept.",
    silent:
      "The engine stopped responding and is restarting. Then try the song again: finished parts " +
      "are kept.",
    fault:
      "Something went wrong in the engine; details are in the browser's console. It is " +
      "restarting. Then try the song again: finished parts are kept.",
    muted: "All stems are muted, so there is nothing to save. Unmute one first.",
    notFourStems: "A stem file holds exactly four stems. Choose another format for this song.",
    tempoInsecure:
      "Changing speed and key needs a secure address (HTTPS).",
    tempoMissing:
      "Speed and key cannot be changed: part of the page failed to load. " +
      "Check your connection and try again.",
    stemRoom: "Not enough disk space for this file. Free some space and try again.",
    stemFile:
      "The file could not be created, perhaps because memory ran out. Close other tabs and try " +
      "again.",
    stemGone:
      "The stems could no longer be read, so the file could not be created. Open the song and " +
      "save it again.",
    stemPlace:
      "The file could not be written there. Choose another location, or save it to Downloads.",
    resampler:
      "The sample rate of this song could not be converted, perhaps because memory ran out. " +
      "Close other tabs and try again.",
    otherTab:
      "This song is open in another tab or window. Continue there, or close it and try again.",
    begunAnew: (/** @type {{name: string}} */ { name }) =>
      `${name} starts over: the page was updated since it began, and parts from two versions are ` +
      "never mixed.",
    songGone: "This song was deleted in another tab or window.",
    newerStore:
      "Your songs belong to a newer version of this page. Reload to get it; nothing is lost.",
    full:
      "The browser's storage is full. Free some disk space, then continue: finished parts are " +
      "kept.",
    storage:
      "The browser could not read or write its files. Reload the page and continue: finished " +
      "parts are kept.",
    insecure:
      "This address is not secure (HTTPS), so nothing can be stored for offline use. The page " +
      "works, but downloads everything again on every visit.",
    noStorage:
      "This browser stores nothing for offline use here (perhaps this is a private window). The " +
      "page works, but downloads everything again on every visit.",
    noGraphics:
      "This browser has no WebGPU, so the processor does the work.",
    insecureGraphics:
      "Using the graphics card needs a secure address (HTTPS), so the processor does the work.",
    noCard: "The browser found no usable graphics card, so the processor does the work.",
    cardLost:
      "The graphics card stopped responding; its driver may have restarted. The processor takes " +
      "over, and finished parts are kept.",
    cardFault:
      "The graphics card reported an error, so the processor does the work; details are in the " +
      "browser's console.",
    cardIsSoftware: (/** @type {{name: string}} */ { name }) =>
      `The only graphics card here is emulated by the processor (${name}). The processor is ` +
      "faster on its own, so it does the work.",
    cardIsWrong: (/** @type {{name: string}} */ { name }) =>
      `The graphics card (${name}) failed a test, so the processor does the work. ` +
      "A newer driver may help.",
    cardIsFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `The graphics card is low on memory (${megabytes(bytes)} needed), so the processor does ` +
      "the work.",
    cardIsGone: (/** @type {{name: string, other: string | null}} */ { name, other }) =>
      `This song was started on ${name}, which is not in use now. ` +
      `${other ?? "The processor"} continues it.`,
    missingFile: (/** @type {{url: string}} */ { url }) =>
      `A file is missing on the server (${url}). ` +
      "Reload the page; if that does not help, tell whoever runs this site.",
    damagedFile: (/** @type {{url: string}} */ { url }) =>
      `A file arrived damaged (${url}) and was not used. ` +
      "Try again; if that does not help, tell whoever runs this site.",
    noNetwork:
      "The download was interrupted. Check your connection and try again; it continues where it " +
      "stopped.",
    storageFull: (/** @type {{bytes: number}} */ { bytes }) =>
      `Not enough storage to keep the page for offline use (${megabytes(bytes)} needed). ` +
      "Free some disk space and try again.",
    noRoom: (/** @type {{bytes: number}} */ { bytes }) =>
      `This song and its stems need ${gigabytes(bytes)} of browser storage, and there is less ` +
      "left. Free some disk space, delete songs from the library, or use the command line.",
    tooLong: (/** @type {{minutes: number}} */ { minutes }) =>
      `This song is too long: the limit here is ${plural(minutes, {
        one: "one minute",
        other: `${number(minutes)} minutes`,
      })}. Cut it into parts, or use the command line.`,
    incomplete: (/** @type {{stretches: [number, number][]}} */ { stretches }) =>
      `Part of the song could not be separated (${stretches
        .map(([start, stop]) => `${number(start, 1)}-${number(stop, 1)} s`)
        .join(", ")}), perhaps because memory ran out. ` +
      "The rest is finished and kept. Close other tabs, then continue.",
    fileGone:
      "The page was closed before it had read this file. Choose the file again.",
    modelGone: (/** @type {{title: string}} */ { title }) =>
      `The model of this song (${title}) is no longer on this site. ` +
      "Choose the file again to use another one.",
    notFinite: (/** @type {{seconds: number}} */ { seconds }) =>
      `This song has an invalid sample (not a finite number) at ${number(seconds, 3)} s. ` +
      "Repair or re-export the file.",
  },
};
