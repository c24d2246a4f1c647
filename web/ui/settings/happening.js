/**
 * Details of what is going on, for the curious and for bug reports.
 *
 * @module
 */

import { benchmark, CEILING } from "../../engine/benchmark.js";
import { RATE } from "../../engine/song.js";
import { announce, byId, make } from "../elements.js";
import { gigabytes, megabytes, number, percent } from "../format.js";
import { say, sayAs, word } from "../words.js";

/** @typedef {import("../../engine/protocol.js").Speed} Speed */
/** @typedef {import("../../engine/protocol.js").Step} Step */
/** @typedef {import("../../engine/protocol.js").WorkerState} WorkerState */
/** @typedef {import("../../engine/song.js").Song} Song */
/** @typedef {import("../words.js").Saying} Saying */
/** @typedef {import("../words/en.js").Words} Words */

const TICK_MS = 1000;
const STATISTICS = /** @type {const} */ (["min", "max", "mean", "std"]);
/** Digits needed to tell two ways of computing apart. */
const DIGITS = 7;

/** @typedef {import("../../engine/benchmark.js").Measurement} Measurement */
/** @typedef {Exclude<keyof Words["happening"], "gflops" | "workers" | "stored" | "by" | "second" | "rate">} Label */

/**
 * @typedef {object} Surroundings
 * @property {import("../../engine/engine.js").Engine} engine
 * @property {() => {song: Song, stems: import("../../engine/protocol.js").Stems} | null} shown
 * @property {() => boolean} isBusy     whether a song is being computed
 * @property {() => Promise<import("../../engine/protocol.js").Assets>} readAssets
 * @property {(error: unknown) => void} onError
 */

export class Happening {
  #dialog = byId("happening", HTMLDialogElement);
  #about;
  #facts = make("dl", { id: "facts", className: "facts" });
  #trace = make("button", { type: "button", id: "trace" });
  #measure = make("button", { type: "button", id: "benchmark" });
  #copy = make("button", { type: "button", id: "copy-report" });
  #send = make("a", { className: "button", target: "_blank", hidden: true });
  #note = make("p", { id: "trace-note", className: "quiet" });
  #report = make("pre", { id: "report", tabIndex: 0, hidden: true });
  /** @type {WorkerState | null} */
  #state = null;
  /** @type {Step[]} */
  #steps = [];
  /** @type {Measurement[]} */
  #measured = [];
  /** @type {Partial<Record<Measurement["by"], Speed[]>>} of the operations */
  #speeds = {};
  #timer = 0;

  /** @param {Surroundings} about */
  constructor(about) {
    this.#about = about;
    say(this.#trace, ({ happening }) => happening.trace);
    say(this.#measure, ({ happening }) => happening.measure);
    say(this.#copy, ({ happening }) => happening.copy);
    say(this.#send, ({ happening }) => happening.send);
    sayAs(this.#report, "ariaLabel", ({ happening }) => happening.report);
    this.#trace.addEventListener("click", () => void this.#compute());
    this.#measure.addEventListener("click", () => void this.#benchmark());
    this.#copy.addEventListener("click", () => void this.#copyReport());
    const all = [this.#measure, this.#trace, this.#copy, this.#send];
    const buttons = make("p", { className: "buttons" }, ...all);
    this.#dialog.append(this.#facts, buttons, this.#note, this.#report);
    // Dialogs fire an event when they close, but not in every browser when they open.
    new MutationObserver(() => this.#openOrClose()).observe(this.#dialog, {
      attributeFilter: ["open"],
    });
  }

  #openOrClose() {
    clearInterval(this.#timer);
    if (!this.#dialog.open) return;
    this.#timer = window.setInterval(() => void this.#show(), TICK_MS);
    void this.#show();
    void this.#ask();
  }

  /** Ask a worker for its state, once it is free. */
  async #ask() {
    try {
      const separator = await this.#about.engine.separator;
      this.#state = (await separator?.state()) ?? null;
      await this.#show();
    } catch (error) {
      console.warn(error); // The worker has ended, or the engine was restarted.
    }
  }

  async #show() {
    const facts = await this.#read();
    const items = facts.flatMap(([label, value]) => {
      const [term, text] = [make("dt"), make("dd", { data: { fact: label } })];
      say(term, ({ happening }) => happening[label]);
      say(text, value);
      return [term, text];
    });
    this.#facts.replaceChildren(...items);
  }

  /** @returns {Promise<[Label, Saying][]>} */
  async #read() {
    const { info, pool, graphics } = this.#about.engine;
    const state = this.#state;
    const card = graphics && !(graphics instanceof Error) ? graphics : null;
    const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
    /** @type {Performance & {memory?: {usedJSHeapSize: number}}} */
    const { memory } = performance;
    const versions = Object.entries(info?.versions ?? {}).map((pair) => pair.join(" "));
    /** @type {Saying} */
    const notKnown = ({ happening }) => happening.notKnown;
    return [
      ["backend", info ? () => computerOf(info, card) : ({ happening }) => happening.noEngine],
      ["speed", state ? ({ happening }) => happening.gflops(state.speed) : notKnown],
      [
        "heap",
        state && pool
          ? ({ happening }) => happening.workers(megabytes(state.heap), pool.workers)
          : notKnown,
      ],
      ["pace", pool?.spent.tasks ? () => number(tasksAMinute(pool.spent), 1) : notKnown],
      ["page", memory ? () => megabytes(memory.usedJSHeapSize) : notKnown],
      [
        "storage",
        usage !== undefined && quota !== undefined
          ? ({ happening }) => happening.stored(gigabytes(usage), gigabytes(quota))
          : notKnown,
      ],
      ["versions", () => [...versions, navigator.userAgent].join(", ")],
    ];
  }

  async #compute() {
    const { engine, shown, onError } = this.#about;
    const { song, stems } = shown() ?? {};
    if (!stems || !song?.about || song.model !== engine.model) {
      say(this.#note, ({ happening }) => happening.noSong);
      return;
    }
    say(this.#note, ({ happening }) => happening.tracing);
    this.#trace.disabled = true;
    try {
      this.#steps = (await (await engine.separator)?.trace(song.about, stems)) ?? [];
      this.#showReport();
    } catch (error) {
      onError(error);
    } finally {
      this.#trace.disabled = false;
      say(this.#note, () => "");
    }
  }

  async #benchmark() {
    const { engine, isBusy, onError } = this.#about;
    const { pool, model } = engine;
    if (!pool || !model || isBusy()) {
      say(this.#note, ({ happening }) => (pool ? happening.busy : happening.noEngine));
      return;
    }
    say(this.#note, ({ happening }) => happening.measuring);
    this.#measure.disabled = true;
    this.#measured = [];
    this.#speeds = {};
    try {
      await engine.separator;
      await benchmark(pool, {
        segment: (measured) => {
          this.#measured.push(measured);
          this.#showReport();
        },
        operations: (by, speeds) => {
          this.#speeds[by] = speeds;
          this.#showReport();
        },
      });
      await this.#ask();
      await this.#offerToSend();
    } catch (error) {
      onError(error);
    } finally {
      this.#measure.disabled = false;
      say(this.#note, () => "");
    }
  }

  /** Link to an issue with the figures, where the site has a repository. */
  async #offerToSend() {
    const { issues } = await this.#about.readAssets();
    this.#send.hidden = !issues;
    if (!issues) return;
    const issue = new URL(issues);
    const tables = [segmentsOf(this.#measured), operationsOf(this.#speeds)];
    const { title, text } = issueOf(tables, this.#asJson());
    issue.search = new URLSearchParams({ title, body: text }).toString();
    this.#send.href = issue.href;
  }

  #showReport() {
    this.#report.textContent = this.#tables().join("\n\n");
    this.#report.hidden = !this.#report.textContent;
  }

  /** @returns {string[]} */
  #tables() {
    const all = [segmentsOf(this.#measured), operationsOf(this.#speeds), tableOf(this.#steps)];
    return all.filter(Boolean);
  }

  /** @returns {string} of the measurements, with what they were made on, as JSON */
  #asJson() {
    const { info, model, graphics } = this.#about.engine;
    if (this.#measured.length === 0) return "";
    const card = graphics && !(graphics instanceof Error) ? graphics.name : null;
    return JSON.stringify({
      model,
      date: new Date().toISOString(),
      browser: navigator.userAgent,
      processors: navigator.hardwareConcurrency,
      card,
      backend: info?.backend,
      build: info?.build,
      versions: info?.versions,
      gflops: this.#state?.speed,
      measured: this.#measured,
      operations: this.#speeds,
    });
  }

  async #copyReport() {
    const facts = await this.#read();
    const lines = facts.map(
      ([label, value]) => `${word(({ happening }) => happening[label])}: ${word(value)}`,
    );
    const report = [lines.join("\n"), this.#asJson(), ...this.#tables()].filter(Boolean).join("\n\n");
    try {
      await navigator.clipboard.writeText(report);
      say(this.#note, ({ happening }) => happening.copied);
      announce(word(({ happening }) => happening.copied));
    } catch (error) {
      // Copying may be forbidden: show the report so that the user can copy it.
      console.warn(error);
      this.#report.textContent = report;
      this.#report.hidden = false;
      getSelection()?.selectAllChildren(this.#report);
    }
  }
}

/**
 * @param {import("../../engine/protocol.js").EngineInfo} info
 * @param {import("../../engine/protocol.js").GraphicsInfo | null} card
 * @returns {string}
 */
function computerOf({ backend, build }, card) {
  return [...(card ? [card.build] : []), `${backend} (${build})`].join(", ");
}

/**
 * @param {string[]} tables @param {string} json
 * @returns {{title: string, text: string}} of an issue, as Markdown; English, like the repository
 */
function issueOf(tables, json) {
  const fenced = [...tables, json].map((part) => `\`\`\`\n${part}\n\`\`\``);
  return { title: "Figures from another machine", text: fenced.join("\n\n") };
}

/** @param {{begun: number, tasks: number}} spent @returns {number} */
function tasksAMinute({ begun, tasks }) {
  return (60_000 * tasks) / (performance.now() - begun);
}

/** @param {Measurement[]} measured @returns {string} one line for each, in columns */
function segmentsOf(measured) {
  if (measured.length === 0) return "";
  const head = /** @type {const} */ (["segmentBy", "segmentTakes", "perSecond", "heap"]);
  const rows = measured.map(({ by, workers, frames, seconds, heap }) => {
    const median = [...seconds].sort((a, b) => a - b)[seconds.length >> 1] ?? 0;
    return [
      word(({ happening }) => happening.by(by, workers)),
      word(({ happening }) => happening.second(number(median, 2))),
      word(({ happening }) => happening.second(number((median * RATE) / frames / workers, 3))),
      megabytes(heap),
    ];
  });
  return columns([head.map((label) => word(({ happening }) => happening[label])), ...rows]);
}

/**
 * @param {Partial<Record<Measurement["by"], Speed[]>>} speeds
 * @returns {string} one line for each operation, in columns
 */
function operationsOf(speeds) {
  const places = Object.entries(speeds);
  const [first] = places;
  if (!first) return "";
  const head = [
    word(({ happening }) => happening.operation),
    ...places.flatMap(([by]) => [
      word(({ happening }) => happening.rate[/** @type {Measurement["by"]} */ (by)]),
      word(({ happening }) => happening.ofCeiling),
    ]),
  ];
  const rows = first[1].map(({ operation }) => [
    operation,
    ...places.flatMap(([, list]) => ratesOf(list, operation)),
  ]);
  return columns([head, ...rows]);
}

/**
 * @param {Speed[]} list @param {string} operation
 * @returns {[string, string]} its GFLOP/s, and their share of what the machine can do at most
 */
function ratesOf(list, operation) {
  const rate = rateOf(list.find((speed) => speed.operation === operation));
  const ceiling = rateOf(list.find((speed) => speed.operation === CEILING));
  return [number(rate, 1), ceiling ? percent(rate / ceiling) : ""];
}

/** @param {Speed | undefined} speed @returns {number} GFLOP/s */
function rateOf(speed) {
  return speed ? speed.gflop / speed.seconds : 0;
}

/** @param {Step[]} steps @returns {string} one line for each, in columns */
function tableOf(steps) {
  if (steps.length === 0) return "";
  const head = ["step", "shape", ...STATISTICS].map((label) =>
    word(({ happening }) => happening[/** @type {"step"} */ (label)]),
  );
  const rows = steps.map((step) => [
    step.name,
    step.shape.join(" x "),
    ...STATISTICS.map((name) => step[name].toPrecision(DIGITS)),
  ]);
  return columns([head, ...rows]);
}

/** @param {string[][]} table @returns {string} */
function columns(table) {
  const [head = []] = table;
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
    .join("\n");
}
