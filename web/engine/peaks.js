/**
 * Peaks: the smallest and the greatest sample of sections of a plane, for drawing waveforms.
 *
 * Beside each lasting plane there is a file with the peaks of every block of `PEAK_FRAMES` frames,
 * both channels together. Each write to the plane widens them; the order of the writes does not
 * matter, nor does repeating one after a crash. Unwritten samples count as zero, so the peaks of a
 * block always include zero. A waveform whose columns span two blocks or more is made from these
 * (2.5 MB for an hour); a finer one is made from the samples, of which it needs few.
 *
 * @module
 */

export const PEAK_FRAMES = 512;

/** Number of frames or blocks processed at once. */
const AT_ONCE = 1 << 16;

/**
 * @param {Float32Array} blocks (n, 2), [smallest, greatest] of each, widened in place
 * @param {number} offset frames between the start of the first block and the samples
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
 * @param {Float32Array} peaks (n, 2) @param {number} index the one to widen
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
 * @param {[number, number][]} final ranges of the plane that are final
 * @param {{samples: Read, blocks: Read}} read pairs of samples or of peaks: start, count
 * @returns {Promise<Float32Array>} (columns, 2); NaN for a column that is not all final
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
