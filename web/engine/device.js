/**
 * The audio device behind a context: who may open it, when it is let go, how late it is.
 *
 * A rendering, an `OfflineAudioContext`, has none: there is nothing to wake, and nothing is late.
 *
 * @module
 */

/**
 * What a change takes at most, besides the buffer of the audio device, to reach the audio thread.
 */
const DELAY_SECONDS = 0.02;
/**
 * What that buffer is taken for where the browser says 0: Firefox does, and goes in steps of 20 ms.
 */
const USUAL_BUFFER_SECONDS = 0.05;

export class Device {
  #context;
  #gone;
  /** @type {Promise<void> | null} its way to sound, which only the person may open */
  #waking = null;

  /**
   * @param {BaseAudioContext} context closed by `rest`
   * @param {() => void} gone is called when it falls silent by itself: a call has come in, or
   *   headphones were pulled out
   */
  constructor(context, gone) {
    this.#context = context;
    this.#gone = gone;
    context.addEventListener("statechange", this.#onState);
  }

  /** @returns {AudioContext | null} null: it is a rendering */
  get #real() {
    return this.#context instanceof AudioContext ? this.#context : null;
  }

  /** @returns {boolean} whether its clock goes: one that stands ends no fade */
  get isRunning() {
    return this.#context.state === "running";
  }

  /** @returns {number} the time of what is heard now: wireless headphones are late */
  get heard() {
    return this.#context.currentTime - (this.#real?.outputLatency || 0);
  }

  /** @returns {number} the earliest time, in seconds, for which something can be scheduled */
  soon() {
    const { currentTime } = this.#context;
    if (!this.#real) return currentTime;
    return currentTime + (this.#real.baseLatency || USUAL_BUFFER_SECONDS) + DELAY_SECONDS;
  }

  /** The person has pressed play. */
  wake() {
    // It is refused while the device belongs to somebody else.
    this.#waking ??=
      this.#real
        ?.resume()
        .catch((error) => console.warn(error))
        .finally(() => {
          this.#waking = null;
          this.#onState();
        }) ?? null;
  }

  /** @param {boolean} isLast whether it is not needed any more */
  rest(isLast) {
    const real = this.#real;
    if (isLast) this.#context.removeEventListener("statechange", this.#onState);
    if (!real || real.state === "closed") return;
    const resting = isLast ? real.close() : real.suspend();
    resting.catch((error) => console.warn(error));
  }

  #onState = () => {
    if (this.#real && !this.isRunning && !this.#waking) this.#gone();
  };
}
