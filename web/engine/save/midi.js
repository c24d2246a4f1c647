/**
 * The tempo of a song as a MIDI file, for the grid of a DAW.
 *
 * @module
 */

import writeMidi from "../../vendor/midi.mjs";

const TICKS_PER_BEAT = 480;
const MICROSECONDS = 1e6;

/**
 * A beat of the song is a quarter note in the file. What comes before the first beat is filled with
 * whole beats, so that the song and the file start together.
 *
 * @param {readonly number[]} beats at least two, in frames, increasing
 * @param {number} rate hertz
 * @returns {Uint8Array<ArrayBuffer>} a standard MIDI file with a tempo for each beat
 */
export function tempoFile(beats, rate) {
  const times = withStart(beats).map((frame) => Math.round((MICROSECONDS * frame) / rate));
  /** @type {import("midi-file").MidiEvent[]} */
  const track = [];
  let waited = 0;
  let last = 0;
  for (const [index, time] of times.slice(1).entries()) {
    const microsecondsPerBeat = time - /** @type {number} */ (times[index]);
    // Equal tempos are written once.
    if (microsecondsPerBeat !== last) {
      track.push({ deltaTime: waited, type: "setTempo", microsecondsPerBeat, meta: true });
      waited = 0;
    }
    last = microsecondsPerBeat;
    waited += TICKS_PER_BEAT;
  }
  track.push({ deltaTime: waited, type: "endOfTrack", meta: true });
  const header = { format: 0, numTracks: 1, ticksPerBeat: TICKS_PER_BEAT };
  return Uint8Array.from(writeMidi({ header: /** @type {any} */ (header), tracks: [track] }));
}

/** @param {readonly number[]} beats @returns {number[]} with beats from frame 0 on */
function withStart(beats) {
  const [first, second] = /** @type {[number, number]} */ (/** @type {unknown} */ (beats));
  const count = Math.round(first / (second - first));
  // Less than half a beat makes the first one longer.
  if (count === 0) return [0, ...beats.slice(1)];
  return [...Array.from({ length: count }, (_, index) => (first * index) / count), ...beats];
}
