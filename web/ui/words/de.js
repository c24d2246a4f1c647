/**
 * Die Seite auf Deutsch.
 *
 * @module
 */

import { clock, gigabytes, megabytes, number, span } from "../format.js";
import { plural } from "./plural.js";

/** @type {import("./en.js").Words} */
export const de = {
  language: "Deutsch",

  save: {
    what: "Was",
    whats: { all: "Alle Spuren", mix: "Was du hörst", stem: "Eine Spur" },
    stem: "Spur",
    format: "Format",
    formats: {
      wav16: { title: "WAV, 16 Bit", note: "Lässt sich überall öffnen." },
      wav24: { title: "WAV, 24 Bit", note: "Für Musikprogramme; feiner, als man hören kann." },
      wav32f: {
        title: "WAV, 32 Bit Gleitkomma",
        note: "Jeder Wert, wie er berechnet wurde, auf das Bit genau. Die größten Dateien.",
      },
      flac16: { title: "FLAC, 16 Bit", note: "Klingt genau wie WAV, auf etwa halbem Platz." },
      flac24: {
        title: "FLAC, 24 Bit",
        note: "Klingt genau wie WAV, auf weniger Platz; für Musikprogramme, die FLAC lesen.",
      },
      mp3: {
        title: "MP3, 320 kbit/s",
        note: "Die kleinsten Dateien; etwas vom Klang geht verloren. Kodiert von LAME (LGPL):",
      },
    },
    lameLicence: "seine Lizenz",
    rate: "Abtastrate",
    rateOfStems: ({ kilohertz }) => `${kilohertz} kHz, wie berechnet`,
    rateOfFile: ({ kilohertz }) => `${kilohertz} kHz, wie deine Datei`,
    regionOnly: ({ start, stop }) => `Nur die Schleife, ${start}–${stop}`,
    withTempo: ({ tempo }) => `Mit Tempo und Tonhöhe der Wiedergabe (${tempo})`,
    to: "Wohin",
    places: {
      one: { download: "Downloads", place: "Ort selbst wählen" },
      several: { download: "Downloads, als ein Zip", place: "Ordner selbst wählen" },
    },
    notYet: "Das Lied wird noch zerlegt: Es lässt sich speichern, wenn es fertig ist.",
    regionNotYet: "Dieser Teil wird noch zerlegt: Er lässt sich speichern, wenn er fertig ist.",
    size: ({ size }) => `etwa ${size}`,
    go: "Speichern",
    atWork: ({ count, share }) =>
      plural(count, {
        one: `Wird gespeichert: ${share}`,
        other: `${number(count)} werden gespeichert: ${share}`,
      }),
    allDone: ({ count }) =>
      plural(count, { one: "Gespeichert", other: `${number(count)} gespeichert` }),
    waits: "Wartet, bis es an der Reihe ist",
    saved: "Gespeichert",
    turnedDown: ({ decibels }) =>
      `Gespeichert, und alles gleichmäßig um ${decibels} dB leiser: Die lauteste Stelle würde in ` +
      "diesem Format übersteuern. 32 Bit Gleitkomma behält den Pegel.",
    ready: ({ name }) => `${name} ist gespeichert.`,
    again: "Noch einmal",
    againOf: ({ name }) => `${name} noch einmal speichern`,
    drag: "Speichert es noch einmal. In Chrome und Edge lässt es sich auch auf den Desktop ziehen.",
    cancel: ({ name }) => `Speichern von ${name} abbrechen`,
    dismiss: ({ name }) => `${name} von der Liste nehmen`,
    retry: "Noch einmal versuchen",
    retryOf: ({ name }) => `Noch einmal versuchen, ${name} zu speichern`,
  },

  page: {
    claim: "Nichts verlässt dein Gerät",
    songs: "Lieder",
    add: "Lieder hinzufügen",
    queue: "Warteschlange",
    library: "Bibliothek",
    start: "Anfang",
    player: "Wiedergabe",
    settings: "Modell und Einstellungen",
    language: "Sprache",
    help: "Hilfe",
    save: "Speichern",
    keys: "Tasten",
    happening: "Was gerade passiert",
    update: "Eine neue Fassung dieser Seite ist da.",
    reload: "Aktualisieren: neu laden",
    endedBefore: (workers) =>
      "Beim letzten Mal hat der Browser diese Seite mitten in einem Song beendet, wohl weil der " +
      `Speicher nicht reichte. Sie rechnet jetzt ${workers === 1 ? "einen Teil" : `${workers} Teile`} ` +
      "eines Songs auf einmal; die Einstellungen können das ändern. Was fertig war, ist noch da.",
    updateWaits:
      "Ein anderer Tab dieser Seite arbeitet noch. Zum Aktualisieren müssen alle Tabs neu " +
      "geladen werden: Versuche es noch einmal, wenn er fertig ist.",
    retry: "Noch einmal versuchen",
    engine: "Rechenwerk",
    separation: "Zerlegt von",
    weights: "Seine Gewichte:",
    licences: "Lizenzen von allem auf dieser Seite",
    models: "Mehr über die Modelle",
    close: "Schließen",
  },

  start: {
    title: "Zerlege ein Lied",
    what:
      "Schlagzeug, Bass, Gesang und der Rest, jedes für sich: zum Hören, Mischen und Speichern. " +
      "Alles macht dein Browser, und nichts wird hochgeladen.",
    drop: "Lege Lieder hier ab",
    choose: "oder wähle Dateien",
    tap: "Lieder wählen",
    folder: "Ordner wählen",
    demo: "Beispiellied ausprobieren",
    demoName: "Beispiellied",
    formats: (minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus und der Ton von Videos, bis zu " +
      (minutes < 120
        ? plural(minutes, { one: "eine Minute", other: `${number(minutes)} Minuten` })
        : `${number(Math.floor(minutes / 60))} Stunden`),
    download: (bytes) =>
      `Für das erste Lied werden einmal ${megabytes(bytes)} geladen. Danach geht alles offline.`,
    downloadNow: "Jetzt laden",
    downloaded: "Alles ist auf diesem Gerät. Es geht jetzt auch offline.",
    lacksModel: (title) =>
      `Der Link nennt ein Modell, das diese Seite nicht hat (${title}): ` +
      "Ein anderes ist ausgewählt.",
  },

  stems: {
    drums: "Schlagzeug",
    bass: "Bass",
    other: "Übriges",
    vocals: "Gesang",
    guitar: "Gitarre",
    piano: "Klavier",
    mixture: "Original",
  },

  studio: {
    pause: "Pause",
    goOn: "Weiter",
    cancel: "Abbrechen",
    save: "Speichern",
    zoom: "Ausschnitt",
    zoomIn: "Vergrößern",
    zoomOut: "Verkleinern",
    zoomFit: "Das ganze Lied",
    mute: (stem) => `${stem} stumm schalten`,
    solo: (stem) => `Nur ${stem} hören`,
    volume: (stem) => `Lautstärke: ${stem}`,
    pan: (stem) => `Panorama: ${stem}`,
    spectrogram: (stem) => `Spektrogramm: ${stem}`,
    saveStem: (stem) => `${stem} speichern`,
    centre: "Mitte",
    left: (share) => `${share} % links`,
    right: (share) => `${share} % rechts`,
    playable: "was fertig ist, kann schon gespielt werden",
  },

  transport: {
    play: "Abspielen",
    pause: "Pause",
    position: "Position",
    positionOf: ({ now, all }) => `${now} von ${all}`,
    buffering: "Wartet auf diese Stelle: Sie spielt, sobald sie zerlegt ist.",
    loop: "Schleife",
    loopOf: ({ start, stop }) => `${start}–${stop}`,
    loopOn: "Die Schleife ist an",
    loopOff: "Die Schleife ist aus",
    heard: "Was du hörst",
    stems: "Spuren",
    original: "Original",
    presets: "Voreinstellungen",
    preset: {
      all: "Alles",
      karaoke: "Karaoke",
      acapella: "A cappella",
      drumless: "Ohne Schlagzeug",
      bassless: "Ohne Bass",
      own: "Eigene",
    },
    tempo: "Tempo und Tonhöhe",
    speed: "Tempo",
    semitones: "Tonhöhe",
    semitonesNow: (count) =>
      `${count > 0 ? "+" : ""}${number(count)} ${plural(Math.abs(count), {
        one: "Halbton",
        other: "Halbtöne",
      })}`,
    tempoReset: "Wie im Original",
    master: "Lautstärke",
  },

  keys: {
    space: "Leertaste",
    plays: "Abspielen oder anhalten",
    moves: "5 Sekunden zurück oder vor",
    movesFar: "30 Sekunden zurück oder vor",
    ends: "Zum Anfang, zum Ende",
    lanes: "Zur Spur mit dieser Nummer",
    mutes: "Die Spur, in der du bist, stumm schalten",
    solos: "Nur die Spur hören, in der du bist",
    spectrogram: "Spektrogramm der Spur, in der du bist",
    loops: "Schleife an oder aus",
    loopEnds: "Die Schleife beginnt hier, endet hier",
    original: "Spuren oder Original",
    zooms: "Vergrößern oder verkleinern",
    fits: "Das ganze Lied sehen",
    scrolls: "Sehen, was davor oder danach kommt",
    lists: "Diese Liste",
    letters: "Tasten mit einem einzelnen Zeichen",
    lettersWhy:
      "Schalte sie aus, wenn du mit deinem Gerät sprichst oder Tasten aus Versehen drückst.",
    pointer:
      "Klicke oder ziehe auf einer Spur, um dorthin zu springen; ziehe auf der Zeitleiste (oder mit " +
      "Umschalt auf einer Spur), um eine Schleife zu wählen; drehe das Rad mit Strg, um zu " +
      "vergrößern; klicke doppelt auf einen Regler, um ihn zurückzustellen.",
  },

  engine: {
    stages: {
      download: "Das Rechenwerk wird geladen (nur einmal)",
      python: "Python startet",
      packages: "NumPy und das Programm werden geladen",
      weights: "Das Modell wird geladen",
      graphics: "Die Grafikkarte wird geprüft",
    },
    amount: (done, total, share) => `${done} von ${total} · ${share}`,
    ready: "Das Rechenwerk ist bereit.",
    offline: (title) => `Läuft auch ohne Netz, mit ${title}`,
    byCard: (card) => `Netze auf ${card} (WebGPU)`,
    byProcessor: (backend) => `Matrixprodukte mit ${backend}`,
    pace: (time) => `Etwa ${time} für ein Lied von 4 Minuten`,
  },

  songs: {
    between: " · ",
    states: {
      waiting: "wartet",
      reading: "wird gelesen",
      paused: "angehalten",
      failed: "fehlgeschlagen",
      kept: "abgebrochen; was fertig ist, bleibt erhalten",
      notBegun: "noch nicht begonnen",
    },
    left: (seconds) =>
      seconds < 5 ? "noch ein paar Sekunden" : `noch etwa ${span(seconds)}`,
    leftUnknown: "die Restzeit ist nach dem ersten Teil bekannt",
    shareOf: (name) => `Fortschritt von ${name}`,
    deeds: {
      up: (name) => `${name} nach oben`,
      down: (name) => `${name} nach unten`,
      retry: (name) => `${name} noch einmal versuchen`,
      part: (name) => `Den lesbaren Teil von ${name} verwenden`,
      goOn: (name) => `Mit ${name} weitermachen`,
      cancel: (name) => `${name} abbrechen`,
      rename: (name) => `${name} umbenennen`,
      remove: (name) => `${name} entfernen`,
    },
    part: "Den lesbaren Teil verwenden",
    placeOf: (name, place, count) => `${name} ist Nummer ${number(place)} von ${number(count)}.`,
    pauseAll: "Alles anhalten",
    goOnAll: "Alles fortsetzen",
    removeAll: "Alle löschen",
    clearQueue: "Warteschlange leeren",
    askSaving: (name) =>
      `${name} wird noch gespeichert. Das Lied und die Spuren davon aus diesem Browser löschen ` +
      "und das Speichern abbrechen?",
    askFinished: (name) => `${name} und die Spuren davon aus diesem Browser löschen?`,
    askBegun: (name) => `Löschen, was von ${name} fertig ist?`,
    askAll: (count, isSaving) =>
      plural(count, {
        one: "Ein Lied und seine Spuren aus diesem Browser löschen?",
        other: `${number(count)} Lieder und ihre Spuren aus diesem Browser löschen?`,
      }) + (isSaving ? " Was noch gespeichert wird, bricht ab." : ""),
    askQueue: (count, areBegun) =>
      `${plural(count, { one: "Ein Lied", other: `${number(count)} Lieder` })} aus der ` +
      `Warteschlange nehmen${areBegun ? ", mit dem, was davon fertig ist" : ""}?`,
    yes: "Löschen",
    yesAll: "Alle löschen",
    no: "Behalten",
    removed: (name) => `${name} ist gelöscht.`,
    cancelled: (name) => `${name} ist abgebrochen.`,
    reading: (name) => `${name} wird gelesen.`,
    working: (name) => `${name} wird zerlegt.`,
    shareDone: (name, share) => `${share} von ${name} sind zerlegt.`,
    finished: (name) => `${name} ist zerlegt.`,
    same: (name) => `Dieses Lied ist schon da: ${name}.`,
    failed: (name, sentence) => `${name}: ${sentence}`,
    titleOf: (share, name) => `${share} · ${name}`,
    allDone: (count) =>
      plural(count, {
        one: "Dein Lied ist zerlegt.",
        other: `Deine ${number(count)} Lieder sind zerlegt.`,
      }),
    notKept:
      "Dieser Browser behält hier keine Dateien: Lieder bleiben in dieser Seite, solange sie offen ist.",
    room: (bytes) =>
      `${bytes} frei für Lieder, soweit der Browser es verrät; der Datenträger kann weniger haben.`,
  },

  settings: {
    next: "Für die nächsten Lieder: Was schon wartet, behält seine Einstellungen.",
    model: "Modell",
    kept: (size) => `${size}, liegt hier`,
    toFetch: (size) => `${size} zu laden`,
    missing: (titles) => `Nicht auf dieser Seite: ${titles.join(", ")}.`,
    moreModels: "Mehr über die Modelle",
    takes: (time, isUsual, isMeasured) => {
      const song = isUsual ? "ein Lied von 4 Minuten" : "dieses Lied";
      return isMeasured
        ? `Braucht ${time} für ${song} auf diesem Gerät.`
        : `Braucht etwa ${time} für ${song}: Hier lief es noch nicht.`;
    },
    quality: "Qualität",
    qualities: {
      fast: {
        title: "Schnell",
        use: "Die Teile überlappen sich um ein Zehntel: Ab und zu ist eine Naht zu hören.",
      },
      standard: { title: "Normal", use: "Die Teile überlappen sich um ein Viertel." },
      best: {
        title: "Am besten",
        use: "Die Teile überlappen sich um die Hälfte, und zwei Durchgänge werden gemittelt.",
      },
    },
    stems: "Spuren, die du behalten willst",
    stemsNote: "Spuren, die du nicht willst, belegen keinen Platz. Die Zeit bleibt gleich.",
    computer: "Gerechnet wird mit",
    computers: { automatic: "Automatisch", graphics: "Grafikkarte", processor: "Prozessor" },
    card: (name, memory) => `${name}, ${memory} ihres Speichers.`,
    workers: (memory) =>
      `Teile eines Lieds, die der Prozessor gleichzeitig rechnet (jeder braucht einen Kern und ${memory})`,
    automatic: (count) => `Automatisch (${number(count)})`,
    awake: "Den Bildschirm anlassen, solange Lieder zerlegt werden",
    notify: "Mir Bescheid geben, wenn alle Lieder zerlegt sind",
    notifyDenied:
      "Der Browser lässt diese Seite keine Hinweise zeigen: Erlaube es in den Einstellungen der Seite.",
    persist: "Den Browser bitten, Lieder zu behalten",
    isSafe: "Der Browser behält Lieder und Modelle, bis du sie löschst.",
    isNotSafe:
      "Ist der Datenträger fast voll, darf der Browser Lieder und Modelle von selbst löschen, " +
      "außer er sagt zu, sie zu behalten.",
  },

  help: {
    steps: {
      title: "Erste Schritte",
      all: {
        drop:
          "Zieh ein Lied auf die Seite, wähle eines aus oder füge es ein: eine Audiodatei oder " +
          "ein Video mit Ton. Nichts zur Hand? Nimm das Beispiellied.",
        listen:
          "Hör schon zu, während gerechnet wird. Jede Spur füllt sich nach und nach; was gefüllt " +
          "ist, kannst du abspielen. Klick dorthin, wo du hören willst: Diese Stelle kommt " +
          "zuerst dran.",
        mix:
          "Misch. M schaltet eine Spur stumm, S spielt sie allein, die Regler sind Lautstärke " +
          "und Panorama; ein Doppelklick stellt sie zurück. Karaoke, A cappella und andere " +
          "stehen unten.",
        save:
          "Speichere Spuren oder das, was du hörst, als WAV, FLAC oder MP3, oder zieh eine " +
          "fertige Datei dorthin, wo du sie brauchst.",
        return:
          "Komm wieder. Fertige Lieder bleiben in der Bibliothek dieses Browsers, bis du sie " +
          "löschst, und ein unterbrochenes geht dort weiter, wo es stehen blieb.",
      },
    },
    privacy: {
      title: "Datenschutz",
      all: {
        stays:
          "Deine Lieder verlassen dieses Gerät nie: Das ganze Programm läuft in dieser Seite. Es " +
          "gibt keinen Server, der sie bekommt, kein Konto, keine Cookies, und niemand zählt " +
          "Besuche.",
        kept:
          "Lieder und Spuren liegen in diesem Browser, nur für diese Seite. Lösche sie in der " +
          "Bibliothek, oder alle auf einmal mit den Websitedaten im Browser.",
      },
    },
    check: {
      title: "So prüfst du das",
      all: {
        offline:
          "Warte, bis die Seite meldet, dass sie ohne Netz bereit ist, schalte das Netz ab und " +
          "zerlege ein Lied: Es geht wie vorher.",
        tools:
          "Oder öffne die Entwicklerwerkzeuge deines Browsers, wähle „Netzwerk“ und sieh, dass " +
          "ein Lied keine Anfragen auslöst.",
        policy:
          "Die Seite verbietet sich selbst, irgendeine andere Adresse anzusprechen, durch eine " +
          "Content Security Policy, die der Browser durchsetzt.",
      },
    },
    limits: {
      title: "Grenzen",
      all: {
        quality:
          "Keine Trennung ist vollkommen: In jeder Spur bleiben Reste der anderen, am meisten " +
          "dort, wo Instrumente ähnlich klingen.",
        time:
          "Ein Lied dauert Sekunden bis viele Minuten, je nach Gerät. Die Einstellungen sagen, " +
          "womit du hier rechnen kannst; ein anderes Modell oder eine andere Qualität kann " +
          "schneller sein.",
        room:
          "Eine Minute Lied braucht mit ihren Spuren etwa 100 MB vom Speicherplatz des Browsers, " +
          "und Lieder dürfen drei Stunden lang sein. Wo der Browser keine Dateien behält, liegen " +
          "sie im Arbeitsspeicher: höchstens 20 Minuten, und weg, sobald die Seite geschlossen " +
          "wird.",
        weights:
          "Die Gewichte mancher Modelle sind nur für private Zwecke und Forschung frei: siehe " +
          "Lizenzen.",
      },
    },
    browser: {
      title: "Dieser Browser",
      about:
        "Die Seite läuft in aktuellen Versionen von Chrome, Edge, Firefox und Safari. Das hat sie " +
        "hier vorgefunden:",
      has: "(vorhanden)",
      lacks: "(nicht vorhanden)",
    },
    abilities: {
      songs: {
        title: "Behält Lieder",
        has: "Lieder bleiben hier, bis du sie löschst.",
        lacks:
          "Lieder liegen nur im Arbeitsspeicher, höchstens 20 Minuten lang, und sind weg, wenn " +
          "die Seite geschlossen oder neu geladen wird: Speichere, was du brauchst. Das ist " +
          "üblich in privaten Fenstern und an Adressen ohne HTTPS.",
      },
      offline: {
        title: "Läuft ohne Netz",
        has: "Nach dem ersten Besuch ist kein Netz mehr nötig.",
        lacks: "Die Seite lädt bei jedem Besuch alles neu und braucht dafür ein Netz.",
      },
      graphics: {
        title: "Grafikkarte",
        has:
          "Der Browser lässt Seiten darauf rechnen (WebGPU). Ob sie es tut, sagen die " +
          "Einstellungen.",
        lacks:
          "Der Browser gibt Seiten keine Grafikkarte zum Rechnen (WebGPU): Der Prozessor rechnet.",
      },
      relaxed: {
        title: "Schnelle Befehle",
        has: "Der Prozessor multipliziert und addiert in einem Zug (relaxed SIMD).",
        lacks: "Ohne relaxed SIMD braucht der Prozessor länger, bis zum Anderthalbfachen.",
      },
      folders: {
        title: "Speichert in Ordner",
        has: "Dateien können direkt an einen Ort deiner Wahl gespeichert werden.",
        lacks: "Dateien werden heruntergeladen, mehrere davon als ein Zip.",
      },
      awake: {
        title: "Lässt den Bildschirm an",
        has: "Wenn du möchtest, bleibt der Bildschirm an, während ein Lied berechnet wird.",
        lacks: "Der Bildschirm kann ausgehen, und manche Geräte halten die Seite dann an.",
      },
    },
    licences: {
      title: "Lizenzen",
      about:
        "py-demixer ist freie Software unter der MIT-Lizenz. Woraus es besteht, hat eigene " +
        "Lizenzen.",
      all: "Lizenzen von allem auf dieser Seite",
      models: "Über die Modelle, und wofür ihre Gewichte frei sind",
    },
  },

  happening: {
    backend: "Gerechnet wird mit",
    noEngine: "Das Rechenwerk läuft nicht.",
    speed: "Matrixprodukte",
    gflops: (speed) => `${number(speed, 1)} GFLOP/s, ein Prozess`,
    heap: "Speicher eines Prozesses",
    workers: (heap, count) =>
      plural(count, { one: `${heap}, ein Prozess`, other: `${heap}, ${number(count)} Prozesse` }),
    pace: "Teile in der Minute",
    page: "Speicher der Seite",
    storage: "Speicherplatz",
    stored: (usage, quota) =>
      `${usage} belegt von ${quota}, wie der Browser sagt: Manche nennen überall dieselbe Zahl`,
    versions: "Versionen",
    notKnown: "unbekannt",
    trace: "Statistik eines Teils",
    tracing: "Ein Teil des gezeigten Lieds wird gerechnet.",
    noSong: "Dafür muss ein Lied mit dem Modell zu sehen sein, das gerade geladen ist.",
    copy: "Als Bericht kopieren",
    copied: "Kopiert.",
    report: "Der Bericht",
    step: "Schritt",
    shape: "Form",
    min: "Min",
    max: "Max",
    mean: "Mittel",
    std: "Std",
  },

  errors: {
    said: ({ sentence }) => sentence,
    empty: "Diese Datei ist leer. Wähle eine Datei mit Ton.",
    notAudio:
      "Das ist keine Audiodatei, die dein Browser lesen kann. " +
      "Versuche es mit WAV, AIFF, FLAC, MP3, M4A, Ogg oder Opus.",
    codec: ({ name }) =>
      `Der Ton in dieser WAV-Datei ist als ${name} gespeichert, das Browser nicht lesen können. ` +
      "Wandle sie zuerst in einfaches WAV (PCM) oder FLAC um.",
    noTrack: "Diese Datei hat keine Tonspur. Wähle eine Datei mit Ton.",
    nothingDecoded:
      "Aus dieser Datei ließ sich nichts lesen: Vielleicht ist sie beschädigt oder abgeschnitten. " +
      "Wandle sie zuerst in WAV oder FLAC um.",
    stoppedDecoding: ({ seconds }) =>
      `Diese Datei ließ sich nicht bis zum Ende lesen: Sie ist nach ${clock(seconds)} beschädigt. ` +
      "Nimm den Teil davor, oder wandle sie zuerst in WAV oder FLAC um.",
    unreadable:
      "Diese Datei konnte nicht gelesen werden. " +
      "Wurde sie verschoben oder geändert, wähle sie noch einmal.",
    noFile: "Das war keine Datei. Lege eine Audiodatei von deinem Gerät ab.",
    noSongs: "Darin ist keine Audiodatei. Wähle einen anderen Ordner, oder lege Lieder ab.",
    nothingShared:
      "Was mit dieser Seite geteilt wurde, ist nicht angekommen, vielleicht aus Mangel an Platz. " +
      "Wähle die Dateien stattdessen hier.",
    memory:
      "Für dieses Lied reicht der Speicher nicht. Schließe andere Tabs oder Programme und versuche " +
      "es noch einmal, oder nimm ein kürzeres Lied.",
    engineMemory:
      "Der Speicher reicht nicht, um anzufangen. " +
      "Schließe andere Tabs oder Programme und versuche es noch einmal.",
    old:
      "Dein Browser ist zu alt: Er braucht WebAssembly mit SIMD und DecompressionStream. " +
      "Aktualisiere ihn, oder nimm ein aktuelles Chrome, Edge, Firefox oder Safari.",
    died:
      "Das Rechenwerk ist unerwartet stehen geblieben, vielleicht aus Mangel an Speicher. Es wird " +
      "neu gestartet; versuche das Lied dann noch einmal: Was davon fertig ist, bleibt erhalten.",
    silent:
      "Das Rechenwerk hat sehr lange nicht geantwortet und wurde angehalten. Es wird neu " +
      "gestartet; versuche das Lied dann noch einmal.",
    fault:
      "Ein unerwarteter Fehler ist aufgetreten; die Konsole des Browsers nennt die Einzelheiten. " +
      "Das Rechenwerk wird neu gestartet; versuche das Lied dann noch einmal.",
    muted: "Alle Spuren sind stumm: Es gibt nichts zu speichern. Schalte zuerst eine ein.",
    tempoInsecure:
      "Unter einer Adresse, die nicht sicher ist (HTTPS), können Browser Tempo und Tonhöhe nicht " +
      "ändern.",
    tempoMissing:
      "Tempo und Tonhöhe lassen sich jetzt nicht ändern: Ein Teil der Seite konnte nicht geladen " +
      "werden. Prüfe deine Verbindung und versuche es noch einmal.",
    stemRoom:
      "Auf dem Datenträger ist kein Platz für diese Datei. Schaffe Platz und versuche es noch einmal.",
    stemFile:
      "Die Datei konnte nicht erstellt werden, vielleicht aus Mangel an Speicher. " +
      "Schließe andere Tabs und versuche es noch einmal.",
    stemGone:
      "Die Spuren ließen sich nicht mehr lesen, deshalb konnte die Datei nicht erstellt werden. " +
      "Öffne das Lied wieder und speichere es noch einmal.",
    stemPlace:
      "Dorthin konnte die Datei nicht geschrieben werden. Wähle einen anderen Ort, oder lege sie " +
      "bei den Downloads ab.",
    resampler:
      "Die Abtastrate dieses Lieds konnte nicht umgerechnet werden, vielleicht aus Mangel an " +
      "Speicher. Schließe andere Tabs und versuche es noch einmal.",
    otherTab:
      "Dieses Lied ist in einem anderen Tab oder Fenster offen. " +
      "Mach dort weiter, oder schließe es und versuche es noch einmal.",
    begunAnew: ({ name }) =>
      `${name} beginnt von vorn: Diese Seite rechnet anders als die, die es begonnen hat (sie ` +
      "wurde zum Beispiel aktualisiert), und Teile aus zwei Rechenweisen werden nie gemischt.",
    songGone: "Dieses Lied ist nicht mehr da: Es wurde in einem anderen Tab oder Fenster gelöscht.",
    newerStore:
      "Die Lieder hier gehören zu einer neueren Fassung dieser Seite. Lade die Seite neu, um sie " +
      "zu bekommen: Es geht nichts verloren.",
    full:
      "Der Speicherplatz des Browsers ist voll. Was vom Lied fertig ist, bleibt erhalten: " +
      "Schaffe Platz auf dem Datenträger und mach dann weiter.",
    storage:
      "Der Browser konnte seine Dateien nicht lesen oder schreiben. Was vom Lied fertig ist, " +
      "bleibt erhalten: Lade die Seite neu und mach weiter.",
    insecure:
      "Diese Adresse ist nicht sicher (HTTPS), deshalb behält der Browser nichts für die Nutzung " +
      "ohne Netz: Die Seite funktioniert, lädt aber bei jedem Besuch alles neu.",
    noStorage:
      "Dieser Browser behält hier nichts für die Nutzung ohne Netz (vielleicht ein privates " +
      "Fenster): Die Seite funktioniert, lädt aber bei jedem Besuch alles neu.",
    noGraphics:
      "Dieser Browser gibt Seiten keine Grafikkarte zum Rechnen (WebGPU): Der Prozessor rechnet.",
    insecureGraphics:
      "An einer Adresse, die nicht sicher ist (HTTPS), geben Browser Seiten keine Grafikkarte: " +
      "Der Prozessor rechnet.",
    noCard: "Der Browser hat keine Grafikkarte gefunden, die er nutzen kann: Der Prozessor rechnet.",
    cardLost:
      "Die Grafikkarte ist ausgefallen: Vielleicht wurde ihr Treiber neu gestartet. Der Prozessor " +
      "macht weiter, und was vom Lied fertig ist, bleibt erhalten.",
    cardFault:
      "Die Grafikkarte hat verweigert, was von ihr verlangt wurde; die Konsole des Browsers nennt " +
      "die Einzelheiten. Der Prozessor rechnet.",
    cardIsSoftware: ({ name }) =>
      `Die einzige Grafikkarte hier ahmt der Prozessor nach (${name}). ` +
      "Allein ist er schneller, also rechnet er selbst.",
    cardIsWrong: ({ name }) =>
      `Die Grafikkarte (${name}) hat in einem Test falsch gerechnet, also rechnet der Prozessor. ` +
      "Ein neuerer Treiber kann helfen.",
    cardIsFull: ({ bytes }) =>
      `Die Grafikkarte hat nicht genug Speicher frei (${megabytes(bytes)} sind nötig): ` +
      "Der Prozessor rechnet.",
    cardIsGone: ({ name, other }) =>
      `Dieses Lied hat die Grafikkarte ${name} begonnen, die jetzt nicht in Gebrauch ist: ` +
      `${other ?? "Der Prozessor"} macht damit weiter.`,
    missingFile: ({ url }) =>
      `Eine Datei dieser Seite fehlt auf ihrem Server (${url}). ` +
      "Lade die Seite neu; hilft das nicht, sag es dem Betreiber der Seite.",
    damagedFile: ({ url }) =>
      `Eine Datei dieser Seite kam beschädigt an (${url}): Ihre Prüfsumme stimmt nicht, also wurde ` +
      "sie nicht verwendet. Versuche es noch einmal; hilft das nicht, sag es dem Betreiber der Seite.",
    noNetwork:
      "Der Download wurde unterbrochen. Prüfe deine Verbindung und versuche es noch einmal: " +
      "Was angekommen ist, bleibt erhalten, wo der Browser es erlaubt.",
    storageFull: ({ bytes }) =>
      `Der Browser hat keinen Platz, um alles für die Nutzung ohne Netz zu behalten ` +
      `(${megabytes(bytes)}). Schaffe Platz auf dem Datenträger und versuche es noch einmal.`,
    noRoom: ({ bytes }) =>
      `Dieses Lied und seine Spuren brauchen ${gigabytes(bytes)} vom Speicherplatz des Browsers, ` +
      "die nicht frei sind. Schaffe Platz auf dem Datenträger, lösche Lieder, die hier liegen, " +
      "oder nimm die Kommandozeile.",
    tooLong: ({ minutes }) =>
      `Dieses Lied ist zu lang: Hier nimmt die Seite höchstens ${plural(minutes, {
        one: "eine Minute",
        other: `${number(minutes)} Minuten`,
      })}. Teile das Lied, oder nimm die Kommandozeile.`,
    incomplete: ({ stretches }) =>
      `Ein Teil des Lieds konnte nicht zerlegt werden (${stretches
        .map(([start, stop]) => `${number(start, 1)}-${number(stop, 1)} s`)
        .join(", ")}), vielleicht aus Mangel an Speicher. ` +
      "Der Rest ist fertig und bleibt erhalten: Schließe andere Tabs und mach dann weiter.",
    fileGone:
      "Diese Datei wurde nicht gelesen, bevor die Seite geschlossen wurde, und Seiten können " +
      "Dateien nicht von selbst öffnen: Wähle sie noch einmal.",
    modelGone: ({ title }) =>
      `Das Modell dieses Lieds (${title}) gibt es auf dieser Seite nicht mehr: ` +
      "Wähle die Datei noch einmal, um ein anderes zu nehmen.",
    notFinite: ({ seconds }) =>
      `Dieses Lied hat bei ${number(seconds, 3)} s einen Wert, der keine endliche Zahl ist. ` +
      "Repariere die Datei oder exportiere sie neu.",
  },
};
