/** The films: which there are, and of the one that is open its storyboard, what can be made of it, and the joined film. */

import { button, el, refill, setAttribute, setBusy, setForeign, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { filmMakingPart } from "./film_making.js";
import { filmPlayer } from "./film_player.js";
import { clock, isMore, money, say, sayCount, sayWord } from "./i18n.js";
import { shotPart } from "./shot.js";
import { storyboard } from "./storyboard.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").FilmName} FilmName */
/** @typedef {import("./types.js").Films} Films */
/** @typedef {import("./types.js").Part} Part */

const BUSY = new Set(["making", "joining"]);

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {Notices} notices
 * @param {() => void} changed
 * @returns {Part}
 */
export function filmsPart(state, connection, posters, notices, changed) {
  const { films } = connection;
  if (!films) return { root: el("section", { hidden: true }), update: () => undefined };
  return withFilms({ state, connection, films, posters, notices }, changed);
}

/**
 * @param {import("./shot.js").Around} around
 * @param {() => void} changed
 * @returns {Part}
 */
function withFilms(around, changed) {
  const { state, films, posters, notices } = around;
  const heading = el("h2");
  const failure = el("p", { class: "failure", role: "alert", hidden: true });
  const names = el("ul", { class: "film-names", role: "list" });
  const choice = el("nav", { "aria-label": say("films") }, names);
  const title = el("h3", { id: "film-title", tabindex: -1 });
  const chip = el("span", { class: "chip" });
  const facts = el("p", { class: "quiet film-facts" });
  const cancel = button("close", say("cancel_film"), { class: "changes", onclick: () => toggle() });
  const head = el("div", { class: "film-head" }, title, chip, facts, cancel);
  const stay = button(null, say("cancel_no"), { onclick: () => toggle() });
  const stop = button("close", say("cancel_yes"), { class: "danger", onclick: () => cancelIt() });
  const sure = el("div", { class: "row", hidden: true }, el("p", {}, say("cancel_sure")), stop, stay);
  const problems = el("ul", { class: "plan-problems", role: "list" });
  const advice = el("ul", { class: "remarks" });
  const making = filmMakingPart(state, films, notices, changed);
  const board = storyboard(state, posters, open);
  const shot = shotPart(around, { redo: (name, opener) => state.film && making.open(state.film.quality, [name], opener), close, changed });
  const player = filmPlayer(posters);
  const film = el("article", { class: "film", "aria-labelledby": "film-title" }, head, sure, problems, advice, board.root, shot.root, making.root, player.root);
  const root = el("details", { class: "films", open: true, hidden: true }, el("summary", {}, heading), failure, choice, film);
  /** the film's state at the last look */
  let before = "";

  /** @param {string} name */
  function open(name) {
    state.openShot = state.openShot === name ? null : name;
    update();
    if (state.openShot) shot.title.focus();
  }

  function close() {
    const name = state.openShot;
    state.openShot = null;
    update();
    if (name) board.focus(name);
  }

  function toggle() {
    sure.hidden = !sure.hidden;
    (sure.hidden ? cancel : stay).focus();
  }

  async function cancelIt() {
    if (!state.film) return;
    setBusy(stop, true);
    try {
      notices.say(await films.cancel(state.film.film_id));
    } catch (error) {
      notices.problem(wordsOf(error));
    }
    setBusy(stop, false);
    sure.hidden = true;
    title.focus();
    changed();
  }

  /** @param {string} filmId */
  function openFilm(filmId) {
    if (filmId === state.film?.film_id) return;
    state.filmId = filmId;
    state.openShot = null;
    player.stop();
    changed();
  }

  /** @param {Film} now */
  function tell(now) {
    const told = `${now.film_id} ${now.status}`;
    if (before.startsWith(`${now.film_id} `) && before !== told) notices.whisper(`${now.title}: ${sayWord("film_status", now.status)}`);
    before = told;
  }

  function update() {
    const { film: now } = state;
    const focused = film.contains(document.activeElement);
    setAttribute(root, "hidden", state.films.length === 0 && !state.filmFailure);
    setText(heading, sayCount("films", state.films.length));
    setAttribute(failure, "hidden", !state.filmFailure);
    setText(failure, state.filmFailure ?? "");
    setAttribute(choice, "hidden", state.films.length < 2);
    refill(names, JSON.stringify([state.films, now?.film_id]), () =>
      state.films.map((one) =>
        el("li", {}, el("button", { type: "button", dir: "auto", "aria-current": one.film_id === now?.film_id ? "true" : null, onclick: () => openFilm(one.film_id) }, nameOf(one, state.films))),
      ),
    );
    setAttribute(film, "hidden", !now);
    const opened = now?.shots.find((one) => one.shot === state.openShot) ?? null;
    const busy = now !== null && BUSY.has(now.status);
    shot.update(now, opened);
    making.update(now, busy);
    player.update(now);
    if (!now) return;
    tell(now);
    setForeign(title, now.title);
    setText(chip, sayWord("film_status", now.status));
    setAttribute(chip, "data-film", now.status);
    setText(facts, filmFacts(now));
    setAttribute(cancel, "hidden", !busy);
    if (!busy) sure.hidden = true;
    setAttribute(problems, "hidden", now.problems.length === 0);
    refill(problems, JSON.stringify(now.problems), () => now.problems.map((problem) => el("li", { dir: "auto" }, problem)));
    setAttribute(advice, "hidden", now.advice.length === 0);
    refill(advice, JSON.stringify(now.advice), () => now.advice.map((words) => el("li", { dir: "auto" }, words)));
    board.update(now);
    // What was pressed is gone once it is done.
    if (focused && !(film.contains(document.activeElement) && document.activeElement?.checkVisibility())) title.focus();
  }

  return { root, update };
}

/**
 * The title; where another film has the same, with the name of the file, else with the end of the id.
 * @param {FilmName} one
 * @param {FilmName[]} all
 */
function nameOf(one, all) {
  const alike = all.filter((other) => other.title === one.title && other !== one);
  if (alike.length === 0) return one.title;
  const distinct = one.file_name && alike.every((other) => other.file_name !== one.file_name);
  return `${one.title} · ${distinct ? one.file_name : one.film_id.slice(-5)}`;
}

/** @param {Film} film */
function filmFacts(film) {
  const done = film.shots.filter((shot) => shot.takes.some((take) => take.shown) && shot.state !== "making").length;
  const far = say("shots_done", { n: done, total: film.shots.length });
  const spent = isMore(film.spent_usd, "0") ? say("film_spent", { price: money(film.spent_usd) }) : "";
  return [sayWord("quality", film.quality), clock(film.seconds), far, spent, film.file_name].filter(Boolean).join(" · ");
}
