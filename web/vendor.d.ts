/* What the assembled site has in vendor/, by the types of the packages it was copied from. */

declare module "*/vendor/mediabunny.mjs" {
  export * from "mediabunny";
}

declare module "*/vendor/flac-encoder/encoder.mjs" {
  export * from "@mediabunny/flac-encoder";
}

declare module "*/vendor/mp3-encoder/encoder.mjs" {
  export * from "@mediabunny/mp3-encoder";
}

declare module "*/vendor/client-zip.mjs" {
  export * from "client-zip";
}

declare module "*/vendor/workbox-window.mjs" {
  export * from "workbox-window";
}

declare module "*/vendor/libsamplerate.mjs" {
  export * from "@alexanderolsen/libsamplerate-js";
}

declare module "*/vendor/fft.mjs" {
  import FFT = require("fft.js");
  export default FFT;
}

/* Globals of the service worker. */

declare const workbox: {
  precaching: typeof import("workbox-precaching");
  routing: typeof import("workbox-routing");
  strategies: typeof import("workbox-strategies");
};

declare function importScripts(...urls: string[]): void;

interface Window {
  __SHELL: import("workbox-precaching").PrecacheEntry[];
}

/* Of workers, beside the library for pages. */

interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<import("./engine/songs.js").StoredFile>;
}

/* Of Chromium. */

interface FileSystemHandle {
  remove?(): Promise<void>;
}

interface Window {
  showSaveFilePicker(options: {suggestedName: string; id: string}): Promise<FileSystemFileHandle>;
  showDirectoryPicker(options: {mode: "readwrite"; id: string}): Promise<FileSystemDirectoryHandle>;
}
