/**
 * Die Seite auf Deutsch.
 *
 * @module
 */

import { clock, gigabytes, megabytes, number } from "../format.js";
import { plural } from "./plural.js";

/** @type {import("./en.js").Words} */
export const de = {
  language: "Deutsch",

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
    close: "Schließen",
  },

  start: {
    title: "Zerlege ein Lied",
    what:
      "Schlagzeug, Bass, Gesang und der Rest, jedes für sich: zum Hören, Mischen und Speichern. " +
      "Alles macht dein Browser, und nichts wird hochgeladen.",
    drop: "Lege Lieder hier ab",
    choose: "oder wähle Dateien",
    folder: "Ordner wählen",
    demo: "Beispiellied ausprobieren",
    demoName: "Beispiellied",
    formats: (minutes) =>
      "WAV, AIFF, FLAC, MP3, M4A, Apple Lossless, Ogg, Opus und der Ton von Videos, bis zu " +
      (minutes < 120
        ? plural(minutes, { one: "eine Minute", other: `${number(minutes)} Minuten` })
        : `${number(Math.floor(minutes / 60))} Stunden`),
    download: (bytes) =>
      `Das erste Lied braucht einmal ${megabytes(bytes)} von dieser Seite. ` +
      "Danach geht alles ohne Netz.",
    downloaded: "Alles, was Lieder brauchen, ist auf diesem Gerät: Es geht ohne Netz.",
  },

  errors: {
    said: ({ sentence }) => sentence,
    empty: "Diese Datei ist leer. Wähle eine Datei mit Ton.",
    notAudio:
      "Das ist keine Audiodatei, die dein Browser lesen kann. " +
      "Versuche es mit WAV, AIFF, FLAC, MP3, M4A, Ogg oder Opus.",
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
    severalFiles: "Bitte lege ein Lied nach dem anderen ab.",
    busy: "Gerade wird ein Lied zerlegt. Warte, bis es fertig ist, oder brich es ab.",
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
    stemRoom:
      "Auf dem Datenträger ist kein Platz für diese Datei. Schaffe Platz und versuche es noch einmal.",
    stemFile:
      "Die Datei konnte nicht erstellt werden, vielleicht aus Mangel an Speicher. " +
      "Schließe andere Tabs und versuche es noch einmal.",
    resampler:
      "Die Abtastrate dieses Lieds konnte nicht umgerechnet werden, vielleicht aus Mangel an " +
      "Speicher. Schließe andere Tabs und versuche es noch einmal.",
    otherTab:
      "Dieses Lied wird in einem anderen Tab oder Fenster zerlegt. " +
      "Mach dort weiter, oder schließe es und versuche es noch einmal.",
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
    notFinite: ({ seconds }) =>
      `Dieses Lied hat bei ${number(seconds, 3)} s einen Wert, der keine endliche Zahl ist. ` +
      "Repariere die Datei oder exportiere sie neu.",
  },
};
