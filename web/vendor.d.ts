/* What the assembled site has in vendor/, by the types of the packages it was copied from. */

declare module "*/vendor/midi.mjs" {
  export { writeMidi as default } from "midi-file";
}

declare module "*/vendor/mediabunny.mjs" {
  export * from "mediabunny";
}

declare module "*/vendor/aac-encoder/encoder.mjs" {
  export * from "@mediabunny/aac-encoder";
}

declare module "*/vendor/flac-encoder/encoder.mjs" {
  export * from "@mediabunny/flac-encoder";
}

declare module "*/vendor/mp3-encoder/encoder.mjs" {
  export * from "@mediabunny/mp3-encoder";
}

declare module "*/vendor/zip.mjs" {
  export * from "@zip.js/zip.js";
}

declare module "*/vendor/idb.mjs" {
  export * from "idb";
}

declare module "*/vendor/yaml.mjs" {
  export * from "js-yaml";
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

/* What of Signalsmith Stretch's WebAssembly module is used; the package has no types. */
declare module "*/vendor/signalsmith-stretch.mjs" {
  export interface SignalsmithModule {
    HEAP8: Int8Array<ArrayBuffer>;
    _configure(channels: number, block: number, interval: number, split: boolean): void;
    /** Inputs, then outputs, channel by channel. */
    _setBuffers(channels: number, length: number): number;
    _inputLatency(): number;
    _outputLatency(): number;
    _reset(): void;
    _seek(inputSamples: number, playbackRate: number): void;
    _process(inputSamples: number, outputSamples: number): void;
  }
  /** What the module gets its random numbers from; web/assemble.py has seen to that. */
  interface Random {
    getRandomValues(bytes: Uint8Array): Uint8Array;
  }
  export default function openModule(options: { random: Random }): Promise<SignalsmithModule>;
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
  __POLICY: string;
}

/* What TypeScript's library does not know yet. */

interface Window {
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL(address: string): string | null },
    ): unknown;
  };
}

/* Globals of audio worklets. */

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare function registerProcessor(
  name: string,
  processor: new (options: any) => AudioWorkletProcessor,
): void;

declare const sampleRate: number;
declare const currentFrame: number;

/* Of workers, beside the library for pages. */

interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<import("./engine/storage.js").StoredFile>;
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}

/* Of Chromium. */

interface Navigator {
  readonly connection?: { readonly saveData?: boolean };
}

interface FileSystemHandle {
  remove?(): Promise<void>;
}

interface Window {
  showSaveFilePicker(options: {suggestedName: string; id: string}): Promise<FileSystemFileHandle>;
  showDirectoryPicker(options: {mode: "readwrite"; id: string}): Promise<FileSystemDirectoryHandle>;
}
