/** Puts the page together, in a browser or in a chat, and keeps it as the server says. */

import { appConnection } from "./app_bridge.js";
import { comparePart } from "./compare.js";
import { Ended, Unreachable, wordsOf } from "./connection.js";
import { button, el, setAttribute, setText } from "./elements.js";
import { filmsPart } from "./films.js";
import { filtersPart } from "./filters.js";
import { language, languageFor, say, speak } from "./i18n.js";
import { jobList } from "./list.js";
import { localConnection, servedBy } from "./local.js";
import { followBrowser, followHost } from "./look.js";
import { Notices } from "./notices.js";
import { Posters } from "./pictures.js";
import { notesPart, spendingPart } from "./spending.js";
import { NO_FILTER, State, isWorking } from "./state.js";
import { statusWords } from "./status.js";
import { showRights } from "./rights.js";
import { takePart } from "./take.js";
import { teamPart } from "./team.js";
import { waitingPart } from "./waiting.js";

/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Look} Look */

const WIDE = matchMedia("(min-width: 64rem)");
const LANGUAGE_KEY = "seedance-board-language";

/** @param {Connection} connection */
async function run(connection) {
  const state = new State();
  const posters = new Posters(connection);
  const refresh = refresher(connection, state);
  let chosenLanguage = rememberedLanguage();
  let mode = connection.place === "local" ? "whole" : "inline";
  speak(chosenLanguage ?? languageFor(navigator.language));
  /** @type {{ update: () => void, focus: (jobId: string) => void }} */
  let page = build();

  function build() {
    const made = wholePage(state, connection, posters, refresh, {
      language: () => {
        chosenLanguage = language() === "en" ? "zh" : "en";
        rememberLanguage(chosenLanguage);
        speak(chosenLanguage);
        page = build();
      },
    });
    document.body.replaceChildren(...made.roots);
    made.update();
    return made;
  }

  /** @param {Look} look */
  function take(look) {
    followHost(look);
    mode = look.mode === "fullscreen" ? "whole" : "inline";
    document.documentElement.dataset.mode = mode;
    const spoken = chosenLanguage ?? languageFor(look.locale ?? navigator.language);
    if (spoken !== language()) {
      speak(spoken);
      page = build();
    }
    state.change();
  }

  document.documentElement.dataset.place = connection.place;
  document.documentElement.dataset.mode = mode;
  state.listen(() => page.update());
  setInterval(() => state.change(), 30_000); // "3 minutes ago" becomes 4
  WIDE.addEventListener("change", () => state.change());
  await connection.open({
    changed: refresh,
    reach: (reach) => {
      state.reach = reach;
      state.change();
    },
    look: take,
    focus: (jobId) => page.focus(jobId),
  });
}

/**
 * Return what reads the board anew; calls that come while it is being read lead to one more reading.
 * @param {Connection} connection
 * @param {State} state
 */
function refresher(connection, state) {
  let running = false;
  let wanted = false;
  return async function refresh() {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      try {
        state.take(await connection.snapshot(null));
        state.reach = "live";
        await readFilms(connection, state);
        await readTeam(connection, state);
      } catch (error) {
        if (error instanceof Ended) state.reach = "ended";
        else state.failure = wordsOf(error);
        state.change();
      }
    }
    running = false;
  };
}

/**
 * Read the films; without them everything else is there all the same.
 * @param {Connection} connection
 * @param {State} state
 */
async function readFilms(connection, state) {
  if (!connection.films) return;
  try {
    state.takeFilms(await connection.films.list(state.filmId));
  } catch (error) {
    if (error instanceof Ended || error instanceof Unreachable) throw error;
    state.filmFailure = wordsOf(error);
    state.change();
  }
}

/**
 * Read what administrators see of the team; without it everything else is there all the same.
 * @param {Connection} connection
 * @param {State} state
 */
async function readTeam(connection, state) {
  if (!connection.team || !state.rights.administers) return;
  try {
    state.team = await connection.team();
    state.change();
  } catch (error) {
    if (error instanceof Ended || error instanceof Unreachable) throw error;
    state.failure = wordsOf(error);
    state.change();
  }
}

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {() => Promise<void>} refresh
 * @param {{ language: () => void }} actions
 */
function wholePage(state, connection, posters, refresh, actions) {
  const notices = new Notices();
  let opener = /** @type {string | null} */ (null);
  let readingOlder = false;
  let byHand = false;

  /**
   * @param {string} jobId
   * @param {boolean} play
   */
  function open(jobId, play) {
    opener = jobId;
    byHand = true;
    const other = state.openId !== jobId;
    state.openId = jobId;
    update();
    if (play) void take.player.play();
    else if (other || !WIDE.matches) take.title.focus();
  }

  function close() {
    if (WIDE.matches) return list.focus(state.openId);
    take.player.stop();
    const back = opener;
    byHand = false;
    update();
    list.focus(back);
  }

  async function older() {
    if (readingOlder || !state.more || !state.loaded) return;
    readingOlder = true;
    try {
      state.takeOlder(await connection.snapshot(state.more));
    } catch {
      state.more = null; // the newest are there all the same
    }
    readingOlder = false;
    state.change();
  }

  /** @type {Map<string, string>} */
  const statuses = new Map();

  /** Tell of jobs that have come to their end since the last look. */
  function tellEndings() {
    for (const job of state.jobs.values()) {
      const before = statuses.get(job.job_id);
      statuses.set(job.job_id, job.status);
      if (before && before !== job.status && !isWorking(job)) notices.whisper(`${statusWords(job)}: ${job.prompt || job.job_id}`);
    }
  }

  const reach = el("p", { class: "reach", role: "status" });
  const failure = el("p", { class: "banner", role: "alert", hidden: true });
  const spending = spendingPart(state);
  const notes = notesPart(state);
  const waiting = waitingPart(state, connection, notices, refresh);
  const films = filmsPart(state, connection, posters, notices, refresh);
  const team = teamPart(state, connection.signOut !== null);
  const filters = filtersPart(state);
  const list = jobList(state, posters, { open, more: older });
  const take = takePart(state, connection, posters, notices, { open, close, changed: refresh });
  const compare = comparePart(state, connection, posters, (jobId) => list.focus(jobId));
  const clear = button("close", say("clear_filters"), { onclick: () => (Object.assign(state.filter, NO_FILTER), state.change()) });
  const empty = el("div", { class: "empty" }, el("p", { class: "empty-title" }), el("p", { class: "quiet" }), clear);
  const further = el("p", { class: "quiet further", role: "status" });
  const display = el("button", { type: "button", class: "display", onclick: () => switchDisplay() });
  const other = language() === "en" ? "中文" : "English";
  const switchLanguage = el(
    "button",
    { type: "button", class: "bare language", lang: language() === "en" ? "zh-Hans" : "en", onclick: actions.language },
    other,
  );
  const signOut = el(
    "button",
    { type: "button", class: "bare language", hidden: !connection.signOut, onclick: () => void connection.signOut?.().catch(() => null) },
    say("sign_out"),
  );
  const title = el("h1", {}, say("title"));
  const header = el(
    "header",
    { class: "head" },
    title, reach, spending.root, switchLanguage, signOut, display,
  );
  const videos = el("section", { id: "videos", class: "videos", "aria-label": say("videos"), tabindex: -1 }, filters.root, list.root, empty, further, compare.root);
  const main = el("main", {}, failure, waiting.root, notes.root, team.root, films.root, el("div", { class: "board" }, videos, take.root));
  const skip = el("button", { type: "button", class: "skip", onclick: () => videos.focus() }, say("skip"));

  function switchDisplay() {
    void connection.display?.(document.documentElement.dataset.mode === "inline" ? "fullscreen" : "inline").catch(() => null);
  }

  function update() {
    const inline = document.documentElement.dataset.mode === "inline";
    const whole = !inline;
    // On a wide page the newest video is open beside the list; on a narrow one only what was opened covers the list.
    const covering = whole && !WIDE.matches;
    const opened = byHand || take.player.video() !== null;
    if (state.openId === null && !covering) state.openId = state.newest();
    showRights(state.rights);
    for (const part of [spending, notes, waiting, team, films, filters, list, take, compare]) part.update();
    tellEndings();
    setText(title, state.teamName === null ? say("title") : `${say("title")} · ${state.teamName}`);
    const over = covering && opened && state.open() !== null;
    if (covering && !opened) take.root.hidden = true;
    for (const behind of [header, videos, waiting.root, notes.root, team.root, films.root]) behind.inert = over;
    setAttribute(take.root, "role", over ? "dialog" : null);
    setAttribute(take.root, "aria-modal", over ? "true" : null);
    setAttribute(document.body, "data-over", over);
    setAttribute(videos, "hidden", inline);
    setText(display, say(inline ? "whole_board" : "back_to_chat"));
    setAttribute(display, "hidden", !connection.display);
    setAttribute(reach, "data-reach", state.reach);
    setText(reach, state.reach === "live" ? say("live") : state.reach === "connecting" ? say("connecting") : "");
    const trouble = state.reach === "lost" || state.reach === "ended" ? say(state.reach) : state.failure && say("refresh_failed", { message: state.failure });
    setAttribute(failure, "hidden", !trouble);
    setText(failure, trouble || "");
    const none = state.loaded && state.shown().length === 0;
    setAttribute(empty, "hidden", !none);
    setText(/** @type {Element} */ (empty.children[0]), say(state.filtered() ? "nothing_found" : "nothing"));
    setText(/** @type {Element} */ (empty.children[1]), state.filtered() ? "" : say(server === "signed-in" ? "nothing_hint_signed_in" : "nothing_hint"));
    setAttribute(clear, "hidden", !state.filtered());
    setText(further, state.filtered() && state.more ? say("looking_further") : state.loaded && !state.more && state.total > state.jobs.size ? say("older_elsewhere") : "");
    if (state.filtered() && state.more) void older();
  }

  return {
    roots: [skip, header, main, compare.dialog, notices.root],
    update,
    /** @param {string} jobId */
    focus(jobId) {
      state.openId = jobId;
      update();
    },
  };
}

/** @returns {"en" | "zh" | null} */
function rememberedLanguage() {
  try {
    const kept = localStorage.getItem(LANGUAGE_KEY);
    return kept === "en" || kept === "zh" ? kept : null;
  } catch {
    return null; // frames of chats have no storage
  }
}

/** @param {"en" | "zh"} wanted */
function rememberLanguage(wanted) {
  try {
    localStorage.setItem(LANGUAGE_KEY, wanted);
  } catch {
    return;
  }
}

const server = servedBy();
if (server) {
  followBrowser();
  void run(localConnection(server));
} else if (window.parent !== window) {
  void appConnection().then(run);
}
