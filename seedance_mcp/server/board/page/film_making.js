/** What can be made of a film: the price of each quality on its button, then the plan as a question, and one purchase for a yes. */

import { button, el, icon, refill, setAttribute, setBusy, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { isMore, money, moneyLeft, say, sayWord } from "./i18n.js";
import { isFree } from "./status.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").FilmPlan} FilmPlan */
/** @typedef {import("./types.js").Films} Films */
/** @typedef {import("./types.js").Quality} Quality */

const QUALITIES = /** @type {const} */ (["animatic", "draft", "final"]);
const UNKNOWN = "unknown";

/**
 * @param {State} state
 * @param {Films} films
 * @param {Notices} notices
 * @param {() => void} changed
 */
export function filmMakingPart(state, films, notices, changed) {
  /** @type {Film | null} */
  let film = null;
  /** @type {FilmPlan | null} what a yes agrees to */
  let plan = null;
  let priced = "";
  let turn = 0;
  /** @type {HTMLElement | null} */
  let opener = null;
  const buttons = QUALITIES.map((quality) => {
    const one = button("play", sayWord("quality", quality), { title: say(`quality_hint_${quality}`), onclick: () => open(quality, [], one) });
    return one;
  });
  const told = el("p", { class: "quiet", role: "status" });
  const choice = el("div", { class: "row", role: "group", "aria-label": say("make_film") }, ...buttons);
  const title = el("h4", { id: "film-question-title", tabindex: -1 });
  const differences = el("ul", { class: "differences-of-plans", role: "list" });
  const rows = el("ol", { class: "plan-rows", role: "list" });
  const sum = el("p", { class: "plan-sum" });
  const problems = el("ul", { class: "plan-problems", role: "list" });
  const notes = el("ul", { class: "remarks" });
  const above = el("p", { class: "above" }, icon("amber"), el("span"));
  const words = el("p", { class: "making-price", role: "status" });
  const make = button("check", say("make"), { class: "spend", onclick: () => buy() });
  const question = el(
    "section",
    { class: "part film-question", "aria-labelledby": "film-question-title", hidden: true, onkeydown: escape },
    title, words, differences, problems, rows, sum, notes, above,
    el("div", { class: "row" }, make, button("close", say("discard"), { onclick: () => close() })),
  );
  const root = el("div", { class: "film-making changes" }, choice, told, question);

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  }

  function close() {
    turn += 1;
    plan = null;
    if (question.hidden) return;
    question.hidden = true;
    opener?.focus();
  }

  /** @param {Film} of */
  async function price(of) {
    const key = `${of.film_id} ${of.revision}`;
    if (key === priced) return;
    priced = key;
    for (const [place, quality] of QUALITIES.entries()) label(buttons[place], sayWord("quality", quality));
    setText(told, say("pricing"));
    try {
      const { totals } = await films.plan(of.film_id, { quality: of.quality });
      if (key !== priced) return;
      for (const [place, quality] of QUALITIES.entries()) label(buttons[place], priceWords(quality, totals[quality]));
      setText(told, "");
    } catch (error) {
      if (key !== priced) return;
      priced = "";
      setText(told, wordsOf(error));
    }
  }

  /**
   * @param {Quality} quality
   * @param {string[]} redo
   * @param {HTMLElement} from what has the focus again when the question is closed
   */
  async function open(quality, redo, from) {
    if (!film) return;
    const [of, mine] = [film, ++turn];
    opener = from;
    plan = null;
    question.hidden = false;
    setText(title, redo.length > 0 ? say("ask_redo", { shots: redo.join(", ") }) : say("ask_film", { quality: sayWord("quality", quality) }));
    for (const list of [differences, problems, rows, notes, sum, above]) setAttribute(list, "hidden", true);
    setBusy(make, true);
    setAttribute(make, "hidden", false);
    label(make, say("make"));
    setText(words, say("pricing"));
    title.focus();
    try {
      const found = await films.plan(of.film_id, { quality, redo });
      if (mine !== turn) return;
      setText(words, "");
      show(found, []);
    } catch (error) {
      if (mine !== turn) return;
      setText(words, wordsOf(error));
      setAttribute(make, "hidden", true);
    }
  }

  /**
   * @param {FilmPlan} found
   * @param {string[]} changes in what it differs from the one before
   */
  function show(found, changes) {
    plan = found;
    const buys = found.rows.length > 0;
    list(differences, changes);
    const hindrances = [...found.problems, found.refused].filter(Boolean);
    list(problems, hindrances);
    list(notes, found.notes);
    setAttribute(rows, "hidden", !buys);
    refill(rows, JSON.stringify(found.rows), () =>
      found.rows.map((row) =>
        el(
          "li",
          {},
          el("strong", { dir: "auto" }, row.shot), " ", say("take_number", { n: row.take }), " · ", isFree(row.usd) ? say("free") : say("most", { price: money(row.usd) }),
          el("span", { class: "quiet", dir: "auto" }, `${row.why} · ${row.provider}/${row.model}`),
        ),
      ),
    );
    setText(sum, buys ? sumWords(found) : say("only_joined"));
    setAttribute(sum, "hidden", hindrances.length > 0);
    const over = overWords(found);
    setAttribute(above, "hidden", !over);
    setText(/** @type {Element} */ (above.lastElementChild), over);
    setAttribute(make, "data-above", over !== "");
    label(make, found.usd === UNKNOWN ? say("make_unknown") : isFree(found.usd) ? say("make_free") : say("make_price", { price: money(found.usd) }));
    setAttribute(make, "hidden", found.plan === null);
    setBusy(make, found.usd === UNKNOWN);
  }

  /** @param {FilmPlan} found */
  function overWords(found) {
    const caps = state.spending?.caps;
    if (!caps || found.usd === UNKNOWN) return "";
    if (found.rows.some((row) => isMore(row.usd, caps.per_job_usd))) return say("above_job_cap", { price: money(caps.per_job_usd) });
    return isMore(found.usd, found.left_today_usd) ? say("above_day_cap", { price: moneyLeft(found.left_today_usd) }) : "";
  }

  async function buy() {
    const agreed = plan;
    if (!agreed) return;
    const mine = turn;
    setBusy(make, true);
    try {
      const other = await films.make(agreed);
      if (mine !== turn) return;
      if (other) {
        setText(words, say("plan_changed"));
        show(other.plan, other.differences);
        title.focus();
        return;
      }
      notices.say(say("film_started"));
      close();
    } catch (error) {
      if (mine !== turn) return;
      setText(words, wordsOf(error));
      setBusy(make, false);
    }
    changed();
  }

  return {
    root,
    open,
    /** @param {Film | null} now @param {boolean} busy */
    update(now, busy) {
      if (now?.film_id !== film?.film_id) close();
      film = now;
      setAttribute(choice, "hidden", busy);
      setAttribute(told, "hidden", busy);
      if (busy || !now) close();
      else void price(now);
    },
  };
}

/**
 * @param {Quality} quality
 * @param {string | undefined} usd
 */
function priceWords(quality, usd) {
  const name = sayWord("quality", quality);
  if (usd === undefined) return say("quality_impossible", { quality: name });
  if (usd === UNKNOWN) return say("quality_unknown", { quality: name });
  return isFree(usd) ? say("quality_free", { quality: name }) : say("quality_price", { quality: name, price: money(usd) });
}

/** @param {FilmPlan} plan */
function sumWords(plan) {
  if (plan.usd === UNKNOWN) return say("unknown_price");
  if (isFree(plan.usd)) return say("all_free");
  const expected = plan.expected_usd === UNKNOWN || money(plan.expected_usd) === money(plan.usd) ? "" : say("expected", { price: money(plan.expected_usd) });
  return [say("in_all", { price: money(plan.usd) }), expected].filter(Boolean).join(" ");
}

/**
 * @param {Element | undefined} made of `button`
 * @param {string} words
 */
function label(made, words) {
  if (made?.lastElementChild) setText(made.lastElementChild, words);
}

/**
 * @param {HTMLElement} element
 * @param {string[]} texts
 */
function list(element, texts) {
  setAttribute(element, "hidden", texts.length === 0);
  refill(element, JSON.stringify(texts), () => texts.map((text) => el("li", { dir: "auto" }, text)));
}
