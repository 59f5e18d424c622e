/** A shot that is open: all its takes side by side, which of them the film shows, and what another one would cost. */

import { button, el, icon, keep, refill, setAttribute, setBusy, setForeign, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { money, say, sayWord } from "./i18n.js";
import { videoPlayer } from "./player.js";
import { isFree, priceOf, statusChip } from "./status.js";
import { openHead, shotChip } from "./storyboard.js";
import { verdictPart } from "./verdict.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").Films} Films */
/** @typedef {import("./types.js").Shot} Shot */
/** @typedef {import("./types.js").Take} Take */
/** @typedef {{ state: State, connection: Connection, films: Films, posters: Posters, notices: Notices }} Around */

const MADE_ANEW = new Set(["current", "stale"]);

/**
 * @param {Around} around
 * @param {{ redo: (shot: string, opener: HTMLElement) => void, close: () => void, changed: () => void }} actions
 */
export function shotPart(around, actions) {
  const { films, notices } = around;
  /** @type {Film | null} */
  let film = null;
  /** @type {Shot | null} */
  let shot = null;
  /** what the price was asked for; answers for anything else are no longer wanted */
  let priced = "";
  /** @type {Map<string, ReturnType<typeof takeFigure>>} */
  const kept = new Map();
  const title = el("h4", { id: "open-shot-title", tabindex: -1 });
  const chip = shotChip();
  const prompt = el("p", { class: "prompt" });
  const says = el("ul", { class: "says", role: "list" });
  const why = el("ul", { class: "shot-reasons", role: "list" });
  const redo = button("repeat", "", { class: "changes", onclick: () => shot && actions.redo(shot.shot, redo) });
  const beside = el("p", { class: "quiet", role: "status" });
  const accept = button("check", say("keep_stale"), { class: "changes", title: say("keep_stale_hint"), onclick: () => acceptStale() });
  const newest = button("close", say("choose_none"), { class: "changes", onclick: () => choose(null) });
  const takes = el("ul", { class: "takes-beside", role: "list", "aria-label": say("takes") });
  const none = el("p", { class: "quiet" }, say("no_takes"));
  const root = el(
    "section",
    { id: "open-shot", class: "open-shot", "aria-labelledby": "open-shot-title", hidden: true, onkeydown: escape },
    openHead(title, chip.root, actions.close), prompt, says, why,
    el("div", { class: "row" }, redo, accept, newest), beside, takes, none,
  );

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    actions.close();
  }

  /** @param {(film: Film, shot: Shot) => Promise<string>} act what it says when it is done */
  async function attempt(act) {
    if (!film || !shot) return;
    try {
      notices.say(await act(film, shot));
    } catch (error) {
      notices.problem(wordsOf(error));
    }
    actions.changed();
  }

  async function acceptStale() {
    setBusy(accept, true);
    await attempt(async (of, it) => {
      await films.plan(of.film_id, { quality: of.quality, keep: [it.shot] });
      return say("kept_stale", { shot: it.shot });
    });
    setBusy(accept, false);
    title.focus();
  }

  /** @param {number | null} number */
  async function choose(number) {
    await attempt(async (of, it) => {
      await films.choose(of.film_id, it.shot, number);
      return number === null ? say("chosen_none", { shot: it.shot }) : say("chosen", { n: number, shot: it.shot });
    });
    title.focus();
  }

  /** @param {Film} of @param {Shot} it */
  async function price(of, it) {
    const key = `${of.film_id} ${it.shot} ${of.revision}`;
    const asked = MADE_ANEW.has(it.state);
    setAttribute(redo, "hidden", !asked);
    if (!asked || key === priced) return;
    priced = key;
    setBusy(redo, true);
    setText(/** @type {Element} */ (redo.lastElementChild), say("redo"));
    setText(beside, say("pricing"));
    try {
      const plan = await films.plan(of.film_id, { quality: of.quality, redo: [it.shot] });
      if (key !== priced) return;
      setText(/** @type {Element} */ (redo.lastElementChild), redoWords(plan));
      const others = plan.rows.map((row) => row.shot).filter((name) => name !== it.shot);
      setText(beside, others.length > 0 ? say("redo_with", { shots: others.join(", ") }) : "");
      setBusy(redo, false);
    } catch (error) {
      if (key !== priced) return;
      priced = "";
      setText(beside, wordsOf(error));
    }
  }

  return {
    root,
    title,
    /** @param {Film | null} now @param {Shot | null} opened */
    update(now, opened) {
      if (now?.film_id !== film?.film_id || opened?.shot !== shot?.shot) {
        for (const figure of kept.values()) figure.stop();
        keep(takes, kept, [], String, (one) => one);
        priced = "";
      }
      film = now;
      shot = opened;
      setAttribute(root, "hidden", !opened);
      if (!now || !opened) return;
      chip.update(opened);
      setForeign(title, say("shot_title", { shot: opened.shot, n: opened.seconds }));
      setForeign(prompt, opened.prompt);
      fill(says, opened.says);
      fill(why, opened.why);
      setAttribute(accept, "hidden", opened.state !== "stale");
      setAttribute(newest, "hidden", !opened.takes.some((take) => take.chosen));
      setAttribute(none, "hidden", opened.takes.length > 0);
      const id = (/** @type {Take} */ take) => `${take.shot}-${take.number}`;
      keep(takes, kept, opened.takes, id, () => takeFigure(around, choose, actions.changed));
      for (const take of opened.takes) kept.get(id(take))?.update(take, now, opened);
      void price(now, opened);
    },
  };
}

/** @param {import("./types.js").FilmPlan} plan */
function redoWords(plan) {
  if (plan.problems.length > 0) return say("redo_impossible");
  if (plan.usd === "unknown") return say("redo_unknown");
  return isFree(plan.usd) ? say("redo_free") : say("redo_price", { price: money(plan.usd) });
}

/**
 * @param {HTMLElement} list
 * @param {string[]} texts
 */
function fill(list, texts) {
  setAttribute(list, "hidden", texts.length === 0);
  refill(list, JSON.stringify(texts), () => texts.map((text) => el("li", { dir: "auto" }, text)));
}

let figures = 0;

/**
 * @param {Around} around
 * @param {(number: number) => void} choose
 * @param {() => void} changed
 */
function takeFigure({ state, connection, posters, notices }, choose, changed) {
  let number = 0;
  const id = `take-${++figures}`;
  const name = el("strong", { id });
  const quality = el("span", { class: "chip" });
  const chip = statusChip();
  const price = el("span", { class: "quiet" });
  const shown = el("span", { class: "take-shown" }, icon("check"), el("span"));
  const player = videoPlayer(state, connection, posters, { alone: true });
  const use = button("check", say("use_take"), { class: "changes", onclick: () => choose(number) });
  const verdict = verdictPart(connection, notices, changed, id);
  const failure = el("p", { class: "failure", dir: "auto" });
  const root = el(
    "li",
    {},
    el("figure", { class: "take-beside" }, el("figcaption", {}, name, quality, chip.root, price, shown), player.root, failure, el("div", { class: "row" }, use), verdict.root),
  );
  return {
    root,
    stop: player.stop,
    /** @param {Take} take @param {Film} film @param {Shot} shot */
    update(take, film, shot) {
      number = take.number;
      setText(name, say("take_number", { n: take.number }));
      setText(quality, sayWord("quality", take.quality));
      setAttribute(chip.root, "hidden", !take.job || take.job.has_video);
      if (take.job) chip.update(take.job);
      setText(price, take.job ? priceOf(take.job) : say("take_waits"));
      setAttribute(shown, "hidden", !take.shown);
      setText(/** @type {Element} */ (shown.lastElementChild), say(take.chosen ? "take_chosen" : "take_shown"));
      setAttribute(root, "data-shown", take.shown);
      setAttribute(failure, "hidden", !take.job?.error);
      setText(failure, take.job?.error?.message ?? "");
      const usable = take.job?.has_video && take.quality === film.quality && take.shot === shot.shot;
      setAttribute(use, "hidden", !usable || take.shown);
      setAttribute(use, "aria-label", say("use_take_of", { n: take.number, shot: shot.shot }));
      player.update(take.job);
      verdict.update(take.job);
    },
  };
}
