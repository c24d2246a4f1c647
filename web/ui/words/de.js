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
      wav24: { title: "WAV, 24 Bit", note: "Zum Bearbeiten. Genauer, als man hören kann." },
      wav32f: {
        title: "WAV, 32 Bit Gleitkomma",
        note: "Jeder Wert genau wie berechnet. Die größten Dateien.",
      },
      flac16: { title: "FLAC, 16 Bit", note: "Klingt wie WAV, halb so groß." },
      flac24: {
        title: "FLAC, 24 Bit",
        note: "Klingt wie WAV und ist kleiner, für Programme, die FLAC lesen.",
      },
      mp3: {
        title: "MP3, 320 kbit/s",
        note: "Die kleinsten Dateien, mit etwas Klangverlust. Kodiert von LAME (LGPL):",
      },
      stems: {
        title: "Stem-Datei für DJs",
        note:
          "Der Song und seine Spuren in einer Datei, für Traktor, Mixxx, djay und andere. " +
          "AAC mit 256 kbit/s je Spur, mit etwas Klangverlust. Kodiert von FFmpeg (LGPL):",
      },
    },
    licence: "Lizenz",
    names: "Dateinamen",
    namesExample: ({ name }) => `Dateinamen: ${name}`,
    namesHint: ({ fields }) => `Jedes Feld steht für das, was über das Lied bekannt ist: ${fields}`,
    follow: "Weitere Lieder genauso speichern, sobald sie fertig sind",
    follows: ({ folder }) => `Lieder werden in „${folder}“ gespeichert, sobald sie fertig sind.`,
    followsInDownloads: "Lieder werden als Download gespeichert, sobald sie fertig sind.",
    stopFollowing: "Beenden",
    rate: "Abtastrate",
    rateOfStems: ({ kilohertz }) => `${kilohertz} kHz, wie berechnet`,
    rateOfFile: ({ kilohertz }) => `${kilohertz} kHz, wie in deiner Datei`,
    addsUp: {
      other: "Spuren, die zusammen das Lied ergeben: Übriges bekommt den Rest",
      own: "Spuren, die zusammen das Lied ergeben: der Rest ist eine weitere Datei",
    },
    regionOnly: ({ start, stop }) => `Nur die Schleife, ${start}–${stop}`,
    withTempo: ({ tempo }) => `Mit dem aktuellen Tempo und der aktuellen Tonhöhe (${tempo})`,
    several: ({ count }) => `Alle Spuren von ${number(count)} Liedern, eines nach dem anderen`,
    to: "Speichern in",
    places: {
      one: { download: "Downloads", place: "Ort selbst wählen" },
      several: { download: "Downloads, als Zip", place: "Ordner selbst wählen" },
      songs: { download: "Downloads, ein Zip je Lied", place: "Ordner selbst wählen" },
    },
    finishedOnly: ({ start, stop }) => `Nur was fertig ist, ${start}–${stop}`,
    stopped: "Das ist noch nicht zerlegt. Setze erst das Lied fort.",
    notYet: "Das Lied wird noch zerlegt. Du kannst es speichern, wenn es fertig ist.",
    regionNotYet: "Dieser Teil wird noch zerlegt. Du kannst ihn speichern, wenn er fertig ist.",
    tooMuch: ({ most }) =>
      `So viel lässt sich nicht auf einmal herunterladen (höchstens ${most}). Wähle einen Ordner, ein ` +
      "kleineres Format oder mit der Suche weniger Lieder.",
    size: ({ size }) => `etwa ${size}`,
    go: "Speichern",
    atWork: ({ count, share }) =>
      plural(count, {
        one: `Wird gespeichert: ${share}`,
        other: `${number(count)} werden gespeichert: ${share}`,
      }),
    allDone: ({ count }) =>
      plural(count, { one: "Gespeichert", other: `${number(count)} gespeichert` }),
    waits: "Wartet",
    saved: "Gespeichert",
    turnedDown: ({ decibels }) =>
      `Gespeichert, alle Spuren ${decibels} dB leiser, damit die lauteste nicht übersteuert. ` +
      "32 Bit Gleitkomma behält den Pegel.",
    ready: ({ name }) => `${name} gespeichert.`,
    again: "Noch einmal speichern",
    againOf: ({ name }) => `${name} noch einmal speichern`,
    dragUnfinished: "Herausziehen lässt sich nur, was fertig ist.",
    dragTooLong:
      "Das ist zu lang, um es aus der Spur zu ziehen. Speichere es, und ziehe es von dort.",
    dragSoon: "Die Datei zum Ziehen entsteht gerade. Ziehe gleich noch einmal.",
    drag:
      "Ein Klick speichert noch einmal. In Chrome und Edge lässt es sich auch auf den Desktop " +
      "ziehen.",
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
    keys: "Tastenkürzel",
    happening: "Diagnose",
    update: "Eine neue Version ist da.",
    reload: "Neu laden und aktualisieren",
    endedBefore: (workers) =>
      "Der Browser hat diese Seite letztes Mal mitten in einem Lied geschlossen, wohl weil der " +
      "Speicher nicht reichte. Sie rechnet jetzt " +
      `${workers === 1 ? "einen Teil" : `${workers} Teile`} ` +
      "eines Lieds auf einmal; das lässt sich in den Einstellungen ändern. Fertige Teile bleiben.",
    updateWaits:
      "Ein anderer Tab arbeitet noch. Die Aktualisierung lädt alle Tabs neu: Versuche es noch " +
      "einmal, wenn er fertig ist.",
    retry: "Noch einmal versuchen",
    engine: "Rechenwerk",
    weights: "Gewichte:",
    close: "Schließen",
  },

  start: {
    title: "Zerlege ein Lied in Spuren",
    what:
      "Schlagzeug, Bass, Gesang und der Rest als einzelne Spuren zum Hören, Mischen und " +
      "Speichern. Alles passiert in deinem Browser, nichts wird hochgeladen.",
    drop: "Lege Lieder hier ab",
    choose: "oder wähle Dateien",
    tap: "Lieder wählen",
    folder: "Ordner wählen",
    demo: "Beispiellied ausprobieren",
    demoName: "Beispiellied",
    formats: (minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus und Videos, bis zu " +
      (minutes < 120
        ? plural(minutes, { one: "eine Minute", other: `${number(minutes)} Minuten` })
        : `${number(Math.floor(minutes / 60))} Stunden`),
    download: (bytes) =>
      `Beim ersten Mal werden ${megabytes(bytes)} geladen. Danach geht alles offline.`,
    downloadNow: "Jetzt laden",
    downloaded: "Alles ist auf diesem Gerät und funktioniert offline.",
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
    click: "Klick",
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
    fadersOf: (stem) => `Lautstärke und Panorama: ${stem}`,
    faders: { volume: "Lautstärke", pan: "Panorama" },
    spectrogram: (stem) => `Spektrogramm: ${stem}`,
    saveStem: (stem) => `${stem} speichern`,
    further: (stem) => `${stem} weiter trennen`,
    furtherAbout:
      "Die Spur wird zu einem eigenen Lied. Modelle für eine Art von Spur, etwa ein Schlagzeug, " +
      "lassen sich auf die Seite ziehen.",
    furtherDo: "Trennen",
    furtherQueued: (name) => `„${name}“ ist in der Warteschlange.`,
    centre: "Mitte",
    left: (share) => `${share} links`,
    right: (share) => `${share} rechts`,
    arrange: "Klicken klappt die Spur ein oder aus, Ziehen verschiebt sie",
    moved: ({ stem, index, count }) => `${stem}: Spur ${index} von ${count}`,
    playable: "fertige Teile sind schon spielbar",
  },

  transport: {
    play: "Abspielen",
    pause: "Pause",
    position: "Position",
    positionOf: ({ now, all }) => `${now} von ${all}`,
    buffering: "Diese Stelle wird zerlegt und spielt, sobald sie fertig ist.",
    stopped: "Diese Stelle ist nicht zerlegt. Setze das Lied fort, um sie zu hören.",
    loop: "Schleife",
    loopOf: ({ start, stop }) => `${start}–${stop}`,
    loopOn: "Schleife an",
    loopOff: "Schleife aus",
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
    tempoReset: "Zurücksetzen",
    master: "Lautstärke",
  },

  music: {
    title: "Schläge und Tonart",
    bpm: (bpm) => `${bpm} BPM`,
    tempo: "Tempo",
    noBeats: "Ein regelmäßiger Schlag wurde nicht gefunden.",
    half: "Halb",
    double: "Doppelt",
    shift: "Um einen halben Schlag daneben",
    clicks: "Klick",
    clicksOff: "Aus",
    clicksBeats: "Auf jedem Schlag",
    clicksCountIn: "Mit Einzähler",
    clicksAreOn: "Klick an",
    clicksAreOff: "Klick aus",
    midi: "Tempo als MIDI speichern",
    tempoFile: "Tempo",
    key: "Tonart",
    keyUnknown: "Unbekannt",
    keys: {
      major: ["C", "Des", "D", "Es", "E", "F", "Fis", "G", "As", "A", "B", "H"].map(
        (tonic) => `${tonic}-Dur`,
      ),
      minor: ["c", "cis", "d", "es", "e", "f", "fis", "g", "gis", "a", "b", "h"].map(
        (tonic) => `${tonic}-Moll`,
      ),
    },
    keyHeard: (key) => `Du hörst es in ${key}.`,
  },

  keys: {
    space: "Leertaste",
    plays: "Abspielen oder anhalten",
    moves: "5 Sekunden zurück oder vor",
    movesFar: "30 Sekunden zurück oder vor",
    ends: "Zum Anfang, zum Ende",
    lanes: "Spur auswählen",
    mutes: "Gewählte Spur stumm schalten",
    solos: "Nur die gewählte Spur hören",
    spectrogram: "Spektrogramm der gewählten Spur",
    loops: "Schleife an oder aus",
    loopEnds: "Anfang oder Ende der Schleife setzen",
    clicks: "Klick an oder aus",
    original: "Zwischen Spuren und Original wechseln",
    zooms: "Vergrößern oder verkleinern",
    fits: "Das ganze Lied zeigen",
    scrolls: "Zurück oder vor blättern",
    lists: "Diese Liste zeigen",
    letters: "Kürzel mit nur einer Taste",
    lettersWhy:
      "Schalte sie aus, wenn du Sprachsteuerung nutzt oder Tasten aus Versehen drückst.",
    pointer:
      "Klicke oder ziehe auf einer Spur, um dorthin zu springen; ziehe auf der Zeitleiste (oder " +
      "mit Umschalt auf einer Spur), um eine Schleife zu wählen, deren Enden auf den Schlägen " +
      "einrasten, außer mit Alt; klicke auf den Namen einer Spur, um sie einzuklappen, und ziehe " +
      "ihn (oder drücke Alt und eine Pfeiltaste), um sie zu verschieben; ziehe in Chrome und Edge " +
      "den Speichern-Knopf einer Spur auf den Desktop oder in ein anderes Programm, das dann die " +
      "Datei erhält; drehe das Rad mit Strg, um zu vergrößern; klicke doppelt auf einen Regler, um ihn zurückzustellen.",
  },

  engine: {
    stages: {
      download: "Wird geladen (einmalig)",
      python: "Python startet",
      packages: "NumPy wird geladen",
      weights: "Das Modell wird geladen",
      graphics: "Die Grafikkarte wird geprüft",
    },
    amount: (done, total, share) => `${done} von ${total} · ${share}`,
    ready: "Bereit.",
    offline: "Funktioniert offline",
    byCard: (card) => `${card} (WebGPU)`,
    byProcessor: (backend) => `Backend ${backend}`,
    pace: (time) => `Etwa ${time} für ein 4-Minuten-Lied`,
  },

  songs: {
    between: " · ",
    states: {
      waiting: "Wartet",
      reading: "Wird gelesen",
      paused: "Angehalten",
      failed: "Fehlgeschlagen",
      kept: "Abgebrochen, fertige Teile bleiben",
      notBegun: "Nicht begonnen",
    },
    left: (seconds) =>
      seconds < 5 ? "noch ein paar Sekunden" : `noch etwa ${span(seconds)}`,
    leftUnknown: "Restzeit wird geschätzt",
    shareOf: (name) => `Fortschritt von ${name}`,
    deeds: {
      up: (name) => `${name} nach oben`,
      down: (name) => `${name} nach unten`,
      retry: (name) => `${name} noch einmal versuchen`,
      part: (name) => `Den lesbaren Teil von ${name} verwenden`,
      goOn: (name) => `Mit ${name} weitermachen`,
      cancel: (name) => `${name} abbrechen`,
      save: (name) => `${name} speichern`,
      rename: (name) => `${name} umbenennen`,
      remove: (name) => `${name} entfernen`,
    },
    part: "Den lesbaren Teil verwenden",
    placeOf: (name, place, count) => `${name} ist Nummer ${number(place)} von ${number(count)}.`,
    pauseAll: "Alles anhalten",
    goOnAll: "Alles fortsetzen",
    search: "Bibliothek durchsuchen",
    searchHere: "Suchen",
    order: "Reihenfolge der Bibliothek",
    orders: { newest: "Neueste zuerst", name: "Nach Namen" },
    noMatch: "Kein Lied passt.",
    saveAll: "Alle speichern",
    removeAll: "Alle löschen",
    clearQueue: "Warteschlange leeren",
    askSaving: (name) =>
      `${name} wird noch gespeichert. Das Speichern abbrechen und das Lied samt Spuren aus ` +
      "diesem Browser löschen?",
    askFinished: (name) => `${name} samt Spuren aus diesem Browser löschen?`,
    askBegun: (name) => `Die fertigen Teile von ${name} löschen?`,
    askAll: (count, isSaving) =>
      plural(count, {
        one: "Ein Lied samt Spuren aus diesem Browser löschen?",
        other: `${number(count)} Lieder samt Spuren aus diesem Browser löschen?`,
      }) + (isSaving ? " Laufendes Speichern wird abgebrochen." : ""),
    askQueue: (count, areBegun) =>
      `${plural(count, { one: "Ein Lied", other: `${number(count)} Lieder` })} aus der ` +
      `Warteschlange nehmen${areBegun ? ", samt fertigen Teilen" : ""}?`,
    yes: "Löschen",
    yesAll: "Alle löschen",
    no: "Behalten",
    removed: (name) => `${name} gelöscht.`,
    cancelled: (name) => `${name} abgebrochen.`,
    reading: (name) => `${name} wird gelesen.`,
    working: (name) => `${name} wird zerlegt.`,
    shareDone: (name, share) => `${name}: ${share} fertig.`,
    finished: (name) => `${name} ist fertig.`,
    same: (name) => `Dieses Lied ist schon da: ${name}.`,
    failed: (name, sentence) => `${name}: ${sentence}`,
    titleOf: (share, name) => `${share} · ${name}`,
    allDone: (count) =>
      plural(count, {
        one: "Dein Lied ist fertig.",
        other: `Deine ${number(count)} Lieder sind fertig.`,
      }),
    notKept:
      "Dieser Browser kann hier nichts speichern. Lieder bleiben nur, solange die Seite offen ist.",
    room: (songs, models, free) =>
      `Lieder belegen ${songs}, Modelle ${models}. Etwa ${free} frei, laut Browser.`,
  },

  settings: {
    next: "Gilt für Lieder, die du ab jetzt hinzufügst.",
    model: "Modell",
    kept: (size) => `${size}, geladen`,
    toFetch: (size) => `${size} zu laden`,
    missing: (titles) => `Nicht auf dieser Seite: ${titles.join(", ")}.`,
    moreModels: "Über die Modelle",
    own:
      "Eigene Modelle gehen auch: Zieh oder wähle den Checkpoint (.th, .pth, .pt, .ckpt oder " +
      ".safetensors) und, wenn er eine hat, seine Konfiguration (.yaml).",
    combine: "Mehrere Modelle zusammen",
    combineAbout:
      "Jede Spur ist der Mittelwert der Modelle, die sie machen. Das braucht die Zeit und den " +
      "Speicher von allen.",
    combineDo: "Zusammenstellen",
    ownKept: (size) => `${size}, dein eigenes`,
    ownReading: (name) => `${name} wird gelesen. Das kann eine Minute dauern.`,
    ownAdded: (title) => `${title} ist bereit und für die nächsten Lieder ausgewählt.`,
    delete: "Löschen",
    deleteNamed: (title) => `${title} löschen`,
    ownAsk: (title) => `Das Modell ${title} löschen? Fertige Lieder behalten ihre Spuren.`,
    needed: (title) =>
      `Lieder in der Warteschlange brauchen ${title}. Warte auf sie, oder lösche sie zuerst.`,
    ownGone: "ein eigenes Modell, inzwischen gelöscht",
    deleted: (title) => `${title} gelöscht.`,
    takes: (time, isUsual, isMeasured) => {
      const song = isUsual ? "ein 4-Minuten-Lied" : "dieses Lied";
      return isMeasured
        ? `${time} für ${song} auf diesem Gerät`
        : `etwa ${time} für ${song} (geschätzt)`;
    },
    quality: "Qualität",
    qualities: {
      fast: {
        title: "Schnell",
        use: "10 % Überlappung. Ab und zu ist eine Naht zu hören.",
      },
      standard: { title: "Normal", use: "25 % Überlappung." },
      best: {
        title: "Am besten",
        use: "50 % Überlappung, zwei Durchgänge gemittelt.",
      },
    },
    stems: "Gewünschte Spuren",
    stemsNote: "Weniger Spuren sparen Platz, keine Zeit.",
    computer: "Rechnet auf",
    computers: { automatic: "Automatisch", graphics: "Grafikkarte", processor: "Prozessor" },
    card: (name, memory) => `${name}, belegt ${memory} ihres Speichers.`,
    workers: (memory) =>
      `Parallele Prozesse (je ein Kern und ${memory})`,
    automatic: (count) => `Automatisch (${number(count)})`,
    awake: "Bildschirm beim Zerlegen anlassen",
    notify: "Benachrichtigen, wenn alle Lieder fertig sind",
    notifyDenied:
      "Benachrichtigungen sind blockiert. Erlaube sie für diese Seite in den Einstellungen des " +
      "Browsers.",
    persist: "Lieder vor automatischem Löschen schützen",
    isSafe: "Lieder und Modelle bleiben, bis du sie löschst.",
    isNotSafe:
      "Ist der Datenträger fast voll, kann der Browser Lieder und Modelle löschen.",
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
      title: "Prüf es selbst",
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
        "Die Seite läuft in aktuellen Versionen von Chrome, Edge, Firefox und Safari. In diesem " +
        "Browser:",
      has: "(vorhanden)",
      lacks: "(nicht vorhanden)",
    },
    abilities: {
      songs: {
        title: "Bibliothek",
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
        title: "Relaxed SIMD",
        has: "Der Prozessor rechnet mit voller Geschwindigkeit.",
        lacks: "Ohne sie dauert es auf dem Prozessor bis zu 50 % länger.",
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
      all: "Lizenzen",
      models: "Über die Modelle und wofür sie frei sind",
    },
  },

  happening: {
    backend: "Rechnet auf",
    noEngine: "Das Rechenwerk läuft nicht.",
    speed: "Matrixmultiplikation",
    gflops: (speed) => `${number(speed, 1)} GFLOP/s, ein Prozess`,
    heap: "Speicher je Prozess",
    workers: (heap, count) =>
      plural(count, { one: `${heap}, ein Prozess`, other: `${heap}, ${number(count)} Prozesse` }),
    pace: "Segmente je Minute",
    page: "Speicher der Seite",
    storage: "Speicherplatz",
    stored: (usage, quota) =>
      `${usage} von ${quota} belegt, laut Browser`,
    versions: "Versionen",
    notKnown: "unbekannt",
    measure: "Tempo messen",
    measuring: "Rechnet Segmente aus Rauschen und ihre Operationen. Das dauert eine Minute.",
    busy: "Warte, bis kein Lied mehr berechnet wird.",
    operation: "Operation",
    rate: { processor: "Prozessor, GFLOP/s", card: "Karte, GFLOP/s" },
    ofCeiling: "Von der Grenze",
    segmentBy: "Segment mit",
    segmentTakes: "Dauer",
    perSecond: "Je Sekunde Musik",
    by: (by, workers) =>
      by === "card"
        ? "Grafikkarte"
        : plural(workers, { one: "einem Prozess", other: `${number(workers)} Prozessen zugleich` }),
    second: (seconds) => `${seconds} s`,
    trace: "Ein Segment verfolgen",
    tracing: "Ein Segment des gezeigten Lieds wird zerlegt.",
    noSong: "Öffne zuerst ein Lied, das mit dem aktuellen Modell gemacht ist.",
    copy: "Bericht kopieren",
    send: "Diese Zahlen senden",
    copied: "Kopiert.",
    report: "Bericht",
    step: "Schritt",
    shape: "Form",
    min: "Min",
    max: "Max",
    mean: "Mittel",
    std: "Std",
  },

  errors: {
    verbatim: ({ sentence }) => sentence,
    empty: "Diese Datei ist leer. Wähle eine Datei mit Ton.",
    settingsAlone:
      "Das ist die Konfiguration eines Modells. Zieh seinen Checkpoint mit ihr auf die Seite: .th, " +
      ".pth, .pt, .ckpt oder .safetensors.",
    notSettings: ({ name }) =>
      `${name} ist keine Konfiguration eines Modells (YAML mit Abschnitten).`,
    ownModelDamaged:
      "Der Browser hat einen Teil deines Modells verloren. Lösche es und füge die Datei neu hinzu.",
    ownTooLarge:
      "Dieser Checkpoint konnte nicht gelesen werden, wahrscheinlich aus Mangel an Speicher. " +
      "Schließe andere Tabs, oder wandle ihn mit der Kommandozeile um (py-demixer convert) und " +
      "füge die Datei hinzu, die dabei entsteht.",
    ownStorageFull: ({ bytes }) =>
      `Der Browser hat keinen Platz für dieses Modell (${megabytes(bytes)}). Schaffe Platz auf dem ` +
      "Datenträger, oder lösche Lieder aus der Bibliothek, und füge es noch einmal hinzu.",
    ownNeedsStorage:
      "Dieser Browser kann hier keine Modelle behalten, also auch keine eigenen. Öffne die Seite " +
      "über HTTPS und nicht in einem privaten Fenster.",
    notAudio:
      "Das ist keine Audiodatei, die dein Browser lesen kann. " +
      "Versuche es mit WAV, AIFF, FLAC, MP3, M4A, Ogg oder Opus.",
    codec: ({ name }) =>
      `Der Ton in dieser WAV-Datei ist als ${name} gespeichert, das Browser nicht lesen können. ` +
      "Wandle sie zuerst in einfaches WAV (PCM) oder FLAC um.",
    noTrack: "Diese Datei hat keine Tonspur. Wähle eine Datei mit Ton.",
    nothingDecoded:
      "Diese Datei ließ sich nicht dekodieren. Vielleicht ist sie beschädigt oder abgeschnitten. " +
      "Wandle sie zuerst in WAV oder FLAC um.",
    stoppedDecoding: ({ seconds }) =>
      `Diese Datei ist nach ${clock(seconds)} beschädigt. ` +
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
      "Für dieses Lied reicht der Speicher nicht. Schließe andere Tabs oder Programme und " +
      "versuche es noch einmal, oder nimm ein kürzeres Lied.",
    engineMemory:
      "Der Speicher reicht nicht, um anzufangen. " +
      "Schließe andere Tabs oder Programme und versuche es noch einmal.",
    old:
      "Dein Browser ist zu alt: Er braucht WebAssembly mit SIMD und DecompressionStream. " +
      "Aktualisiere ihn, oder nimm ein aktuelles Chrome, Edge, Firefox oder Safari.",
    died:
      "Das Rechenwerk ist unerwartet stehen geblieben, vielleicht aus Mangel an Speicher. Es " +
      "wird neu gestartet; versuche das Lied dann noch einmal: Fertige Teile bleiben erhalten.",
    silent:
      "Das Rechenwerk hat sehr lange nicht geantwortet und wurde angehalten. Es wird neu " +
      "gestartet; versuche das Lied dann noch einmal.",
    fault:
      "Ein unerwarteter Fehler ist aufgetreten; die Konsole des Browsers nennt die Einzelheiten. " +
      "Das Rechenwerk wird neu gestartet; versuche das Lied dann noch einmal.",
    muted: "Alle Spuren sind stumm: Es gibt nichts zu speichern. Schalte zuerst eine ein.",
    notFourStems: "Eine Stem-Datei hat genau vier Spuren. Wähle für diesen Song ein anderes Format.",
    tempoInsecure:
      "Unter einer Adresse, die nicht sicher ist (HTTPS), können Browser Tempo und Tonhöhe nicht " +
      "ändern.",
    tempoMissing:
      "Tempo und Tonhöhe lassen sich jetzt nicht ändern: Ein Teil der Seite konnte nicht geladen " +
      "werden. Prüfe deine Verbindung und versuche es noch einmal.",
    stemRoom:
      "Auf dem Datenträger fehlt Platz für diese Datei. Schaffe Platz und versuche es noch einmal.",
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
    noCard: "Der Browser hat keine nutzbare Grafikkarte gefunden: Der Prozessor rechnet.",
    cardLost:
      "Die Grafikkarte ist ausgefallen: Vielleicht wurde ihr Treiber neu gestartet. Der " +
      "Prozessor macht weiter, und was vom Lied fertig ist, bleibt erhalten.",
    cardFault:
      "Die Grafikkarte hat einen Fehler gemeldet: Der Prozessor rechnet. Einzelheiten stehen in " +
      "der Konsole des Browsers.",
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
      `Eine Datei kam beschädigt an (${url}) und wurde nicht verwendet. Versuche es noch einmal; ` +
      "hilft das nicht, sag es dem Betreiber der Seite.",
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
