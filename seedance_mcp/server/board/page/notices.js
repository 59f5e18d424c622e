/** Tells of what has happened: for the eyes at the lower edge, for screen readers one thing after the other. */

import { button, el } from "./elements.js";
import { say } from "./i18n.js";

const SHOWN_SECONDS = 6;
const BETWEEN_SECONDS = 1.5;

export class Notices {
  constructor() {
    this.root = el("div", { class: "notices" });
    this.#status = el("div", { role: "status", class: "hidden-words" });
    this.#alert = el("div", { role: "alert", class: "hidden-words" });
    this.#shown = el("div", { class: "notices-shown" });
    this.root.append(this.#status, this.#alert, this.#shown);
  }

  #status;
  #alert;
  #shown;
  /** @type {string[]} */
  #queue = [];
  #speaking = false;

  /** @param {string} text */
  say(text) {
    this.#show(text, "said");
    this.whisper(text);
  }

  /** @param {string} text something that went wrong: it stays until it is closed */
  problem(text) {
    this.#show(text, "problem");
    this.#alert.textContent = text;
  }

  /** @param {string} text for screen readers alone */
  whisper(text) {
    if (this.#queue.at(-1) !== text) this.#queue.push(text);
    if (!this.#speaking) this.#next();
  }

  #next() {
    const text = this.#queue.shift();
    this.#speaking = text !== undefined;
    if (text === undefined) return;
    this.#status.textContent = text;
    setTimeout(() => this.#next(), BETWEEN_SECONDS * 1000);
  }

  /**
   * @param {string} text
   * @param {"said" | "problem"} kind
   */
  #show(text, kind) {
    const close = button("close", "", { class: "bare", "aria-label": say("close"), onclick: () => notice.remove() });
    const notice = el("div", { class: `notice notice-${kind}` }, el("p", { dir: "auto" }, text), close);
    this.#shown.replaceChildren(notice);
    if (kind === "said") setTimeout(() => notice.remove(), SHOWN_SECONDS * 1000);
  }
}
