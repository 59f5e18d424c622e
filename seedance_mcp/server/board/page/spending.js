/** What was spent today, by whom it was taken, and what the limits leave; and what else the person should know. */

import { el, icon, refill, setAttribute, setText } from "./elements.js";
import { money, moneyLeft, say, sayCount } from "./i18n.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Part} Part */

const NEARLY = 0.8;

/**
 * @param {State} state
 * @returns {Part}
 */
export function spendingPart(state) {
  const words = el("span", { class: "spending-words" });
  const fill = el("span", { class: "meter-fill" });
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, fill);
  const table = el("dl", { class: "facts" });
  const summary = el("summary", {}, words, meter);
  const root = el("details", { class: "spending", hidden: true, ontoggle: listen }, summary, el("div", { class: "spending-more" }, table));

  function listen() {
    const change = root.open ? "addEventListener" : "removeEventListener";
    document[change]("pointerdown", closeElsewhere);
    document[change]("keydown", closeByEscape);
  }

  /** @param {Event} event */
  function closeElsewhere(event) {
    if (!root.contains(/** @type {Node} */ (event.target))) root.open = false;
  }

  /** @param {Event} event */
  function closeByEscape(event) {
    if (/** @type {KeyboardEvent} */ (event).key !== "Escape") return;
    if (root.contains(document.activeElement)) summary.focus();
    root.open = false;
  }

  return {
    root,
    update() {
      const { spending } = state;
      setAttribute(root, "hidden", !spending);
      if (!spending) return;
      const { caps, spent_today_usd: spent, reserved_usd: reserved, left_today_usd: left } = spending;
      const day = caps.per_day_usd;
      setText(words, day === null ? say("spent_today_open", { spent: money(spent) }) : say("spent_today", { spent: money(spent), cap: money(day) }));
      const part = day === null || Number(day) === 0 ? 0 : Math.min(Number(spent) / Number(day), 1);
      fill.style.inlineSize = `${part * 100}%`;
      setAttribute(meter, "hidden", day === null);
      setAttribute(meter, "data-nearly", part >= NEARLY);
      const rows = [
        [say("spent"), money(spent)],
        ...spending.providers.map(({ provider, usd }) => [provider, money(usd)]),
        [say("of_it_reserved"), money(reserved)],
        [say("left_today"), day === null ? say("no_cap") : moneyLeft(left)],
        [say("per_job_cap"), caps.per_job_usd === null ? say("no_cap") : money(caps.per_job_usd)],
      ];
      refill(table, JSON.stringify(rows), () => rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
    },
  };
}

/**
 * The server's warnings: what failed, which records are damaged, whether spending is stopped.
 * @param {State} state
 * @returns {Part}
 */
export function notesPart(state) {
  const title = el("span");
  const list = el("ul");
  const root = el("details", { class: "notes", hidden: true }, el("summary", {}, icon("amber"), title), list);
  return {
    root,
    update() {
      setAttribute(root, "hidden", state.notes.length === 0);
      setText(title, sayCount("notes", state.notes.length));
      refill(list, JSON.stringify(state.notes), () => state.notes.map((note) => el("li", { dir: "auto" }, note)));
    },
  };
}
