/**
 * Files from other programs: opened with the installed page, or shared with it.
 *
 * @module
 */

/** Parameter added to the address by the service worker, which keeps shared files until taken. */
const MARK = "shared";

/**
 * @param {(files: File[]) => void} take called with files whenever there are some
 */
export function takeOpened(take) {
  const queue = /** @type {any} */ (window).launchQueue;
  queue?.setConsumer(async (/** @type {{files?: FileSystemFileHandle[]}} */ { files = [] }) => {
    if (files.length > 0) take(await Promise.all(files.map((handle) => handle.getFile())));
  });
}

/** @returns {boolean} whether the page was opened for shared files; true only once */
export function isForShared() {
  const address = new URL(location.href);
  const isMarked = address.searchParams.has(MARK);
  address.searchParams.delete(MARK);
  // A reload must not ask again.
  if (isMarked) history.replaceState(history.state, "", address);
  return isMarked;
}

/**
 * @param {string} base the site's folder
 * @returns {Promise<File[]>} files shared since the last call
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

/** @param {string} base @returns {string} same as in sw.js */
function cacheName(base) {
  return `py-demixer-shared ${base}`;
}
