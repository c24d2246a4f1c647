/**
 * The page's side of the service worker: registers it, and offers updates without forcing them.
 *
 * @module
 */

import { isAnyBusy } from "../engine/tabs.js";
import { Workbox } from "../vendor/workbox-window.mjs";

/** How long to wait for the service worker before continuing without it. */
const PATIENCE_MS = 15_000;

/**
 * A page never keeps running with files of another version: when a new version takes over, all tabs
 * are reloaded. So it waits until no tab is busy.
 *
 * @param {string} base the site's folder
 * @param {(activate: () => Promise<boolean>) => void} offer called when a new version is waiting;
 *   `activate` lets it take over, or returns false if a tab is busy
 * @returns {() => Promise<void>} waits until the service worker answers the requests of this page,
 *   or for `PATIENCE_MS`
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
  // A page loaded past the service worker (a forced reload) gets no other sign.
  workbox.addEventListener("activated", () => {
    if (asked) loadAnew();
  });
  let wasControlled = isControlled();
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (wasControlled) loadAnew();
    wasControlled = true;
  });
  const registered = workbox.register({ immediate: true }).then(
    // An active one without control was bypassed on purpose (a forced reload): do not wait for it.
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
