/** What waits for the person: prices to agree to, or not, each with what it would buy. */

import { button, el, icon, keep, refill, setAttribute, setBusy, setForeign, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { language, lengthOfTime, money, number, say, sayCount } from "./i18n.js";
import { aboveCap } from "./status.js";
import { personNamed } from "./team.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Part} Part */
/** @typedef {import("./types.js").Waiting} Waiting */

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Notices} notices
 * @param {() => void} changed
 * @returns {Part}
 */
export function waitingPart(state, connection, notices, changed) {
  /** @type {Map<string, ReturnType<typeof questionPart>>} */
  const kept = new Map();
  const title = el("h2", { id: "waiting-title", tabindex: -1 });
  const list = el("ul", { class: "questions", role: "list" });
  const root = el("section", { class: "waiting", "aria-labelledby": "waiting-title", hidden: true }, title, list);
  let told = 0;

  return {
    root,
    update() {
      const { waiting } = state;
      const focused = root.contains(document.activeElement);
      setAttribute(root, "hidden", waiting.length === 0);
      setText(title, sayCount("waiting", waiting.length));
      if (waiting.length > told) notices.whisper(sayCount("waiting", waiting.length));
      told = waiting.length;
      keep(list, kept, waiting, (question) => question.question_id, () => questionPart(state, connection, notices, changed));
      for (const question of waiting) kept.get(question.question_id)?.update(question);
      // The button that was pressed is gone with its question.
      if (focused && !root.contains(document.activeElement) && waiting.length > 0) title.focus();
    },
  };
}

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Notices} notices
 * @param {() => void} changed
 */
function questionPart(state, connection, notices, changed) {
  /** @type {Waiting | null} */
  let shown = null;
  const whose = el("p", { class: "question-whose" });
  const what = el("p", { class: "question-what" });
  const words = el("p", { class: "question-words" });
  const facts = el("dl", { class: "facts question-facts" });
  const told = language() === "en" ? [words] : [facts, el("details", { class: "question-original" }, el("summary", {}, say("in_english")), words)];
  const above = el("p", { class: "above" }, icon("amber"), el("span"));
  const open = el("span", { class: "quiet" });
  const waits = el("p", { class: "question-waits" });
  const approve = button("check", say("approve"), { class: "spend", onclick: () => give(true) });
  const decline = button("close", say("decline"), { onclick: () => give(false) });
  const actions = el("div", { class: "question-actions" });
  if (connection.answer) actions.append(approve, decline, open);
  else actions.append(elsewhere(state, connection), open);
  const root = el("li", { class: "question" }, el("div", { class: "question-text" }, whose, what, ...told, above, waits), actions);

  /** @param {boolean} agrees */
  async function give(agrees) {
    if (!shown || !connection.answer) return;
    for (const one of [approve, decline]) setBusy(one, true);
    try {
      await connection.answer(shown, agrees);
      const others = shown.person !== null && shown.person !== undefined;
      notices.say(say(!agrees ? "declined" : others ? "approved_for" : "approved", { person: personNamed(shown.person ?? "") }));
    } catch (error) {
      notices.problem(wordsOf(error));
    } finally {
      for (const one of [approve, decline]) setBusy(one, false);
      changed();
    }
  }

  return {
    root,
    /** @param {Waiting} question */
    update(question) {
      shown = question;
      const { may_change: mayChange, administers } = state.rights;
      const others = question.person !== null && question.person !== undefined;
      setAttribute(whose, "hidden", !others);
      setText(whose, others ? say("asked_by", { person: personNamed(question.person ?? "") }) : "");
      setAttribute(waits, "hidden", !question.code);
      setText(waits, question.code ? say(administers ? "waits_here" : "waits_for_administrator", { code: question.code }) : "");
      setAttribute(approve, "hidden", !(administers || (mayChange && !question.code)));
      setAttribute(decline, "hidden", !(administers || mayChange));
      const price = question.known ? money(question.usd) : null;
      setText(what, [question.provider, question.model, price ? say("most", { price }) : say("unknown_price")].join(" · "));
      setForeign(words, question.text);
      refill(facts, JSON.stringify(question), () =>
        contentsOf(question).flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)]),
      );
      setText(/** @type {Element} */ (approve.lastElementChild), price ? say("approve_price", { price }) : say("approve_unknown"));
      const over = aboveCap(question.usd, state.spending);
      setAttribute(above, "hidden", !over);
      setText(/** @type {Element} */ (above.lastElementChild), over);
      setAttribute(approve, "data-above", over !== "");
      const left = (Date.parse(question.expires_at) - state.now()) / 1000;
      setText(open, left > 0 ? say("closes_in", { time: lengthOfTime(left) }) : say("closed"));
    },
  };
}

/**
 * Where the person can answer, for a page in a chat: what a chat lets through might as well come from the model.
 * @param {State} state
 * @param {Connection} connection
 */
function elsewhere(state, connection) {
  const { openLink } = connection;
  const link = button("next", say("approve_link"), {
    onclick: () => state.localUrl && openLink?.(state.localUrl),
  });
  return el(
    "div",
    { class: "question-elsewhere" },
    el("p", {}, say("approve_elsewhere"), " ", say("approve_command")),
    state.localUrl && openLink ? link : null,
  );
}

/**
 * Return what is in a question, as names in the language of the page and values.
 * @param {Waiting} question
 * @returns {[string, string][]}
 */
function contentsOf({ count, length, reason, notes, prompt, prompt_characters: characters }) {
  const seconds = /^([0-9.]+) seconds$/.exec(length)?.[1];
  /** @type {[string, string][]} */
  const rows = [[say("length"), seconds ? say("seconds", { n: seconds }) : length]];
  if (count > 1) rows.unshift([say("videos"), number(count)]);
  if (reason) rows.push([say("reason"), reason]);
  for (const note of notes) rows.push([say("notes"), note]);
  rows.push([say("prompt"), characters === 0 ? say("no_prompt") : prompt]);
  return rows;
}
