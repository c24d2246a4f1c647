/**
 * Serves the site without a network.
 *
 * The light files (the shell) are precached as one set per build. The heavy ones (Pyodide, wheels,
 * weights) are put into Cache Storage by `engine/assets.js`, which verifies them and shows how far
 * it is; here they are only answered from there. A new build waits until the person asks for it.
 * Files that other programs share with the installed page are kept here until the page takes them.
 *
 * A classic script: a module service worker is not to be had in every browser that runs the engine.
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

/** The build writes the list of light files here, so that a new build changes this script. */
const SHELL = self.__SHELL;

/** Where site.webmanifest has files shared to, and what it calls them. */
const SHARED = "shared/";
const SHARED_FIELD = "songs";

const HEAVY = /^(pyodide-[^/]+|wheels|models)\//;

/** The build writes it here, too: the Content Security Policy of `_headers`. */
const POLICY = self.__POLICY;

// On hosts that send no headers, workers would have no policy: they do not inherit the page's.
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
    // engine/assets.js names it alike.
    cacheName: `py-demixer-assets ${scope.registration.scope}`,
    // Nothing enters that cache unverified.
    plugins: [{ cacheWillUpdate: async () => null }],
  }),
);

workbox.routing.registerRoute(
  ({ url }) => url.href === scope.registration.scope + SHARED,
  ({ request }) => keepShared(request),
  "POST",
);

/** @param {Request} request of the system @returns {Promise<Response>} leads to the page */
async function keepShared(request) {
  try {
    const { scope: base } = scope.registration;
    const files = (await request.formData()).getAll(SHARED_FIELD);
    // ui/start/shared.js names it alike.
    const cache = await caches.open(`py-demixer-shared ${base}`);
    for (const file of files.filter((entry) => entry instanceof File)) {
      const headers = { "content-type": file.type, "x-name": encodeURIComponent(file.name) };
      await cache.put(base + SHARED + crypto.randomUUID(), new Response(file, { headers }));
    }
  } catch (error) {
    // The page says that something has not arrived.
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
  // The first visit's page was loaded without a service worker: take it over, so that what the
  // engine worker asks for is answered from the cache. A later build waits until no page is busy,
  // and all are loaded anew with it: ui/offline.js.
  if (first) event.waitUntil(scope.clients.claim());
});

scope.addEventListener("message", (event) => {
  if (event.data?.type === "SKIP_WAITING") void scope.skipWaiting();
});
