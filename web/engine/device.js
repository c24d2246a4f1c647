/**
 * The audio device behind a context: when it may be opened, when it is released, its latency.
 *
 * An `OfflineAudioContext` has no device: there is nothing to wake and no latency.
 *
 * @module
 */

/**
 * The longest that a change takes to reach the audio thread, on top of the device's buffer.
 */
const DELAY_SECONDS = 0.02;
/**
 * Assumed length of that buffer if the browser reports 0. Firefox does; it works in steps of 20 ms.
 */
const USUAL_BUFFER_SECONDS = 0.05;
/**
 * Whether reading `outputLatency` can hang the page. Firefox asks the sound server for it with its
 * audio graph locked, and PulseAudio, before it answers, waits for sound from that graph.
 */
const LATENCY_HANGS = /X11.* Firefox\//.test(navigator.userAgent);

export class Device {
  #context;
  #gone;
  /** @type {Promise<void> | null} the pending `resume()`, which only a user action may start */
  #waking = null;

  /**
   * @param {BaseAudioContext} context closed by `rest`
   * @param {() => void} gone called when it falls silent by itself, because of an incoming call or
   *   unplugged headphones
   */
  constructor(context, gone) {
    this.#context = context;
    this.#gone = gone;
    context.addEventListener("statechange", this.#onState);
  }

  /** @returns {AudioContext | null} null for an offline context */
  get #real() {
    return this.#context instanceof AudioContext ? this.#context : null;
  }

  /** @returns {boolean} whether its clock runs; without it no fade ends */
  get isRunning() {
    return this.#context.state === "running";
  }

  /** @returns {number} context time heard now; wireless headphones lag */
  get heard() {
    const latency = LATENCY_HANGS ? 0 : this.#real?.outputLatency;
    return this.#context.currentTime - (latency || 0);
  }

  /** @returns {number} the earliest time, in seconds, for which something can be scheduled */
  soon() {
    const { currentTime } = this.#context;
    if (!this.#real) return currentTime;
    return currentTime + (this.#real.baseLatency || USUAL_BUFFER_SECONDS) + DELAY_SECONDS;
  }

  /** Called when the user presses play. */
  wake() {
    // The browser refuses while another application has the device.
    this.#waking ??=
      this.#real
        ?.resume()
        .catch((error) => console.warn(error))
        .finally(() => {
          this.#waking = null;
          this.#onState();
        }) ?? null;
  }

  /** @param {boolean} isLast whether the device is no longer needed */
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
