/**
 * Speed and pitch, and the mapping from frames of time to frames of the song.
 *
 * @module
 */

/**
 * @typedef {object} Tempo
 * @property {number} speed         0.5 to 1.5, at the same pitch
 * @property {number} semitones     -12 to 12, at the same speed
 */

/**
 * @param {Partial<Tempo>} given
 * @returns {Tempo} limited to the valid range; missing values mean no change
 */
export function tempoOf({ speed, semitones }) {
  return { speed: clamp(speed, 0.5, 1.5, 1), semitones: clamp(semitones, -12, 12, 0) };
}

/** @param {Tempo} tempo @returns {boolean} whether the samples stay unchanged */
export function isPlain({ speed, semitones }) {
  return speed === 1 && semitones === 0;
}

/**
 * @param {unknown} value @param {number} least @param {number} most @param {number} otherwise
 * @returns {number} the clamped value; `otherwise` if it is not a number
 */
export function clamp(value, least, most, otherwise) {
  if (typeof value !== "number" || Number.isNaN(value)) return otherwise;
  return Math.min(Math.max(value, least), most);
}

/** @param {Tempo} tempo @returns {number} factor for the frequency of a tone */
export function ratioOf({ semitones }) {
  return 2 ** (semitones / 12);
}

/**
 * A tempo from a frame of time on.
 * @typedef {{frame: number, stretched: number, offset: number, speed: number, ratio: number}}
 *   Anchor
 */

/**
 * Maps three counts of frames onto each other while the tempo changes: of time; of the signal
 * stretched at the original pitch (`stretched`); and of its source (`offset`).
 */
export class TempoMap {
  /** @type {Anchor[]} */
  #anchors;

  /** @param {Tempo} tempo @param {number} frame of time where the other counts are 0 */
  constructor(tempo, frame) {
    const { speed } = tempo;
    this.#anchors = [{ frame, stretched: 0, offset: 0, speed, ratio: ratioOf(tempo) }];
  }

  /** @param {Tempo} tempo @param {number} frame start of the change; not before the last one */
  change(tempo, frame) {
    const stretched = this.stretchedAt(frame);
    const offset = this.offsetAt(frame);
    this.#anchors.push({ frame, stretched, offset, speed: tempo.speed, ratio: ratioOf(tempo) });
  }

  /** @param {number} frame @returns {number} */
  ratioAt(frame) {
    return this.#last((anchor) => anchor.frame <= frame).ratio;
  }

  /** @param {number} frame @returns {number} frame of the stretched signal */
  stretchedAt(frame) {
    const anchor = this.#last((one) => one.frame <= frame);
    return anchor.stretched + (frame - anchor.frame) * anchor.ratio;
  }

  /** @param {number} frame @returns {number} */
  offsetAt(frame) {
    const anchor = this.#last((one) => one.frame <= frame);
    return anchor.offset + (frame - anchor.frame) * anchor.speed;
  }

  /** @param {number} offset @returns {number} frame of time when it is heard */
  frameOf(offset) {
    const anchor = this.#last((one) => one.offset <= offset);
    return anchor.frame + (offset - anchor.offset) / anchor.speed;
  }

  /**
   * @param {number} stretched @returns {{offset: number, speed: number}} source frame and speed
   *   there
   */
  sourceOf(stretched) {
    const anchor = this.#last((one) => one.stretched <= stretched);
    const speed = anchor.speed / anchor.ratio;
    return { offset: anchor.offset + (stretched - anchor.stretched) * speed, speed };
  }

  /** @param {(anchor: Anchor) => boolean} has @returns {Anchor} */
  #last(has) {
    return /** @type {Anchor} */ (this.#anchors.findLast(has) ?? this.#anchors[0]);
  }
}
