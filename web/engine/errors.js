/**
 * What can go wrong, by codes. What the person reads of it stands in `ui/words/`.
 *
 * @module
 */

/** A key of the sentences. @typedef {keyof import("../ui/words/en.js").Words["errors"]} Code */
/** What a sentence tells besides. @typedef {Record<string, any>} Values */

/** Something to tell the person. @typedef {{code: Code, values: Values}} Said */

/** An error that is meant for the person. Any other error is a fault of the program. */
export class UserError extends Error {
  /** @param {Code} code @param {Values} [values] @param {unknown} [cause] */
  constructor(code, values = {}, cause) {
    super(values.sentence ?? code, { cause });
    this.name = "UserError";
    this.code = code;
    this.values = values;
  }
}

/** The graphics card cannot do what it was asked for; the processor can. */
export class GraphicsError extends UserError {}

/**
 * @param {unknown} error @param {Code} code
 * @returns {boolean} whether it is the one with that code
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
