/**
 * Where files go: the browser's pickers where it has them, and its downloads.
 *
 * @module
 */

/** @typedef {import("../../engine/save/maker.js").Destination} Destination */
/** @typedef {import("../../engine/save/maker.js").Download} Download */

/** @returns {boolean} whether the browser lets pages write to a file that the person picks */
export function canPickFile() {
  return "showSaveFilePicker" in globalThis;
}

/** @returns {boolean} */
export function canPickFolder() {
  return "showDirectoryPicker" in globalThis;
}

/**
 * To be called while the person's click is still fresh.
 *
 * @param {string} name proposed
 * @returns {Promise<Destination | null>} null where the person thought better of it
 */
export function pickFile(name) {
  return unlessCancelled(async () => {
    const handle = await window.showSaveFilePicker({ suggestedName: name, id: "py-demixer" });
    return { kind: "file", handle };
  });
}

/** Likewise. @returns {Promise<Destination | null>} */
export function pickFolder() {
  return unlessCancelled(async () => {
    const handle = await window.showDirectoryPicker({ mode: "readwrite", id: "py-demixer" });
    return { kind: "folder", handle };
  });
}

/**
 * @param {() => Promise<Destination>} pick
 * @returns {Promise<Destination | null>}
 */
async function unlessCancelled(pick) {
  try {
    return await pick();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

/**
 * A link to a file that is ready. In Chromium it can be dragged to the desktop or into another
 * program, which then gets the file.
 *
 * @param {string} name @param {Blob} file
 * @returns {HTMLAnchorElement} whose address is to be revoked when it goes
 */
export function fileLink(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.draggable = true;
  link.addEventListener("dragstart", ({ dataTransfer }) => {
    const type = file.type || "application/octet-stream";
    dataTransfer?.setData("DownloadURL", `${type}:${name}:${link.href}`);
  });
  return link;
}
