/**
 * Position of a stem between left and right: one pan law for playing and saving.
 *
 * It is the law of the Web Audio API's StereoPannerNode for two channels: the far channel is folded
 * into the near one with equal power, so that nothing of a stem is lost at either end. In the
 * middle the panner is bypassed and the samples stay unchanged; a StereoPannerNode would add
 * 6e-17 of the other channel.
 *
 * | pan | left from left | left from right | right from left | right from right |
 * | --- | --- | --- | --- | --- |
 * | -1 | 1 | 1 | 0 | 0 |
 * | -0.5 | 1 | 0.707 | 0 | 0.707 |
 * | 0 | 1 | 0 | 0 | 1 |
 * | 0.5 | 0.707 | 0 | 0.707 | 1 |
 * | 1 | 0 | 0 | 1 | 1 |
 *
 * @module
 */

/**
 * Gain from each input channel to each output channel.
 * @typedef {object} Gains
 * @property {number} leftFromLeft
 * @property {number} leftFromRight
 * @property {number} rightFromLeft
 * @property {number} rightFromRight
 */

/**
 * @param {{volume: number, pan: number}} place pan: -1 (left) to 1 (right)
 * @returns {Gains}
 */
export function gainsOf({ volume, pan }) {
  const angle = (Math.abs(pan) * Math.PI) / 2;
  const kept = pan === 0 ? volume : volume * Math.cos(angle);
  const folded = pan === 0 ? 0 : volume * Math.sin(angle);
  return {
    leftFromLeft: pan > 0 ? kept : volume,
    leftFromRight: pan < 0 ? folded : 0,
    rightFromLeft: pan > 0 ? folded : 0,
    rightFromRight: pan < 0 ? kept : volume,
  };
}
