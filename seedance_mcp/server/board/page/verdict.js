/** What the person thinks of a take: a verdict, notes, scores. */

import { button, el, setAttribute, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { say, sayWord } from "./i18n.js";
import { mayChange } from "./rights.js";
import { verdictIcon } from "./status.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Verdict} Verdict */

const VERDICTS = /** @type {const} */ (["good", "usable", "bad"]);
const SCORES = /** @type {const} */ (["prompt", "identity", "motion", "continuity", "text", "sound", "defects"]);
const HIGHEST_SCORE = 5;

/**
 * @param {Connection} connection
 * @param {Notices} notices
 * @param {() => void} changed
 * @param {string} [of] the id of what names the take, where it is one of several
 */
export function verdictPart(connection, notices, changed, of = "") {
  const mark = of ? `${of}-verdict` : "verdict";
  /** @type {JobCard | null} */
  let job = null;
  /** @type {string} what of the server the fields show */
  let filled = "";
  const buttons = VERDICTS.map((verdict) =>
    el("button", { type: "button", class: "verdict", "data-verdict": verdict, onclick: () => save(verdict) }, verdictIcon(verdict), say(verdict)),
  );
  const by = el("span", { class: "quiet" });
  const notes = el("textarea", { id: `${mark}-notes`, rows: 2, maxlength: 2000 });
  const scores = SCORES.map((name) => ({ name, field: scoreField(name) }));
  const more = el(
    "details",
    { class: "verdict-more" },
    el("summary", {}, say("notes_and_scores")),
    el("label", { for: `${mark}-notes` }, say("verdict_notes")),
    notes,
    el("p", { class: "quiet" }, say("scores")),
    el("div", { class: "scores" }, ...scores.map(({ name, field }) => el("label", {}, sayWord("score", name), field))),
    button("check", say("save_verdict"), { class: "changes", onclick: () => save(job?.review?.verdict ?? null) }),
  );
  const root = el(
    of ? "div" : "section",
    { class: "part verdict-part", "aria-labelledby": of ? null : `${mark}-title` },
    el("h3", { id: `${mark}-title` }, say("verdict")),
    el("div", { class: "verdicts", role: "group", "aria-labelledby": `${of} ${mark}-title`.trim() }, ...buttons, by),
    more,
  );

  /** @param {Verdict | null} verdict */
  async function save(verdict) {
    if (!job) return;
    if (!verdict) return notices.problem(say("verdict_first"));
    const given = Object.fromEntries(scores.filter(({ field }) => field.value).map(({ name, field }) => [name, Number(field.value)]));
    try {
      await connection.review(job, { verdict, notes: notes.value.trim(), scores: given });
      notices.say(say("verdict_saved", { verdict: say(verdict) }));
      changed();
    } catch (error) {
      notices.problem(wordsOf(error));
    }
  }

  return {
    root,
    /** @param {JobCard | null} now */
    update(now) {
      job = now;
      setAttribute(root, "hidden", !now?.has_video);
      if (!now) return;
      const review = now.review;
      for (const [place, verdict] of VERDICTS.entries()) {
        const one = /** @type {HTMLButtonElement} */ (buttons[place]);
        setAttribute(one, "aria-pressed", String(review?.verdict === verdict));
        one.disabled = !mayChange();
      }
      notes.readOnly = !mayChange();
      for (const { field } of scores) field.disabled = !mayChange();
      setText(by, review ? say(review.by === "person" ? "by_person" : "by_assistant") : "");
      const told = JSON.stringify([now.job_id, review]);
      // What the person is writing is kept until it is saved or another job is shown.
      const writing = more.contains(document.activeElement) && filled.startsWith(JSON.stringify([now.job_id]).slice(0, -1));
      if (filled === told || writing) return;
      filled = told;
      notes.value = review?.notes ?? "";
      for (const { name, field } of scores) field.value = String(review?.scores?.[name] ?? "");
    },
  };
}

/** @param {string} name */
function scoreField(name) {
  const field = el("select", { name: `score-${name}` }, el("option", { value: "" }, "–"));
  for (let score = 1; score <= HIGHEST_SCORE; score++) field.append(el("option", { value: score }, String(score)));
  return field;
}
