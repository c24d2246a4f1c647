/**
 * Storage errors of the browser that usually go away after a moment.
 *
 * @module
 */

/** How long a tab that is being closed or reloaded may hold on to its locks and files. */
export const PATIENCE_MS = 1500;
const PAUSE_MS = 100;

/**
 * Errors when another tab is writing or closing the file, or the system is busy. Permanent errors
 * have these names too; they are thrown after a few retries.
 */
const MOMENTARY = [
  "NoModificationAllowedError",
  "NotReadableError",
  "InvalidStateError",
  "UnknownError",
  "AbortError",
];

/**
 * @template Value
 * @param {() => Promise<Value>} attempt may be called several times
 * @returns {Promise<Value>}
 */
export async function patiently(attempt) {
  for (let waited = 0; ; waited += PAUSE_MS) {
    try {
      return await attempt();
    } catch (error) {
      const isMomentary = error instanceof DOMException && MOMENTARY.includes(error.name);
      if (!isMomentary || waited >= PATIENCE_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
