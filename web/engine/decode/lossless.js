/**
 * An Apple Lossless track, packet by packet from the container, decoded by a worker.
 *
 * @module
 */

import { EncodedPacketSink } from "../../vendor/mediabunny.mjs";
import { Remote } from "../rpc.js";
import { CONFIG_BYTES, parseConfig } from "./alac.js";
import { alacConfig } from "./mp4.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */

/** What Mediabunny calls the codec, which it does not know. */
const CODEC_ID = "alac";
/** Packets that are decoded at once: about a second and a half. */
const BATCH = 16;

/**
 * @param {Blob} file @param {Track} track
 * @returns {Promise<{rate: number, channels: number, blocks: () => AsyncGenerator<Float32Array[]>}
 *   | null>} null: it is of another kind, or has no configuration
 * @throws {BrokenPacket} when its configuration is wrong
 */
export async function openLossless(file, track) {
  if ((await track.getInternalCodecId()) !== CODEC_ID) return null;
  const bytes = await alacConfig(file);
  if (!bytes || bytes.length < CONFIG_BYTES) return null;
  const { rate, channels } = parseConfig(bytes);
  return { rate, channels, blocks: () => decoded(track, bytes) };
}

/** @param {Track} track @param {Uint8Array} config */
async function* decoded(track, config) {
  const url = new URL("alac-worker.js", import.meta.url);
  const worker = new Remote(url, (message) => new Error(message));
  try {
    for await (const packets of batches(track)) {
      const { planes, problem } = await worker.call("decode", { config, packets });
      yield planes;
      if (problem !== null) throw new Error(problem);
    }
  } finally {
    worker.end(null);
  }
}

/** @param {Track} track */
async function* batches(track) {
  /** @type {Uint8Array[]} */
  let packets = [];
  for await (const { data } of new EncodedPacketSink(track).packets()) {
    packets.push(data);
    if (packets.length < BATCH) continue;
    yield packets;
    packets = [];
  }
  if (packets.length > 0) yield packets;
}
