/* What the assembled site has in vendor/, by the types of the packages it was copied from. */

declare module "*/vendor/mediabunny.mjs" {
  export * from "mediabunny";
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

/* Of workers, beside the library for pages. */

interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<import("./engine/songs.js").StoredFile>;
}
