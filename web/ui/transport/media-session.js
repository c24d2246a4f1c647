/**
 * Media keys, headphones and the lock screen: title and position of the song, and their buttons.
 *
 * Browsers reserve these for media elements. So an element plays silence while the player plays; if
 * the browser refuses, only those keys are lost.
 *
 * @module
 */

/** @typedef {import("../../engine/player.js").Player} Player */

/**
 * @typedef {object} PlayingSong
 * @property {string} title
 * @property {string} artist
 * @property {string} album
 * @property {number} rate      hertz
 * @property {number} length    frames
 */

/** Seek distance if the device does not give one. */
const STEP_SECONDS = 10;

/** Browsers take sound shorter than five seconds for a signal, not for music. */
const SILENCE_SECONDS = 10;
const SILENCE_RATE = 8000;

export class MediaKeys {
  #session = navigator.mediaSession ?? null;
  #player;
  #song;
  #silence = new Audio();
  #closed = new AbortController();
  /** @type {[MediaSessionAction, MediaSessionActionHandler][]} */
  #handlers;

  /** @param {Player} player @param {PlayingSong} song */
  constructor(player, song) {
    this.#player = player;
    this.#song = song;
    this.#handlers = [
      ["play", () => player.play()],
      ["pause", () => player.pause()],
      ["stop", () => player.pause()],
      ["seekto", ({ seekTime }) => player.seek((seekTime ?? 0) * song.rate)],
      ["seekbackward", ({ seekOffset }) => this.#step(-(seekOffset || STEP_SECONDS))],
      ["seekforward", ({ seekOffset }) => this.#step(seekOffset || STEP_SECONDS)],
    ];
    if (!this.#session) return;
    const { title, artist, album } = song;
    this.#session.metadata = new MediaMetadata({ title, artist, album });
    for (const [action, handler] of this.#handlers) this.#handle(action, handler);
    const { signal } = this.#closed;
    for (const type of ["state", "seek", "mix"]) {
      player.addEventListener(type, () => this.#tell(), { signal });
    }
    this.#silence.loop = true;
    this.#silence.src = URL.createObjectURL(silence());
    this.#tell();
  }

  /** Release the media keys. */
  close() {
    this.#closed.abort();
    this.#silence.pause();
    URL.revokeObjectURL(this.#silence.src);
    if (!this.#session) return;
    for (const [action] of this.#handlers) this.#handle(action, null);
    this.#session.metadata = null;
    this.#session.playbackState = "none";
  }

  /** @param {MediaSessionAction} action @param {MediaSessionActionHandler | null} handler */
  #handle(action, handler) {
    try {
      this.#session?.setActionHandler(action, handler);
    } catch {
      // A browser that does not support the action throws.
    }
  }

  /** @param {number} seconds */
  #step(seconds) {
    this.#player.seek(this.#player.position + seconds * this.#song.rate);
  }

  #tell() {
    const { state, position, speed } = this.#player;
    const { rate, length } = this.#song;
    const plays = state !== "paused";
    if (plays) this.#silence.play().catch(() => {});
    else this.#silence.pause();
    if (!this.#session) return;
    this.#session.playbackState = plays ? "playing" : "paused";
    const duration = length / rate;
    this.#session.setPositionState?.({
      duration,
      playbackRate: speed,
      position: Math.min(position / rate, duration),
    });
  }
}

/** @returns {Blob} a silent 8-bit WAV file */
function silence() {
  const length = SILENCE_SECONDS * SILENCE_RATE;
  const file = new DataView(new ArrayBuffer(44 + length));
  const write = (/** @type {number} */ at, /** @type {string} */ text) => {
    for (const [i, letter] of [...text].entries()) file.setUint8(at + i, letter.charCodeAt(0));
  };
  write(0, "RIFF");
  file.setUint32(4, 36 + length, true);
  write(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  // PCM, one channel.
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, SILENCE_RATE, true);
  file.setUint32(28, SILENCE_RATE, true);
  file.setUint16(32, 1, true);
  file.setUint16(34, 8, true);
  write(36, "data");
  file.setUint32(40, length, true);
  for (let i = 0; i < length; i++) file.setUint8(44 + i, 128);
  return new Blob([file.buffer], { type: "audio/wav" });
}
