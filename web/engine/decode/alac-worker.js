/**
 * Decodes Apple Lossless packets off the main thread. Messages: see `protocol.js`.
 */

import { serve } from "../rpc.js";
import { AlacDecoder, parseConfig } from "./alac.js";

/** @type {AlacDecoder | null} */
let decoder = null;

/**
 * @param {import("../protocol.js").AlacCall} call
 * @returns {import("../protocol.js").AlacReply}
 */
function answer({ config, packets }) {
  /** @type {Float32Array[][]} */
  const decoded = [];
  let problem = null;
  try {
    decoder ??= new AlacDecoder(parseConfig(config));
    for (const packet of packets) decoded.push(decoder.decode(packet));
  } catch (error) {
    problem = String(error);
  }
  const [first = []] = decoded;
  const planes = first.map((_, channel) => joined(decoded.flatMap((all) => all[channel] ?? [])));
  return { planes, problem };
}

/** @param {Float32Array[]} parts @returns {Float32Array} */
function joined(parts) {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

serve(
  (_method, call) => answer(call),
  ({ planes }) => planes,
);
