/** What both ways to the server share: how they fail, and small conversions. */

/** @typedef {import("./types.js").Failure} Failure */

/** The server cannot be reached now. */
export class Unreachable extends Error {}

/** The server has ended, or does not know this page: trying again is of no use. */
export class Ended extends Error {}

/** The server answered that it does not do that; `hint` says what to do. */
export class Refused extends Error {
  /** @param {Partial<Failure>} failure */
  constructor(failure) {
    super(failure.problems?.join(" ") || failure.message || "The server refused this and gave no reason.");
    this.code = failure.code ?? "error";
    this.hint = failure.hint ?? "";
  }
}

/**
 * Read an error that was thrown anywhere as words for a person.
 * @param {unknown} error
 * @returns {string}
 */
export function wordsOf(error) {
  if (error instanceof Refused && error.hint) return `${error.message} ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Return the error that a tool's answer tells of.
 * @param {unknown} failure
 */
export function refusal(failure) {
  return new Refused(failure && typeof failure === "object" ? failure : {});
}

/**
 * Wait.
 * @param {number} seconds
 * @param {AbortSignal} [until] ends the waiting early
 * @returns {Promise<void>}
 */
export function pause(seconds, until) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    until?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
