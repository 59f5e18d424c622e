/** Makes the next take of a video: what is asked for, its price on the button, one purchase for one click. */

import { button, el, icon, setAttribute, setBusy, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { money, say } from "./i18n.js";
import { aboveCap, isFree } from "./status.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {"again" | "continue"} Kind */
/** @typedef {{ estimate: { usd: string } | null, maximum: { usd: string } | null, budget: { max_per_job_usd: string } }} Estimate */

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Notices} notices
 * @param {{ made: (jobId: string | null) => void, closed: () => void }} actions
 */
export function makingPart(state, connection, notices, actions) {
  /** @type {JobCard | null} */
  let job = null;
  /** @type {Kind} */
  let kind = "again";
  /** the most that a click may cost */
  let mostUsd = "0";
  let requestKey = "";
  let turn = 0;
  const title = el("h3", { id: "making-title" });
  const prompt = el("textarea", { id: "making-prompt", rows: 4, maxlength: 20000, dir: "auto" });
  const hint = el("p", { class: "quiet" });
  const words = el("p", { class: "making-price", role: "status" });
  const above = el("p", { class: "above" }, icon("amber"), el("span"));
  const make = button("play", say("make"), { class: "spend", onclick: () => buy() });
  const root = el(
    "section",
    { class: "part making", "aria-labelledby": "making-title", hidden: true, onkeydown: escape },
    title, hint,
    el("label", { for: "making-prompt" }, say("prompt")), prompt,
    words, above,
    el("div", { class: "row" }, make, button("close", say("discard"), { onclick: () => close() })),
  );

  function close() {
    turn += 1;
    if (root.hidden) return;
    root.hidden = true;
    actions.closed();
  }

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }

  /** @returns {Record<string, unknown>} */
  function given() {
    const id = /** @type {JobCard} */ (job).job_id;
    const from = kind === "again" ? { seed: -1 } : { first_frame: `job:${id}/last_frame` };
    const written = prompt.value.trim();
    return { based_on: id, ...from, ...(written && written !== job?.prompt ? { prompt: written } : {}) };
  }

  /**
   * @param {string | null} most what it costs at most, if that is known
   * @param {string | null} counted what the limits have to hold
   */
  function showPrice(most, counted) {
    const words = most === null ? say("make_unknown") : isFree(most) ? say("make_free") : say("make_price", { price: money(most) });
    setText(/** @type {Element} */ (make.lastElementChild), words);
    const over = aboveCap(counted, state.spending);
    setAttribute(above, "hidden", !over);
    setText(/** @type {Element} */ (above.lastElementChild), over);
    setAttribute(make, "data-above", over !== "");
  }

  async function price() {
    const mine = ++turn;
    setBusy(make, true);
    setText(words, say("pricing"));
    try {
      const told = /** @type {Estimate} */ (await connection.call("estimate_cost", given()));
      if (mine !== turn) return;
      const most = told.maximum?.usd ?? null;
      mostUsd = most ?? told.budget.max_per_job_usd;
      showPrice(most, mostUsd);
      setText(words, most === null ? say("at_most", { price: money(mostUsd) }) : expected(told.estimate?.usd ?? null, most));
      setBusy(make, false);
    } catch (error) {
      if (mine === turn) setText(words, wordsOf(error));
    }
  }

  async function buy() {
    setBusy(make, true);
    try {
      const made = await connection.buy(given(), mostUsd, requestKey);
      notices.say(say("made"));
      close();
      actions.made(made);
    } catch (error) {
      const code = /** @type {{ code?: string }} */ (error).code;
      setText(words, code === "confirmation_required" ? `${say("needs_person")} ${wordsOf(error)}` : wordsOf(error));
      actions.made(null);
      setBusy(make, false);
    }
  }

  // Another prompt is another request: what was clicked before does not stand for it.
  prompt.addEventListener("input", () => (requestKey = crypto.randomUUID()));

  return {
    root,
    close,
    /**
     * @param {JobCard} from
     * @param {Kind} what
     */
    open(from, what) {
      job = from;
      kind = what;
      requestKey = crypto.randomUUID();
      root.hidden = false;
      setText(title, say(what === "again" ? "again_title" : "continue_title"));
      setText(hint, what === "continue" ? say("continue_hint") : "");
      const whole = from.prompt.length >= from.prompt_characters;
      prompt.value = whole ? from.prompt : "";
      setAttribute(prompt, "placeholder", whole ? null : say("same_prompt"));
      showPrice(what === "again" ? from.price_again_usd : null, null);
      prompt.focus();
      void price();
    },
  };
}

/**
 * What it will probably cost, where that is another figure than the most.
 * @param {string | null} usd
 * @param {string} most
 */
function expected(usd, most) {
  return usd === null || money(usd) === money(most) ? "" : say("expected", { price: money(usd) });
}
