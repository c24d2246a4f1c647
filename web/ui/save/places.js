/**
 * Destinations of files: the browser's pickers if it has them, and its downloads.
 *
 * @module
 */

/** @typedef {import("../../engine/save/maker.js").Destination} Destination */
/** @typedef {import("../../engine/save/maker.js").Download} Download */

/** @returns {boolean} whether pages can write to a file that the user picks */
export function canPickFile() {
  return "showSaveFilePicker" in globalThis;
}

/** @returns {boolean} */
export function canPickFolder() {
  return "showDirectoryPicker" in globalThis;
}

/**
 * Ask for a file. Call it directly from the user's click.
 *
 * @param {string} name proposed name
 * @returns {Promise<Destination | null>} null if the user cancelled
 */
export function pickFile(name) {
  return unlessCancelled(async () => {
    const handle = await window.showSaveFilePicker({ suggestedName: name, id: "py-demixer" });
    return { kind: "file", handle };
  });
}

/** Ask for a folder, likewise. @returns {Promise<Destination | null>} */
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
 * Link to a finished file. In Chromium it can be dragged to the desktop or into another program,
 * which then receives the file.
 *
 * @param {string} name @param {Blob} file
 * @returns {HTMLAnchorElement} revoke its URL when removing it
 */
export function fileLink(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.draggable = true;
  link.addEventListener("dragstart", (event) => {
    dragAsFile(event, { name, file, href: link.href });
  });
  return link;
}

/**
 * Let the browser give a file to what something is dropped on.
 *
 * @param {DragEvent} event that begins the drag
 * @param {{name: string, file: Blob, href: string}} what `href`: its address
 */
export function dragAsFile({ dataTransfer }, { name, file, href }) {
  const type = file.type || "application/octet-stream";
  dataTransfer?.setData("DownloadURL", `${type}:${name}:${href}`);
}
