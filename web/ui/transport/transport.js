/**
 * The bar at the bottom: play, position, loop, original or stems, presets, speed and key, volume.
 *
 * @module
 */

import { presets } from "../../engine/presets.js";
import { byId, within } from "../elements.js";
import { clock, number, percent } from "../format.js";
import { fill } from "../slider.js";
import { say, sayAs, word } from "../words.js";
import { meterShare } from "../studio/meter.js";

/** @typedef {import("../../engine/player.js").Player} Player */
/** @typedef {import("../../engine/protocol.js").Stems} Stems */

/** How far the keys go on the slider, in seconds. */
const STEPS = new Map([
  ["ArrowLeft", -5],
  ["ArrowRight", 5],
  ["ArrowDown", -5],
  ["ArrowUp", 5],
  ["PageDown", -30],
  ["PageUp", 30],
]);

/** A loop that is made by the key alone is so long. */
const LOOP_SECONDS = 4;
const OWN = "own";
