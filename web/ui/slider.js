/**
 * Sliders whose track is filled: see `.slider` in base.css.
 *
 * @module
 */

/**
 * @param {HTMLInputElement} slider
 * @param {number} value
 * @param {number} [origin] the value from which on its track is filled; otherwise from the start
 */
export function fill(slider, value, origin = Number(slider.min)) {
  const [least, most] = [Number(slider.min), Number(slider.max)];
  const shares = [origin, value].map((one) => (one - least) / (most - least));
  slider.value = String(value);
  slider.style.setProperty("--from", String(Math.min(...shares)));
  slider.style.setProperty("--value", String(Math.max(...shares)));
}

/**
 * A double click puts a slider back.
 *
 * @param {HTMLInputElement} slider
 * @param {number} usual
 * @param {(value: number) => void} set called with each value that the person chooses
 */
export function connect(slider, usual, set) {
  slider.addEventListener("input", () => set(slider.valueAsNumber));
  slider.addEventListener("dblclick", () => set(usual));
}
