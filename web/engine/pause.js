/**
 * Work in pieces, between which the page does what has come up.
 *
 * @module
 */

/**
 * Settles in a task of its own: what the person did, and pictures, come before it. A timer would do,
 * too, but in a tab in the background each waits for a second.
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
