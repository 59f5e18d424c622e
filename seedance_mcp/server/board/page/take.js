/** One video in full: it plays, with its other takes, what it was asked for, what it cost and what to do next. */

import { button, el, icon, keep, refill, setAttribute, setForeign, setText } from "./elements.js";
import { actionsPart } from "./actions.js";
import { inFull, money, say, sayWord } from "./i18n.js";
import { videoPlayer } from "./player.js";
import { sheetPart } from "./sheet.js";
import { isFree, statusChip, statusWords, verdictIcon } from "./status.js";
import { verdictPart } from "./verdict.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Amount} Amount */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {(jobId: string, play: boolean) => void} Open */

const DIGITS = 9;

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {Notices} notices
 * @param {{ open: Open, close: () => void, changed: () => void }} actions
 */
export function takePart(state, connection, posters, notices, actions) {
  const title = el("h2", { id: "take-title", tabindex: -1 }, say("take"));
  const chip = statusChip();
  const close = button("close", say("close"), { class: "take-close bare", onclick: actions.close });
  const player = videoPlayer(state, connection, posters, { alone: true });
  const takes = takesStrip(state, posters, actions.open);
  const failure = el("div", { class: "failure", hidden: true });
  const prompt = el("p", { class: "prompt" });
  const sandbox = el("p", { class: "quiet", hidden: true }, say("sandbox"));
  const prices = el("dl", { class: "facts prices" });
  const acts = actionsPart(state, connection, notices, actions);
  const verdict = verdictPart(connection, notices, actions.changed);
  const sheet = sheetPart(connection);
  const facts = el("dl", { class: "facts" });
  const remarks = el("ul", { class: "remarks" });
  const details = el("details", { class: "part take-details" }, el("summary", {}, say("details")), facts, remarks);
  const head = el("div", { class: "take-head" }, title, chip.root, close);
  const picture = el("div", { class: "take-picture" }, player.root, takes.root);
  const words = el("div", { class: "take-words" }, failure, prompt, sandbox, prices);
  const root = el(
    "section",
    { class: "take", "aria-labelledby": "take-title", hidden: true, onkeydown: keys },
    el("div", { class: "take-top" }, head, picture, words),
    acts.root, verdict.root, sheet.root, details,
  );

  /** @param {KeyboardEvent} event */
  function keys(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") actions.close();
    else if (target.closest("textarea, select, input, button, summary, video")) return;
    else if (event.key === " ") void player.play();
    else return;
    event.preventDefault();
  }

  return {
    root,
    title,
    player,
    update() {
      const job = state.open();
      setAttribute(root, "hidden", !job);
      player.update(job);
      acts.update(job);
      verdict.update(job);
      sheet.update(job);
      takes.update(job);
      if (!job) return;
      chip.update(job);
      const alike = state.takes(job);
      setText(title, alike.length > 1 ? say("take_of", { n: alike.indexOf(job) + 1, total: alike.length }) : say("take"));
      showFailure(failure, job);
      setForeign(prompt, promptOf(job));
      setAttribute(sandbox, "hidden", !job.placeholder);
      showFacts(prices, pricesOf(job));
      showFacts(facts, factsOf(job));
      setAttribute(remarks, "hidden", job.notes.length === 0);
      refill(remarks, JSON.stringify(job.notes), () => job.notes.map((note) => el("li", { dir: "auto" }, note)));
    },
  };
}

/**
 * @param {State} state
 * @param {Posters} posters
 * @param {Open} open
 */
function takesStrip(state, posters, open) {
  /** @type {Map<string, ReturnType<typeof thumbnail>>} */
  const kept = new Map();
  const list = el("ul", { class: "strip", role: "list", onkeydown: keys });
  const root = el("nav", { class: "takes", "aria-label": say("takes"), hidden: true }, list);
  /** @type {JobCard[]} */
  let takes = [];

  /** @param {KeyboardEvent} event */
  function keys(event) {
    const at = takes.findIndex((job) => job.job_id === state.openId);
    const number = Number(event.key);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const job = step ? takes[at + step] : number >= 1 && number <= DIGITS ? takes[number - 1] : undefined;
    if (!job || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open(job.job_id, false);
    kept.get(job.job_id)?.main.focus();
  }

  return {
    root,
    /** @param {JobCard | null} job */
    update(job) {
      takes = job ? state.takes(job) : [];
      setAttribute(root, "hidden", takes.length < 2);
      keep(list, kept, takes, (take) => take.job_id, (take) => thumbnail(take, posters, open));
      for (const [place, take] of takes.entries()) kept.get(take.job_id)?.update(take, place, takes.length, take === job);
    },
  };
}

/**
 * @param {JobCard} first
 * @param {Posters} posters
 * @param {Open} open
 */
function thumbnail(first, posters, open) {
  const image = el("img", { alt: "", hidden: true });
  const number = el("span", { class: "strip-number" });
  const verdict = el("span", { class: "strip-verdict" });
  const main = el("button", { type: "button", onclick: () => open(first.job_id, false) }, image, number, verdict);
  const root = el("li", {}, main);
  let asked = false;
  return {
    root,
    main,
    /**
     * @param {JobCard} job
     * @param {number} place
     * @param {number} total
     * @param {boolean} chosen
     */
    update(job, place, total, chosen) {
      setText(number, String(place + 1));
      refill(verdict, job.review?.verdict ?? "", () => (job.review ? [verdictIcon(job.review.verdict)] : []));
      const words = [say("take_of", { n: place + 1, total }), statusWords(job), job.review ? say(job.review.verdict) : ""];
      setAttribute(main, "aria-label", words.filter(Boolean).join(", "));
      setAttribute(main, "aria-current", chosen ? "true" : null);
      if (!job.has_video || asked) return;
      asked = true;
      posters.show(image, job, () => root.isConnected);
    },
  };
}

/** @param {JobCard} job */
function promptOf(job) {
  if (!job.prompt) return say("no_prompt");
  return job.prompt.length < job.prompt_characters ? `${job.prompt}…` : job.prompt;
}

/**
 * @param {HTMLElement} box
 * @param {JobCard} job
 */
function showFailure(box, job) {
  const { error } = job;
  setAttribute(box, "hidden", !error);
  refill(box, JSON.stringify(error), () => {
    if (!error) return [];
    const reason = el("p", { class: "failure-reason", dir: "auto" }, icon("amber"), error.message);
    return [reason, error.hint ? el("p", { dir: "auto" }, el("strong", {}, `${say("next_step")}: `), error.hint) : null];
  });
}

/**
 * @param {HTMLElement} list
 * @param {[string, string][]} rows
 */
function showFacts(list, rows) {
  refill(list, JSON.stringify(rows), () => rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)]));
}

/**
 * @param {JobCard} job
 * @returns {[string, string][]}
 */
function pricesOf(job) {
  /** @type {[string, string][]} */
  const rows = [[say("estimated"), written(job.estimate)]];
  if (job.never_bought) rows.push([say("charged"), say("nothing_bought")]);
  else if (job.charge) rows.push([say("charged"), written(job.charge)]);
  return rows;
}

/** @param {Amount} amount */
function written(amount) {
  if (amount.usd === "unknown") return say("unknown_price");
  if (isFree(amount.usd)) return say("free");
  const billed = amount.currency === "USD" ? "" : ` (${amount.amount} ${amount.currency})`;
  return `${money(amount.usd)}${billed}`;
}

/**
 * @param {JobCard} job
 * @returns {[string, string][]}
 */
function factsOf(job) {
  /** @type {[string, string | null][]} */
  const rows = [
    [say("job_id"), job.job_id],
    [say("provider"), job.provider],
    [say("model"), job.model],
    [say("created"), inFull(job.created_at)],
    [say("size"), job.width && job.height ? `${job.width} × ${job.height}` : null],
    [say("length"), job.duration_seconds ? say("seconds", { n: job.duration_seconds }) : null],
    [say("based_on"), job.lineage?.based_on ?? null],
    [say("continues"), job.lineage?.continues ?? null],
    ...settingsOf(job),
  ];
  return /** @type {[string, string][]} */ (rows.filter(([, value]) => value !== null));
}

/**
 * Return the settings of a job as names and values in words, without the length where the video has that.
 * @param {JobCard} job
 * @returns {[string, string][]}
 */
export function settingsOf(job) {
  const asked = Object.entries(job.settings).filter(([name, value]) => name !== "duration" || value !== Math.round(job.duration_seconds ?? 0));
  return asked.map(([name, value]) => [sayWord("setting", name), settingWords(value)]);
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function settingWords(value) {
  if (typeof value === "boolean") return say(value ? "yes" : "no");
  if (Array.isArray(value)) return value.map(settingWords).join(", ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
