/**
 * Information shared by the tabs of one site through Web Locks, which the browser releases when a
 * tab is closed or crashes.
 *
 * @module
 */

/** @param {string} base of the site @returns {string} */
const openLock = (base) => `py-demixer open ${base}`;
/** @param {string} base of the site @returns {string} */
const busyLock = (base) => `py-demixer busy ${base}`;

/** @param {string} base of the site, now open in this tab */
export function tellOpen(base) {
  void holdShared(openLock(base));
}

/** @param {string} base @returns {Promise<boolean>} whether no other tab has the site open */
export async function isOnlyTab(base) {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.filter(({ name }) => name === openLock(base)).length <= 1;
}

/** Tells other tabs whether this one may be reloaded. */
export class Busy {
  #base;
  /** @type {(() => void) | null} */
  #end = null;

  /** @param {string} base of the site */
  constructor(base) {
    this.#base = base;
  }

  /** @param {boolean} isBusy */
  set isBusy(isBusy) {
    if (isBusy) this.#end ??= holdShared(busyLock(this.#base));
    else {
      this.#end?.();
      this.#end = null;
    }
  }
}

/** @param {string} base @returns {Promise<boolean>} whether any tab, including this one, is busy */
export async function isAnyBusy(base) {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name === busyLock(base));
}

/** @param {string} name @returns {() => void} releases the lock */
function holdShared(name) {
  let end = () => {};
  const ended = new Promise((resolve) => (end = () => resolve(null)));
  void navigator.locks?.request(name, { mode: "shared" }, () => ended);
  return end;
}
