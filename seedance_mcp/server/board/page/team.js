/** The team, for administrators: who spends how much against the limits, who made what, and what was agreed to. */

import { el, refill, setAttribute } from "./elements.js";
import { inFull, money, number, say, sayWord } from "./i18n.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Part} Part */
/** @typedef {import("./types.js").Team} Team */

/**
 * @param {State} state
 * @param {boolean} always whether it is shown where nobody but whoever runs the server has made anything, too
 * @returns {Part}
 */
export function teamPart(state, always) {
  const content = el("div", { class: "team-tables" });
  const root = el("details", { class: "team", hidden: true }, el("summary", {}, el("h2", {}, say("team"))), content);
  return {
    root,
    update() {
      const { team } = state;
      const others = team !== null && [...team.jobs, ...team.spending].some(({ person }) => person !== "");
      setAttribute(root, "hidden", !(others || (always && team !== null)));
      if (team === null) return;
      const { now, ...shown } = /** @type {Team & { now?: string }} */ (team);
      refill(content, JSON.stringify(shown), () => tablesOf(team));
    },
  };
}

/**
 * Name a person, or whoever runs the server, whose name is empty.
 * @param {string} person
 */
export function personNamed(person) {
  return person || say("server_owner");
}

/** @param {Team} team */
function tablesOf(team) {
  const each = team.per_day_per_person_usd;
  const limits = [
    say("team_limit", { price: money(team.per_day_usd) }),
    each === null ? "" : say("team_limit_each", { price: money(each) }),
    team.approve_above_usd === null ? "" : say("team_limit_approve", { price: money(team.approve_above_usd) }),
  ];
  return [
    el("p", { class: "quiet" }, limits.filter(Boolean).join(" · ")),
    table(
      say("team_spending"),
      [say("day"), say("person"), say("videos"), say("spent_column")],
      team.spending.map(({ day, person, jobs, usd }) => [day, personNamed(person), number(jobs), money(usd)]),
    ),
    table(
      say("team_jobs"),
      [say("time"), say("person"), say("filter_status"), say("model_column"), say("price_column"), say("id_column")],
      team.jobs.map((job) => [
        inFull(job.created_at),
        personNamed(job.person),
        sayWord("status", job.status),
        `${job.provider} · ${job.model}`,
        job.usd === null ? say("nothing_bought") : money(job.usd),
        job.job_id,
      ]),
    ),
    table(
      say("team_answers"),
      [say("time"), say("answer_column"), say("by_column"), say("person"), say("price_column"), say("id_column")],
      team.answers.map((one) => [
        inFull(one.at),
        sayWord("answer", one.answer),
        personNamed(one.administrator),
        personNamed(one.person),
        one.usd === null ? "" : money(one.usd),
        one.job_id ?? "",
      ]),
    ),
  ];
}

/**
 * Write a table that can be scrolled by the keyboard where it is wider than the page; words where it is empty.
 * @param {string} title
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(title, head, rows) {
  if (rows.length === 0) return el("section", {}, el("h3", {}, title), el("p", { class: "quiet" }, say("team_none")));
  return el(
    "div",
    { class: "team-table", role: "region", "aria-label": title, tabindex: 0 },
    el(
      "table",
      {},
      el("caption", {}, title),
      el("thead", {}, el("tr", {}, ...head.map((name) => el("th", {}, name)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", { dir: "auto" }, cell))))),
    ),
  );
}
