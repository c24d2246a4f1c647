/**
 * Serves the site without a network.
 *
 * The light files (the shell) are precached as one set per build. `engine/assets.js` puts the heavy
 * files (Pyodide, wheels, weights) into Cache Storage, verifies them and reports progress; the
 * service worker only serves them from there. A new build waits until the user asks for it. Files
 * that other programs share with the installed page are stored here until the page takes them.
 *
 * This is a classic script: not every browser that runs the engine supports module service workers.
 */

importScripts(
  "vendor/workbox-core.js",
  "vendor/workbox-routing.js",
  "vendor/workbox-strategies.js",
  "vendor/workbox-precaching.js",
);

const scope = /** @type {import("./engine/worker-scope.js").ServiceScope} */ (
  /** @type {unknown} */ (self)
);

/** The build inserts the list of light files, so that a new build changes this script. */
const SHELL = self.__SHELL;

/** Path and field name for shared files, as in site.webmanifest. */
const SHARED = "shared/";
const SHARED_FIELD = "songs";

const HEAVY = /^(pyodide-[^/]+|wheels|models)\//;

/** The build inserts the Content Security Policy of `_headers` here. */
const POLICY = self.__POLICY;

// Workers do not inherit the page's policy: add it on hosts that send no headers.
workbox.precaching.addPlugins([
  {
    handlerWillRespond: async ({ response: { body, headers, status, statusText } }) => {
      const stated = new Headers(headers);
      stated.set("Content-Security-Policy", POLICY);
      return new Response(body, { headers: stated, status, statusText });
    },
  },
]);
workbox.precaching.precacheAndRoute(SHELL, { ignoreURLParametersMatching: [/.*/] });
workbox.precaching.cleanupOutdatedCaches();

workbox.routing.registerRoute(
  ({ url }) => url.href.startsWith(scope.registration.scope) && HEAVY.test(pathInSite(url)),
  new workbox.strategies.CacheFirst({
    // Same name as in engine/assets.js.
    cacheName: `py-demixer-assets ${scope.registration.scope}`,
    // Only verified files enter that cache, and never from here.
    plugins: [{ cacheWillUpdate: async () => null }],
  }),
);

workbox.routing.registerRoute(
  ({ url }) => url.href === scope.registration.scope + SHARED,
  ({ request }) => keepShared(request),
  "POST",
);

/** @param {Request} request from the system @returns {Promise<Response>} redirect to the page */
async function keepShared(request) {
  try {
    const { scope: base } = scope.registration;
    const files = (await request.formData()).getAll(SHARED_FIELD);
    // Same name as in ui/start/shared.js.
    const cache = await caches.open(`py-demixer-shared ${base}`);
    for (const file of files.filter((entry) => entry instanceof File)) {
      const headers = { "content-type": file.type, "x-name": encodeURIComponent(file.name) };
      await cache.put(base + SHARED + crypto.randomUUID(), new Response(file, { headers }));
    }
  } catch (error) {
    // The page reports that something has not arrived.
    console.error(error);
  }
  return Response.redirect(`${scope.registration.scope}?shared`, 303);
}

/** @param {URL} url @returns {string} */
function pathInSite(url) {
  return url.pathname.slice(new URL(scope.registration.scope).pathname.length);
}

let first = false;

scope.addEventListener("install", () => {
  first = scope.registration.active === null;
});

scope.addEventListener("activate", (event) => {
  // On the first visit the page was loaded without a service worker: claim it, so that the engine
  // worker's requests are answered from the cache. A later build waits until no page is busy, and
  // then all pages are reloaded: see ui/offline.js.
  if (first) event.waitUntil(scope.clients.claim());
});

scope.addEventListener("message", (event) => {
  if (event.data?.type === "SKIP_WAITING") void scope.skipWaiting();
});
