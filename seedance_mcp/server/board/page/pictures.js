/** Fetches the posters of videos, a few at a time and each once, and shows them. */

import { setSource } from "./elements.js";

/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */

const AT_ONCE = 4;
const MOST_KEPT = 400;

export class Posters {
  /** @type {Map<string, Promise<string | null>>} */
  #kept = new Map();
  /** @type {(() => void)[]} what waits for its turn */
  #queue = [];
  #running = 0;

  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
  }

  /**
   * Show the poster of a job in a picture, when it comes. `wanted` says then whether the picture still is for that job.
   * @param {HTMLImageElement} image
   * @param {JobCard} job
   * @param {() => boolean} wanted
   */
  show(image, job, wanted) {
    void this.#poster(job, wanted).then((address) => {
      if (!wanted() || address === null) return;
      setSource(image, address);
      image.hidden = false;
    });
  }

  /**
   * @param {JobCard} job
   * @param {() => boolean} wanted
   * @returns {Promise<string | null>}
   */
  #poster(job, wanted) {
    const found = this.#kept.get(job.job_id);
    if (found) return found;
    const poster = this.#turn(wanted).then((go) => (go ? this.connection.poster(job) : null));
    this.#kept.set(job.job_id, poster);
    void poster
      .catch(() => null)
      .then((address) => {
        this.#running -= 1;
        this.#queue.shift()?.();
        // What did not come, or was scrolled past, is asked for again when it is next in view.
        if (address === null) this.#kept.delete(job.job_id);
        else if (this.#kept.size > MOST_KEPT) this.#kept.delete([...this.#kept.keys()][0] ?? "");
      });
    return poster.catch(() => null);
  }

  /**
   * @param {() => boolean} wanted
   * @returns {Promise<boolean>}
   */
  async #turn(wanted) {
    if (this.#running >= AT_ONCE) await new Promise((resolve) => this.#queue.push(() => resolve(null)));
    this.#running += 1;
    return wanted();
  }
}
