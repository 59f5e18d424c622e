/** One video in the list: its picture, its prompt, what state it is in and what it costs. */

import { button, el, icon, setAttribute, setForeign, setText } from "./elements.js";
import { ago, clock, inFull, say, sayWord } from "./i18n.js";
import { priceOf, progressBar, progressWords, statusChip, verdictIcon } from "./status.js";
import { isWorking } from "./state.js";

/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").JobCard} JobCard */
/**
 * @typedef {object} Card
 * @property {HTMLLIElement} root
 * @property {HTMLButtonElement} main what arrow keys move between
 * @property {(job: JobCard, place: number, total: number) => void} update
 * @property {(active: boolean) => void} setActive whether the tab key reaches this card
 */

/**
 * @param {State} state
 * @param {Posters} posters
 * @param {(jobId: string, play: boolean) => void} open
 * @param {string} jobId
 * @returns {Card}
 */
export function jobCard(state, posters, open, jobId) {
  const image = el("img", { alt: "", hidden: true, class: "card-image" });
  const chip = statusChip();
  const bar = progressBar();
  const length = el("span", { class: "badge badge-length" });
  const verdict = el("span", { class: "badge badge-verdict" });
  const take = el("span", { class: "badge badge-take" });
  const main = el("button", { type: "button", class: "card-main", onclick: () => open(jobId, false) });
  const facts = el("p", { class: "card-facts" });
  const price = el("span", { class: "card-price" });
  const time = el("time");
  const compare = button("compare", say("compare"), {
    class: "card-compare",
    onclick: () => state.toggleCompared(jobId),
  });
  const playSign = el("span", { class: "card-play", "aria-hidden": "true" }, icon("play"));
  const picture = el(
    "div",
    { class: "card-picture", onclick: () => open(jobId, true) },
    image, playSign, chip.root, take, verdict, length, bar.root,
  );
  const text = el("div", { class: "card-text" }, el("h3", {}, main), facts, el("p", { class: "card-foot" }, price, time, compare));
  const root = el("li", { class: "card" }, el("article", { class: "card-body" }, picture, text));
  let asked = false;

  return {
    root,
    main,
    update(job, place, total) {
      const prompt = job.prompt || say("no_prompt");
      const takes = state.takes(job);
      chip.update(job);
      bar.update(job);
      setForeign(main, prompt);
      setAttribute(main, "title", prompt);
      const quality = typeof job.settings.quality === "string" ? sayWord("quality", job.settings.quality) : "";
      setText(facts, [job.provider, job.model, quality, isWorking(job) ? progressWords(job, state.now()) : ""].filter(Boolean).join(" · "));
      setText(price, priceOf(job));
      setText(time, ago(job.created_at, state.now()));
      setAttribute(time, "datetime", job.created_at);
      setAttribute(time, "title", inFull(job.created_at));
      setText(length, job.duration_seconds ? clock(job.duration_seconds) : "");
      setText(take, takes.length > 1 ? say("take_of", { n: takes.indexOf(job) + 1, total: takes.length }) : "");
      const judged = job.review?.verdict ?? "";
      if (verdict.dataset.verdict !== judged) {
        verdict.replaceChildren(...(job.review ? [verdictIcon(judged), say(job.review.verdict)] : []));
        setAttribute(verdict, "data-verdict", judged);
      }
      setAttribute(chip.root, "data-quiet", job.status === "succeeded");
      setAttribute(playSign, "hidden", !job.has_video);
      setAttribute(compare, "hidden", !job.has_video);
      setAttribute(compare, "aria-pressed", String(state.compared.includes(jobId)));
      setAttribute(compare, "title", say("compare"));
      setAttribute(compare, "aria-label", say("compare_choose", { prompt }));
      setAttribute(root, "aria-setsize", total);
      setAttribute(root, "aria-posinset", place + 1);
      setAttribute(main, "aria-current", state.openId === jobId ? "true" : null);
      setAttribute(root, "data-open", state.openId === jobId);
      if (job.has_video && !asked) {
        asked = true;
        posters.show(image, job, () => root.isConnected);
      }
    },
    setActive(active) {
      setAttribute(main, "tabindex", active ? 0 : -1);
      setAttribute(compare, "tabindex", active ? 0 : -1);
    },
  };
}
