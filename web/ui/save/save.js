/**
 * The dialog for saving: what to save, in which format, and where.
 *
 * @module
 */

import { hasOther } from "../../engine/save/adding-up.js";
import { FORMATS, mostBytes, STEMS_TOGETHER, takesRate } from "../../engine/save/formats.js";
import { FIELDS, fileName, partName, PATTERN, tempoName } from "../../engine/save/names.js";
import { hold, KEPT_BYTES } from "../../engine/save/saves.js";
import { CLICK } from "../../engine/save/with-click.js";
import { isPlain } from "../../engine/stretch/tempo.js";
import { make } from "../elements.js";
import { clock, gigabytes, megabytes, number } from "../format.js";
import { say, sayAs } from "../words.js";
import { stemName } from "../words/stems.js";
import { FIRST, keepChoices, lastChoices } from "./choices.js";
import { canPickFile, canPickFolder, pickFile, pickFolder } from "./places.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/protocol.js").Stems} Stems */
/** @typedef {import("../../engine/save/formats.js").Format} Format */
/** @typedef {import("../../engine/save/maker.js").Destination} Destination */
/** @typedef {import("../../engine/save/maker.js").Request} Request */
/** @typedef {import("../../engine/save/saves.js").Saves} Saves */
/** @typedef {import("./choices.js").Choices} Choices */

/**
 * @typedef {object} Subject
 * @property {Stems & import("../../engine/save/maker.js").HeldStems} stems
 * @property {Stems} [own]          those without their parts, which "all stems" are; default: the same
 * @property {Pick<Player, "mix" | "beats"> | null} player   null: the song is not shown, and nothing is heard
 * @property {object} [of]          see `Request`
 * @property {import("../../engine/save/maker.js").Song & {rate?: number}} song   `rate`: sample
 *   rate of its file, in hertz
 * @property {string} [source]      the stem, if the dialog was opened from a lane
 * @property {[number, number] | null} [region]     the selected region, in frames
 * @property {boolean} [isLoop]     whether that is the loop, not just what is finished
 * @property {Several | null} [several]     to save several songs; `stems` are the first one's
 */

/**
 * @typedef {object} Several
 * @property {number} count
 * @property {number} seconds   length of all of them together
 * @property {(request: Omit<Request, "stems" | "song" | "of">) => void} save   saves all of them
 */

const WHATS = /** @type {const} */ (["all", "mix", "stem"]);
const FORMAT_NAMES = /** @type {Format[]} */ (Object.keys(FORMATS));
/** Typical size of a FLAC file of a stem relative to its samples. An estimate. */
const FLAC_SHARE = 0.5;

export class SaveDialog {
  #saves;
  #dialog;
  #onError;
  #onFollow;
  /** @type {Subject | null} */
  #subject = null;
  /** Releases the stems, which the page may close while they are shown here. */
  #release = () => {};

  #form = make("form", { className: "save-form", method: "dialog" });
  #whats = radios("save-what", WHATS, (what) => (words) => words.save.whats[what]);
  #stem = labelled("select", (words) => words.save.stem);
  #format = labelled("select", (words) => words.save.format);
  #formatNote = make("p", { className: "quiet" });
  #rate = labelled("select", (words) => words.save.rate);
  #region = checkbox();
  #tempo = checkbox();
  #addsUp = checkbox();
  #follow = checkbox();
  #to = labelled("select", (words) => words.save.to);
  #names = make("input", { type: "text", placeholder: PATTERN, spellcheck: false });
  #example = make("summary");
  #which = make("p");
  #notYet = make("p", { className: "quiet" });
  #size = make("span", { className: "quiet" });
  #go = make("button", { type: "submit", className: "primary", data: { do: "go" } });

  /**
   * @param {HTMLDialogElement} dialog that has its heading already
   * @param {Saves} saves
   * @param {(error: unknown) => void} onError
   * @param {(way: import("./following.js").Way) => void} onFollow   called if further songs shall be
   *   saved in the same way
   */
  constructor(dialog, saves, onError, onFollow) {
    this.#dialog = dialog;
    this.#saves = saves;
    this.#onError = onError;
    this.#onFollow = onFollow;
    say(this.#follow.text, ({ save }) => save.follow);
    say(this.#go, ({ save }) => save.go);
    for (const format of FORMAT_NAMES) {
      this.#format.field.append(option(format, ({ save }) => save.formats[format].title));
    }
    const lines = make("div", { className: "save-lines" });
    lines.append(this.#stem.label, this.#format.label, this.#rate.label, this.#to.label);
    const end = make("div", { className: "line" }, this.#size, this.#go);
    this.#form.append(this.#which, this.#whats.fieldset, lines, this.#formatNote);
    this.#form.append(this.#namesLine());
    this.#form.append(this.#addsUp.label, this.#region.label, this.#tempo.label);
    this.#form.append(this.#follow.label, this.#notYet, end);
    this.#dialog.append(this.#form);
    this.#form.addEventListener("change", () => this.#show());
    this.#whats.fieldset.addEventListener("change", () => this.#suggestTempo());
    this.#names.addEventListener("input", () => this.#showExample());
    this.#form.addEventListener("submit", () => void this.#submit());
    dialog.addEventListener("close", () => {
      // It may have been opened again by the time the browser reports that it was closed.
      if (!dialog.open) this.#forget();
    });
  }

  /** @returns {HTMLElement} */
  #namesLine() {
    const hint = make("p", { className: "quiet" });
    const fields = FIELDS.map((field) => `{${field}}`).join(" ");
    say(hint, ({ save }) => save.namesHint({ fields }));
    sayAs(this.#names, "ariaLabel", ({ save }) => save.names);
    return make("details", { className: "save-names" }, this.#example, this.#names, hint);
  }

  /** @param {Subject} subject */
  open(subject) {
    const { stems, source, region, several } = subject;
    this.#forget();
    this.#subject = subject;
    this.#release = hold(stems);
    const { what, format, to, addsUp, names } = lastChoices();
    this.#names.value = names;
    const canHear = subject.player !== null;
    this.#whats.value = source ? "stem" : several || (what === "mix" && !canHear) ? "all" : what;
    this.#whats.fieldset.hidden = Boolean(several);
    this.#whats.offer("mix", canHear);
    // Of a song that is shown, the name is on the page.
    this.#which.hidden = canHear;
    say(this.#which, ({ save }) => (several ? save.several(several) : subject.song.name));
    const parts = subject.player?.beats ? [...stems.sources, CLICK] : stems.sources;
    this.#stem.field.replaceChildren(
      ...parts.map((name) => option(name, (words) => stemName(words, name))),
    );
    this.#stem.field.value = source ?? stems.sources[0] ?? "";
    this.#format.field.value = format;
    this.#addsUp.input.checked = addsUp;
    this.#follow.input.checked = false;
    say(this.#addsUp.text, ({ save }) => save.addsUp[hasOther(this.#own) ? "other" : "own"]);
    this.#region.input.checked = Boolean(region);
    const tempo = subject.player?.mix();
    this.#suggestTempo();
    this.#tempo.label.hidden = !tempo || isPlain(tempo);
    if (tempo) say(this.#tempo.text, ({ save }) => save.withTempo({ tempo: tempoName(tempo) }));
    this.#fillRates(subject);
    this.#fillPlaces(to);
    stems.addEventListener("final", this.#onFinal);
    this.#show();
    this.#dialog.showModal();
    if (several) this.#format.field.focus();
    else this.#whats.focus();
  }

  /** What is heard includes its speed and key; stems are usually for use elsewhere. */
  #suggestTempo() {
    const tempo = this.#subject?.player?.mix();
    const isOther = tempo !== undefined && !isPlain(tempo);
    this.#tempo.input.checked = isOther && this.#whats.value === "mix";
  }

  #onFinal = () => this.#show();

  #forget() {
    this.#subject?.stems.removeEventListener("final", this.#onFinal);
    this.#subject = null;
    this.#release();
    this.#release = () => {};
  }

  /** @param {Subject} subject */
  #fillRates({ stems, song }) {
    const rates = [...new Set([stems.rate, song.rate ?? stems.rate])];
    this.#rate.field.replaceChildren(
      ...rates.map((rate, index) =>
        option(String(rate), ({ save }) => {
          const kilohertz = number(rate / 1000, rate % 1000 === 0 ? 0 : 1);
          return index === 0 ? save.rateOfStems({ kilohertz }) : save.rateOfFile({ kilohertz });
        }),
      ),
    );
  }

  /** @param {Choices["to"]} to the last choice */
  #fillPlaces(to) {
    const kind = this.#subject?.several ? "songs" : this.#isOneFile ? "one" : "several";
    const place = this.#takesFolder ? "several" : "one";
    const canPick = this.#takesFolder ? canPickFolder() : canPickFile();
    this.#to.field.replaceChildren(option("download", ({ save }) => save.places[kind].download));
    if (canPick) this.#to.field.append(option("place", ({ save }) => save.places[place].place));
    this.#to.field.value = canPick ? to : "download";
    this.#to.label.hidden = !canPick && kind === "one";
  }

  /** Whether a song is saved as a single file. */
  get #isOneFile() {
    const { what, format } = this.#choices;
    return what !== "all" || FORMATS[format].isTogether;
  }

  /** Whether a place to save to is a folder, for several files. */
  get #takesFolder() {
    return !this.#isOneFile || this.#isFollowed || Boolean(this.#subject?.several);
  }

  /** Whether further songs are to be saved in the same way. */
  get #isFollowed() {
    return this.#canFollow && this.#follow.input.checked;
  }

  /** Whether other songs can be saved in the same way. */
  get #canFollow() {
    const isPart = this.#region.input.checked && Boolean(this.#subject?.region);
    return this.#choices.what === "all" && !isPart && !this.#tempo.input.checked;
  }

  /** @returns {Choices} */
  get #choices() {
    return {
      what: /** @type {Choices["what"]} */ (this.#whats.value),
      format: /** @type {Format} */ (this.#format.field.value),
      to: this.#to.field.value === "place" ? "place" : "download",
      addsUp: this.#addsUp.input.checked,
      names: this.#names.value.trim(),
    };
  }

  /** What a file will be called. */
  #showExample() {
    if (!this.#subject) return;
    const [first = ""] = this.#own;
    const name = this.#nameOf(this.#subject, this.#choices.what === "all" ? first : this.#part);
    say(this.#example, ({ save }) => save.namesExample({ name }));
  }

  /** The names of "all stems". */
  get #own() {
    return (this.#subject?.own ?? this.#subject?.stems)?.sources ?? [];
  }

  /** What a single file has: a stem, or the mix. */
  get #part() {
    return this.#choices.what === "mix" ? "mix" : this.#stem.field.value;
  }

  /** @param {Subject} subject @param {string} part @returns {string} of a file that has it */
  #nameOf(subject, part) {
    const { format, names } = this.#choices;
    const { extension, isTogether } = FORMATS[format];
    const { tempo, region } = this.#request(subject, this.#choices, part);
    const how = { rate: subject.stems.rate, tempo, region };
    const name = partName(isTogether ? "" : part, how);
    return fileName(subject.song, name, extension, names || PATTERN);
  }

  #show() {
    const subject = this.#subject;
    if (!subject) return;
    const { stems, region, isLoop, several } = subject;
    const { what } = this.#choices;
    this.#offerTogether(what === "all" && canBeTogether(this.#own));
    const { format, to } = this.#choices;
    this.#fillPlaces(to);
    this.#stem.label.hidden = what !== "stem";
    this.#addsUp.label.hidden = what !== "all";
    this.#follow.label.hidden = !this.#canFollow;
    const rates = [...this.#rate.field.options];
    for (const each of rates) each.disabled = !takesRate(format, Number(each.value));
    if (this.#rate.field.selectedOptions[0]?.disabled) this.#rate.field.selectedIndex = 0;
    // Each song has a rate of its own.
    this.#rate.label.hidden = rates.length < 2 || Boolean(several);
    if (several) this.#rate.field.selectedIndex = 0;
    this.#showFormatNote(format);
    this.#showExample();
    this.#region.label.hidden = !region;
    if (region) {
      const [start, stop] = [clock(region[0] / stems.rate), clock(region[1] / stems.rate)];
      say(this.#region.text, ({ save }) => {
        return isLoop ? save.regionOnly({ start, stop }) : save.finishedOnly({ start, stop });
      });
    }
    const [first, last] = this.#frames(subject);
    const isFinal = stems.isFinal(first, last - first);
    const bytes = this.#bytes(subject);
    // Older files would be deleted, perhaps before the browser has copied them.
    const isTooMuch = Boolean(several) && to === "download" && bytes > KEPT_BYTES;
    this.#notYet.hidden = isFinal && !isTooMuch;
    say(this.#notYet, ({ save }) => {
      if (isTooMuch) return save.tooMuch({ most: gigabytes(KEPT_BYTES) });
      if (!stems.grows) return save.stopped;
      return region ? save.regionNotYet : save.notYet;
    });
    this.#go.disabled = !isFinal || isTooMuch;
    const size = () => (bytes >= 1e9 ? gigabytes(bytes) : megabytes(Math.max(bytes, 1e6)));
    say(this.#size, ({ save }) => save.size({ size: size() }));
  }

  /** @param {boolean} isOffered whether all stems can be saved in one file */
  #offerTogether(isOffered) {
    for (const each of this.#format.field.options) {
      each.hidden = !isOffered && FORMATS[/** @type {Format} */ (each.value)].isTogether;
    }
    if (this.#format.field.selectedOptions[0]?.hidden) this.#format.field.value = FIRST.format;
  }

  /** @param {Format} format */
  #showFormatNote(format) {
    this.#formatNote.replaceChildren();
    const text = make("span");
    say(text, ({ save }) => save.formats[format].note);
    this.#formatNote.append(text);
    if (format !== "mp3" && format !== "stems") return;
    const licence = make("a", { href: "licences.txt", target: "_blank" });
    say(licence, ({ save }) => save.licence);
    this.#formatNote.append(" ", licence);
  }

  /** @param {Subject} subject @returns {number} an estimate of the size of all files */
  #bytes(subject) {
    const { stems, player, several } = subject;
    const { what, format, addsUp } = this.#choices;
    const [first, last] = this.#frames(subject);
    const rate = Number(this.#rate.field.value);
    const speed = (this.#tempo.input.checked && player?.mix().speed) || 1;
    const seconds = several?.seconds ?? (last - first) / stems.rate / speed;
    const all = this.#own.length + (addsUp && !hasOther(this.#own) ? 1 : 0);
    const files = what === "all" && !FORMATS[format].isTogether ? all : 1;
    const share = FORMATS[format].container === "flac" ? FLAC_SHARE : 1;
    return files * share * mostBytes(format, seconds * rate, rate);
  }

  /** @param {Subject} subject @returns {[number, number]} the range to save */
  #frames({ stems, region }) {
    return region && this.#region.input.checked ? region : [0, stems.length];
  }

  async #submit() {
    const subject = this.#subject;
    if (!subject) return;
    const choices = this.#choices;
    const isFollowed = this.#isFollowed;
    const { song, of, source: lane, several } = subject;
    const stems = (choices.what === "all" && subject.own) || subject.stems;
    // It says nothing about what the user wants usually: it was not asked, or came from a lane.
    const isUsual = !lane && !several && subject.player !== null;
    keepChoices(isUsual ? choices : { ...choices, what: lastChoices().what });
    const source = this.#stem.field.value;
    const request = this.#request(subject, choices, source);
    // The dialog is closed by the time a place is picked.
    const release = hold(stems);
    try {
      const destination = await this.#destination(subject, choices.to);
      if (!destination) return;
      if (several) several.save({ ...request, destination });
      else this.#saves.add({ ...request, stems, of, song, destination });
      const { what, addsUp, format, names } = request;
      if (isFollowed) this.#onFollow({ what, addsUp, format, names, destination });
    } catch (error) {
      this.#onError(error);
    } finally {
      release();
    }
  }

  /**
   * @param {Subject} subject @param {Choices} choices @param {string} source
   * @returns {Omit<Request, "stems" | "song" | "of" | "destination">}
   */
  #request({ player, region }, { what, addsUp, format, names }, source) {
    const heard = player?.mix();
    const isPart = region && this.#region.input.checked;
    return {
      what,
      ...(what === "stem" && { source, beats: player?.beats }),
      ...(what === "mix" && { mix: heard }),
      ...(what === "all" && { addsUp }),
      ...(this.#tempo.input.checked && { tempo: heard }),
      format,
      ...(names && { names }),
      ...(isPart && { region }),
      rate: Number(this.#rate.field.value),
    };
  }

  /**
   * @param {Subject} subject @param {Choices["to"]} to
   * @returns {Promise<Destination | null>}
   */
  async #destination(subject, to) {
    if (to === "download") return { kind: "download" };
    if (this.#takesFolder) return pickFolder();
    return pickFile(this.#nameOf(subject, this.#part));
  }
}

/**
 * @param {readonly string[]} sources
 * @returns {boolean} whether a stem file can hold them, and what they leave of the song
 */
function canBeTogether(sources) {
  return sources.length === STEMS_TOGETHER && hasOther(sources);
}

/** @typedef {import("../words.js").Saying} Saying */

/** @param {string} value @param {Saying} saying @returns {HTMLOptionElement} */
function option(value, saying) {
  const made = make("option", { value });
  say(made, saying);
  return made;
}

/**
 * @param {"select"} tag @param {Saying} saying
 * @returns {{label: HTMLLabelElement, field: HTMLSelectElement}}
 */
function labelled(tag, saying) {
  const text = make("span");
  say(text, saying);
  const field = make(tag);
  return { label: make("label", { className: "save-line" }, text, field), field };
}

/** @returns {{label: HTMLLabelElement, input: HTMLInputElement, text: HTMLSpanElement}} */
function checkbox() {
  const input = make("input", { type: "checkbox" });
  const text = make("span");
  return { label: make("label", { className: "save-check" }, input, text), input, text };
}

/**
 * @template {string} Value
 * @param {string} name
 * @param {readonly Value[]} values
 * @param {(value: Value) => Saying} saying
 */
function radios(name, values, saying) {
  const fieldset = make("fieldset", { className: "segmented" });
  sayAs(fieldset, "ariaLabel", ({ save }) => save.what);
  const inputs = values.map((value) => {
    const input = make("input", { type: "radio", name, value });
    const text = make("span");
    say(text, saying(value));
    fieldset.append(make("label", {}, input, text));
    return input;
  });
  return {
    fieldset,
    get value() {
      return inputs.find(({ checked }) => checked)?.value ?? "";
    },
    set value(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
    /** @param {Value} value @param {boolean} isOffered */
    offer(value, isOffered) {
      const label = inputs.find((one) => one.value === value)?.parentElement;
      if (label) label.hidden = !isOffered;
    },
    focus() {
      inputs.find(({ checked }) => checked)?.focus();
    },
  };
}
