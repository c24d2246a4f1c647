/**
 * The few members of a worker's global scope that are used here. TypeScript's own library for
 * workers cannot be loaded together with the one for pages. Types only.
 *
 * @module
 */

/**
 * @typedef {object} Scope
 * @property {(message: unknown, transfer: Transferable[]) => void} postMessage
 */

/**
 * @typedef {Event & {waitUntil(promise: Promise<unknown>): void, data?: {type?: string}}}
 *   WorkerEvent
 */

/**
 * @typedef {"install" | "activate" | "message"} WorkerEventType
 * @typedef {object} ServiceScope
 * @property {ServiceWorkerRegistration} registration
 * @property {{claim(): Promise<void>}} clients
 * @property {() => Promise<void>} skipWaiting
 * @property {(type: WorkerEventType, listener: (event: WorkerEvent) => void) => void}
 *   addEventListener
 */

export {};
