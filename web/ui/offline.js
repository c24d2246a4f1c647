/**
 * The service worker as the page sees it: registers it, and offers an update, never by force.
 *
 * @module
 */

import { isAnyBusy } from "../engine/tabs.js";
import { Workbox } from "../vendor/workbox-window.mjs";

/** How long to wait for the service worker before going on without it. */
const PATIENCE_MS = 15_000;

/**
 * A page never lives on with the files of another version: when one takes over, all tabs are loaded
 * anew, so it waits until none of them is busy.
 *
 * @param {string} base the site's folder
 * @param {(activate: () => Promise<boolean>) => void} offer called when a new version waits;
 *   `activate` lets it take over, unless a tab is busy: then it gives false
 * @returns {() => Promise<void>} waits until the service worker answers this page's requests, or
 *   has had its time
 */
export function registerServiceWorker(base, offer) {
  if (!("serviceWorker" in navigator)) return async () => {};
  const workbox = new Workbox(new URL("sw.js", base).href, { updateViaCache: "none" });
  let asked = false;
  let isLeaving = false;
  const loadAnew = () => {
    if (!isLeaving) location.reload();
    isLeaving = true;
  };
  workbox.addEventListener("waiting", () => {
    offer(async () => {
      if (await isAnyBusy(base)) return false;
      asked = true;
      workbox.messageSkipWaiting();
      return true;
    });
  });
  // A page that was loaded past the service worker (a forced reload) has no other sign.
  workbox.addEventListener("activated", () => {
    if (asked) loadAnew();
  });
  let wasControlled = isControlled();
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (wasControlled) loadAnew();
    wasControlled = true;
  });
  const registered = workbox.register({ immediate: true }).then(
    // One that is active but not in control was bypassed on purpose (a forced reload): it stays so.
    (registration) => (registration?.active && !isControlled() ? undefined : workbox.controlling),
    (error) => console.warn("The service worker could not be registered.", error),
  );
  return async () => {
    await Promise.race([registered, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  };
}

/** @returns {boolean} whether a service worker answers this page's requests */
export function isControlled() {
  return "serviceWorker" in navigator && navigator.serviceWorker.controller !== null;
}
