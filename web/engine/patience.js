/**
 * Errors of the browser's storage that are over in a moment.
 *
 * @module
 */

/** How long a tab that is being closed or reloaded still has its locks and files. */
export const PATIENCE_MS = 1500;
const PAUSE_MS = 100;

/**
 * A file that another tab is just writing or closing, or that the system was busy with. What is
 * for good has these names, too; then it was asked a few times in vain.
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
 * @param {() => Promise<Value>} attempt may be made several times
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
