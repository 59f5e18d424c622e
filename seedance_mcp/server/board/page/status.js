/** Shows states, prices and verdicts the same wherever they stand: as words with a sign, never by colour alone. */

import { el, icon, setAttribute, setText } from "./elements.js";
import { isMore, lengthOfTime, money, moneyLeft, say, sayWord } from "./i18n.js";
import { isWorking } from "./state.js";

/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Spending} Spending */

/** @type {Record<string, Parameters<typeof icon>[0]>} */
const STATUS_SIGNS = {
  submitting: "running",
  queued: "clock",
  running: "running",
  saving: "save",
  succeeded: "check",
  failed: "bad",
  cancelled: "bad",
  expired: "amber",
  unknown: "question",
};
/** @type {Record<string, Parameters<typeof icon>[0]>} */
const VERDICT_SIGNS = { good: "check", usable: "usable", bad: "bad" };

/** A state as a sign and a word. */
export function statusChip() {
  const root = el("span", { class: "chip" });
  const words = el("span");
  let shown = "";
  return {
    root,
    /** @param {JobCard} job */
    update(job) {
      if (shown !== job.status) {
        shown = job.status;
        root.replaceChildren(icon(STATUS_SIGNS[job.status] ?? "question"), words);
        setAttribute(root, "data-status", job.status);
      }
      setText(words, statusWords(job));
    },
  };
}

/**
 * The state of a job in words.
 * @param {JobCard} job
 */
export function statusWords(job) {
  return sayWord("status", job.stopping ? "stopping" : job.status);
}

/**
 * The sign of a verdict.
 * @param {string} verdict
 */
export function verdictIcon(verdict) {
  return icon(VERDICT_SIGNS[verdict] ?? "question");
}

/** A bar for what is under way; it goes to and fro while nobody knows how far it is. */
export function progressBar() {
  const bar = el("span", { class: "progress-bar" });
  const root = el("span", { class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  return {
    root,
    /** @param {JobCard} job */
    update(job) {
      const percent = job.progress === null ? null : Math.round(job.progress * 100);
      setAttribute(root, "hidden", !isWorking(job));
      setAttribute(root, "aria-label", statusWords(job));
      setAttribute(root, "aria-valuenow", percent);
      setAttribute(root, "data-unknown", percent === null);
      bar.style.inlineSize = percent === null ? "" : `${percent}%`;
    },
  };
}

/**
 * What a job costs: what was charged, or what it is expected to cost.
 * @param {JobCard} job
 */
export function priceOf(job) {
  if (job.never_bought) return say("nothing_bought");
  if (job.charge) return isFree(job.charge.usd) ? say("free") : money(job.charge.usd);
  if (job.placeholder && isFree(job.estimate.usd)) return say("free");
  return Number.isFinite(Number(job.estimate.usd)) ? say("about", { price: money(job.estimate.usd) }) : say("unknown_price");
}

/**
 * How far a job is, or how long it has been under way.
 * @param {JobCard} job
 * @param {number} now milliseconds
 */
export function progressWords(job, now) {
  if (job.progress) return say("percent", { n: Math.round(job.progress * 100) });
  return say("since", { time: lengthOfTime((now - Date.parse(job.created_at)) / 1000) });
}

/**
 * Say which limit a price is above; empty if it is within both.
 * @param {string | null} usd
 * @param {Spending | null} spending
 */
export function aboveCap(usd, spending) {
  if (!spending) return "";
  if (isMore(usd, spending.caps.per_job_usd)) return say("above_job_cap", { price: money(spending.caps.per_job_usd) });
  if (spending.caps.per_day_usd !== null && isMore(usd, spending.left_today_usd)) {
    return say("above_day_cap", { price: moneyLeft(spending.left_today_usd) });
  }
  return "";
}

/**
 * Return whether an amount is known to be nothing.
 * @param {string | null} usd
 */
export function isFree(usd) {
  return usd !== null && Number(usd) === 0;
}
