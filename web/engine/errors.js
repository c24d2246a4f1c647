/**
 * Everything that can go wrong, as codes. The messages for the user are in `ui/words/`.
 *
 * @module
 */

/** Key of a message. @typedef {keyof import("../ui/words/en.js").Words["errors"]} Code */
/** Values in the message. @typedef {Record<string, any>} Values */

/** A message for the user. @typedef {{code: Code, values: Values}} Notice */

/** An error to show to the user. Any other error is a bug. */
export class UserError extends Error {
  /** @param {Code} code @param {Values} [values] @param {unknown} [cause] */
  constructor(code, values = {}, cause) {
    super(values.sentence ?? code, { cause });
    this.name = "UserError";
    this.code = code;
    this.values = values;
  }

  /** What is said of it, without the error: can be stored and sent. @returns {Notice} */
  get notice() {
    return { code: this.code, values: this.values };
  }
}

/** The graphics card cannot do what was asked; the processor can. */
export class GraphicsError extends UserError {}

/**
 * @param {unknown} error @param {Code} code
 * @returns {boolean} whether it is a `UserError` with that code
 */
export function hasCode(error, code) {
  return error instanceof UserError && error.code === code;
}

/**
 * @param {unknown} error
 * @returns {boolean} whether an allocation failed
 */
export function isOutOfMemory(error) {
  return error instanceof RangeError && /alloc|array length|buffer|memory/i.test(error.message);
}
