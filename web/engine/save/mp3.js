/**
 * MP3 by LAME, with an addition that LAME's own program writes but the library here does not: a
 * first frame without sound that states the number of frames, and how much silence the encoder has
 * added around the sound. Players skip that silence, so the file is as long as the song (and so
 * does ../decode/gapless.js). The values are known only at the end, so the frame's place is
 * reserved and filled in then.
 *
 * Layout: http://gabriel.mp3-tech.org/mp3infotag.html
 *
 * @module
 */

import {
  AudioSampleSource,
  EncodedAudioPacketSource,
  EncodedPacket,
  Mp3OutputFormat,
  NullTarget,
  Output,
  Quality,
} from "../../vendor/mediabunny.mjs";
import { registerMp3Encoder } from "../../vendor/mp3-encoder/encoder.mjs";
import { MP3_BITRATE } from "./formats.js";

/** Samples per channel in one MP3 frame, at the rates of formats.js. */
const FRAME = 1152;
/** Samples of silence that LAME puts before the sound. */
const DELAY = 576;

/** Offsets of fields in the first frame of a stereo file. */
const AT = { name: 36, flags: 40, frames: 44, bytes: 48, places: 52, encoder: 156, method: 165 };
const GAPS_AT = 177;
const EVERYTHING_IS_STATED = 15;
const CONSTANT_BITRATE = 1;

export class Mp3Track {
  /** Track for the file, whose muxer must not write a header. */
  track = new EncodedAudioPacketSource("mp3");
  #encoder = new AudioSampleSource({
    codec: "mp3",
    quality: new Quality({ bitrate: MP3_BITRATE }),
    onEncodedPacket: (packet, meta) => this.#take(packet, meta),
  });
  /** Its output is discarded: only its packets are used. */
  #output = new Output({
    format: new Mp3OutputFormat({ xingHeader: false }),
    target: new NullTarget(),
  });
  #frames = 0;
  #bytes = 0;
  /** @type {Promise<void>} */
  #written = Promise.resolve();
  /** @type {Uint8Array | null} the first frame, still without the values known only at the end */
  #first = null;

  async start() {
    registerMp3Encoder();
    this.#output.addAudioTrack(this.#encoder);
    await this.#output.start();
  }

  /** @param {import("mediabunny").AudioSample} sample */
  async add(sample) {
    await this.#encoder.add(sample);
    await this.#written;
  }

  /**
   * @param {number} length of the sound, in frames
   * @returns {Promise<{frame: Uint8Array, fromEnd: number}>} the final first frame, and how
   *   many bytes before the end of the file it starts
   */
  async end(length) {
    await this.#output.finalize();
    await this.#written;
    const frame = this.#first ?? new Uint8Array(0);
    const view = new DataView(frame.buffer);
    view.setUint32(AT.frames, this.#frames);
    view.setUint32(AT.bytes, this.#bytes);
    const padding = this.#frames * FRAME - DELAY - length;
    frame.set([DELAY >> 4, ((DELAY & 15) << 4) | (padding >> 8), padding & 255], GAPS_AT);
    return { frame, fromEnd: this.#bytes };
  }

  /** @param {EncodedPacket} packet @param {EncodedAudioChunkMetadata} [meta] */
  #take(packet, meta) {
    if (!this.#first) {
      this.#first = firstFrame(packet.data);
      this.#pass(new EncodedPacket(this.#first, "key", 0, 0), meta);
    }
    this.#frames++;
    this.#pass(packet, meta);
  }

  /** @param {EncodedPacket} packet @param {EncodedAudioChunkMetadata} [meta] */
  #pass(packet, meta) {
    this.#bytes += packet.data.length;
    this.#written = this.#written.then(() => this.track.add(packet, meta));
  }
}

/** @param {Uint8Array} frame with sound @returns {Uint8Array} a similar frame without sound */
function firstFrame(frame) {
  const padded = 0x02;
  const header = frame.slice(0, 4);
  const length = frame.length - (/** @type {number} */ (header[2]) & padded ? 1 : 0);
  header[2] = /** @type {number} */ (header[2]) & ~padded;
  const first = new Uint8Array(length);
  first.set(header);
  const letters = new TextEncoder();
  first.set(letters.encode("Info"), AT.name);
  first[AT.flags + 3] = EVERYTHING_IS_STATED;
  // Position of each hundredth of the song, in 256ths of the file.
  first.set(Uint8Array.from({ length: 100 }, (_, part) => (256 * part) / 100), AT.places);
  first.set(letters.encode("LAME3.100"), AT.encoder);
  first[AT.method] = CONSTANT_BITRATE;
  return first;
}
