/**
 * Files that other programs hand over: opened with the installed page, or shared with it.
 *
 * @module
 */

/** What the service worker, which keeps shared files until they are taken, adds to the address. */
const MARK = "shared";

/**
 * @param {(files: File[]) => void} take is given the files, whenever there are some
 */
export function takeOpened(take) {
  const queue = /** @type {any} */ (window).launchQueue;
  queue?.setConsumer(async (/** @type {{files?: FileSystemFileHandle[]}} */ { files = [] }) => {
    if (files.length > 0) take(await Promise.all(files.map((handle) => handle.getFile())));
  });
}

/** @returns {boolean} whether the page was opened to take what was shared with it; said once */
export function isForShared() {
  const address = new URL(location.href);
  const isMarked = address.searchParams.has(MARK);
  address.searchParams.delete(MARK);
  // A reload does not ask again.
  if (isMarked) history.replaceState(history.state, "", address);
  return isMarked;
}

/**
 * @param {string} base the site's folder
 * @returns {Promise<File[]>} what was shared since the last time
 */
export async function takeShared(base) {
  if (!("caches" in window)) return [];
  const cache = await caches.open(cacheName(base));
  const files = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    if (response) files.push(await fileOf(response));
    await cache.delete(request);
  }
  return files;
}

/** @param {Response} response @returns {Promise<File>} */
async function fileOf(response) {
  const name = decodeURIComponent(response.headers.get("x-name") ?? "");
  const type = response.headers.get("content-type") ?? "";
  return new File([await response.blob()], name, { type });
}

/** @param {string} base @returns {string} sw.js names it alike */
function cacheName(base) {
  return `py-demixer-shared ${base}`;
}
