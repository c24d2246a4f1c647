/**
 * An Apple Lossless track: packets from the container, decoded in a worker.
 *
 * @module
 */

import { EncodedPacketSink } from "../../vendor/mediabunny.mjs";
import { Remote } from "../rpc.js";
import { CONFIG_BYTES, parseConfig } from "./alac.js";
import { alacConfig } from "./mp4.js";

/** @typedef {import("mediabunny").InputAudioTrack} Track */

/** Mediabunny's name for the codec, which it does not support. */
const CODEC_ID = "alac";
/** Packets decoded at once: about a second and a half. */
const BATCH = 16;

/**
 * @param {Blob} file @param {Track} track
 * @returns {Promise<{rate: number, channels: number, blocks: () => AsyncGenerator<Float32Array[]>}
 *   | null>} null for another codec, or without a configuration
 * @throws {BrokenPacket} if its configuration is invalid
 */
export async function openLossless(file, track) {
  if ((await track.getInternalCodecId()) !== CODEC_ID) return null;
  const bytes = await alacConfig(file);
  if (!bytes || bytes.length < CONFIG_BYTES) return null;
  const { rate, channels } = parseConfig(bytes);
  return { rate, channels, blocks: () => decoded(track, bytes, rate) };
}

/** @param {Track} track @param {Uint8Array} config @param {number} rate in hertz */
async function* decoded(track, config, rate) {
  const url = new URL("alac-worker.js", import.meta.url);
  const worker = new Remote(url, (message) => new Error(message));
  try {
    // An edit list may skip the beginning, which then lies before time 0.
    let before = Math.max(0, Math.round(-(await track.getFirstTimestamp()) * rate));
    for await (const packets of batches(track)) {
      const { planes, problem } = await worker.call("decode", { config, packets });
      yield planes.map((/** @type {Float32Array} */ plane) => plane.subarray(before));
      before = Math.max(0, before - (planes[0]?.length ?? 0));
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
