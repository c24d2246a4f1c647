/**
 * Peaks: the least and the greatest sample of stretches of a plane, from which waveforms are drawn.
 *
 * Beside each plane that lasts there is a file with the peaks of every block of `PEAK_FRAMES`
 * frames, of both channels together. They are widened by whatever is written to the plane, in any
 * order, and a second time after a crash: the result is the same. What was not written yet counts
 * as zero, so the peaks of a block always include it. A waveform whose columns have two blocks or
 * more is made of these, 2.5 MB for an hour; a finer one of the samples, of which it needs few.
 *
 * @module
 */

export const PEAK_FRAMES = 512;

/** So many frames or blocks are looked at in one piece. */
const AT_ONCE = 1 << 16;

/**
 * @param {Float32Array} blocks (n, 2), [least, greatest] of each: widened in place
 * @param {number} offset frames from the start of the first block to the samples
 * @param {Float32Array} samples interleaved stereo
 */
export function widen(blocks, offset, samples) {
  for (let block = 0; block < blocks.length / 2; block++) {
    const from = Math.max(block * PEAK_FRAMES - offset, 0);
    const to = Math.min((block + 1) * PEAK_FRAMES - offset, samples.length / 2);
    include(blocks, block, samples, from, to);
  }
}

/**
 * @param {Float32Array} peaks (n, 2) @param {number} index which of them is widened
 * @param {Float32Array} pairs (m, 2): samples, or peaks @param {number} from @param {number} to
 */
function include(peaks, index, pairs, from, to) {
  let least = /** @type {number} */ (peaks[2 * index]);
  let greatest = /** @type {number} */ (peaks[2 * index + 1]);
  for (let i = 2 * from; i < 2 * to; i++) {
    const value = /** @type {number} */ (pairs[i]);
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  peaks[2 * index] = least;
  peaks[2 * index + 1] = greatest;
}

/**
 * The peaks of a range, cut into columns.
 *
 * @param {{start: number, length: number}} range in frames
 * @param {number} columns
 * @param {[number, number][]} final what is known of the plane
 * @param {{samples: Read, blocks: Read}} read pairs of frames and of blocks: from, how many
 * @returns {Promise<Float32Array>} (columns, 2); NaN where not all of a column is final
 *
 * @typedef {(start: number, length: number) => Promise<Float32Array>} Read
 */
export async function columnsOf({ start, length }, columns, final, read) {
  const peaks = new Float32Array(2 * columns).fill(NaN);
  const edge = (/** @type {number} */ column) => start + Math.floor((column * length) / columns);
  const unit = length / columns < 2 * PEAK_FRAMES ? 1 : PEAK_FRAMES;
  const ends = (/** @type {number} */ column) => {
    const first = Math.floor(edge(column) / unit);
    const last = edge(column + 1) / unit;
    const whole = column + 1 === columns ? Math.ceil(last) : Math.floor(last);
    return /** @type {const} */ ([first, Math.max(whole, first + 1)]);
  };
  const isFinal = (/** @type {number} */ column) =>
    final.some(([from, to]) => from <= edge(column) && edge(column + 1) <= to);
  for (let column = 0, stop = 0; column < columns; column = Math.max(stop, column + 1)) {
    const [from] = ends(column);
    stop = column;
    while (stop < columns && isFinal(stop) && ends(stop)[1] - from <= AT_ONCE) stop++;
    if (stop === column) continue;
    const pairs = await read[unit === 1 ? "samples" : "blocks"](from, ends(stop - 1)[1] - from);
    for (let one = column; one < stop; one++) {
      const [first, last] = ends(one);
      peaks.set([Infinity, -Infinity], 2 * one);
      include(peaks, one, pairs, first - from, last - from);
    }
  }
  return peaks;
}
