/**
 * Work in pieces, between which the page does what has come up.
 *
 * @module
 */

/**
 * Resolves in a new task, so that user input and rendering come first. A timer would work as well,
 * but in a background tab each one takes a second.
 *
 * @returns {Promise<void>}
 */
export function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
