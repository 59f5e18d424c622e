/** Search, filters, and how many videos they leave. */

import { button, el, refill, setAttribute, setText } from "./elements.js";
import { number, say, sayCount } from "./i18n.js";
import { NO_FILTER } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Part} Part */

/**
 * @param {State} state
 * @returns {Part}
 */
export function filtersPart(state) {
  const search = el("input", {
    id: "filter-text", type: "search", placeholder: say("search_hint"), spellcheck: "false",
    oninput: () => set({ text: search.value }),
  });
  const status = select("filter-status", (value) => set({ status: value }));
  const provider = select("filter-provider", (value) => set({ provider: value }));
  const verdict = select("filter-verdict", (value) => set({ verdict: value }));
  const count = el("p", { class: "count", role: "status" });
  const clear = button("close", say("clear_filters"), { class: "bare", onclick: () => (set({ ...NO_FILTER }), search.focus()) });
  const root = el(
    "search",
    { class: "filters", "aria-label": say("filters") },
    labelled("search", search), labelled("filter_status", status), labelled("filter_provider", provider),
    labelled("filter_verdict", verdict), count, clear,
  );

  /** @param {Partial<import("./state.js").Filter>} changed */
  function set(changed) {
    Object.assign(state.filter, changed);
    state.change();
  }

  return {
    root,
    update() {
      const { filter } = state;
      const names = [...new Set([...state.jobs.values()].map((job) => job.provider))].sort();
      options(status, [["all", say("all")], ["working", say("working")], ["ready", say("ready")], ["without", say("without")]]);
      options(provider, [["all", say("all")], ...names.map((name) => /** @type {[string, string]} */ ([name, name]))]);
      options(verdict, [["all", say("all")], ["unjudged", say("unjudged")], ["good", say("good")], ["usable", say("usable")], ["bad", say("bad")]]);
      if (search.value !== filter.text) search.value = filter.text;
      status.value = filter.status;
      provider.value = filter.provider;
      verdict.value = filter.verdict;
      const shown = state.shown().length;
      setText(count, state.filtered() ? say(state.total === 1 ? "count_of_one" : "count_of_other", { n: number(shown), total: number(state.total) }) : sayCount("count", state.total));
      setAttribute(clear, "hidden", !state.filtered());
    },
  };
}

/**
 * @param {"search" | "filter_status" | "filter_provider" | "filter_verdict"} text
 * @param {HTMLElement} field
 */
function labelled(text, field) {
  return el("div", { class: "field" }, el("label", { for: field.id }, say(text)), field);
}

/**
 * @param {string} id
 * @param {(value: string) => void} chosen
 */
function select(id, chosen) {
  const field = el("select", { id, onchange: () => chosen(field.value) });
  return field;
}

/**
 * @param {HTMLSelectElement} field
 * @param {[string, string][]} values
 */
function options(field, values) {
  refill(field, JSON.stringify(values), () => values.map(([value, words]) => el("option", { value }, words)));
}
