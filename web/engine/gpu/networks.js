/**
 * The networks of a model on the graphics card.
 *
 * On a card, a network has a fixed length. If a model does not pad the last segments of a song, they
 * have networks of their own, which share the weights and the workspace.
 *
 * @module
 */

import { IN_FLIGHT, Network, Workspace } from "./network.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./network.js").Content} Content */

/** Networks for shorter segments that are kept: those in flight, and as many again. */
const MOST_SHORT = 2 * IN_FLIGHT;

export class Networks {
  #card;
  #workspace;
  #shorter;
  /** @type {Network[]} for whole segments */
  #whole = [];
  /** @type {Map<string, Promise<Network>>} for shorter ones, by number and size; latest last */
  #short = new Map();

  /**
   * @param {Card} card
   * @param {Iterable<Content>} contents of the networks for whole segments
   * @param {(number: number, bytes: number) => Content} shorter content of a network for inputs of
   *   that size
   * @returns {Promise<Networks>}
   * @throws {GraphicsError} see `Card.checked`
   */
  static async make(card, contents, shorter) {
    const networks = new Networks(card, shorter);
    for (const content of contents) {
      networks.#whole.push(await Network.make(card, content, networks.#workspace));
    }
    return networks;
  }

  /**
   * Use `make`.
   *
   * @param {Card} card @param {(number: number, bytes: number) => Content} shorter
   */
  constructor(card, shorter) {
    this.#card = card;
    this.#workspace = new Workspace(card);
    this.#shorter = shorter;
  }

  /**
   * @param {number} number of the network @param {Float32Array<ArrayBuffer>} segment
   * @returns {Promise<Float32Array<ArrayBuffer>>} its stems
   * @throws {GraphicsError} see `Card.checked`
   */
  async run(number, segment) {
    const network = await this.#for(number, segment.byteLength);
    return network.run(segment);
  }

  /** @param {number} number @param {number} bytes of the input @returns {Promise<Network>} */
  async #for(number, bytes) {
    const whole = /** @type {Network} */ (this.#whole[number]);
    if (whole.inputBytes === bytes) return whole;
    const key = `${number} ${bytes}`;
    const network =
      this.#short.get(key) ??
      Network.make(this.#card, this.#shorter(number, bytes), this.#workspace, whole);
    this.#short.delete(key);
    this.#short.set(key, network);
    this.#dropOldest();
    return network;
  }

  #dropOldest() {
    for (const [key, network] of this.#short) {
      if (this.#short.size <= MOST_SHORT) return;
      this.#short.delete(key);
      network.then(
        (old) => old.close(),
        () => {},
      );
    }
  }
}
