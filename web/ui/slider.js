/**
 * Sliders with a filled track: see `.slider` in base.css.
 *
 * @module
 */

/**
 * @param {HTMLInputElement} slider
 * @param {number} value
 * @param {number} [origin] value where the filling starts; default: the start
 */
export function fill(slider, value, origin = Number(slider.min)) {
  const [least, most] = [Number(slider.min), Number(slider.max)];
  const shares = [origin, value].map((one) => (one - least) / (most - least));
  slider.value = String(value);
  slider.style.setProperty("--from", String(Math.min(...shares)));
  slider.style.setProperty("--value", String(Math.max(...shares)));
}

/**
 * Connect a slider to a value. A double click resets it.
 *
 * @param {HTMLInputElement} slider
 * @param {number} usual
 * @param {(value: number) => void} set called with each value that the user chooses
 */
export function connect(slider, usual, set) {
  slider.addEventListener("input", () => set(slider.valueAsNumber));
  slider.addEventListener("dblclick", () => set(usual));
}
