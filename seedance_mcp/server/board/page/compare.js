/** Two takes side by side that play together, and in what they differ. */

import { button, el, icon, refill, setAttribute, setForeign, setText } from "./elements.js";
import { compareSettings, compareTexts } from "./differences.js";
import { clock, say, sayWord } from "./i18n.js";
import { videoPlayer } from "./player.js";
import { priceOf } from "./status.js";

/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */

const MOST_DRIFT_SECONDS = 0.15;

/**
 * The bar that shows what is chosen for comparing, and the dialog that compares.
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {(jobId: string | null) => void} ended gives the focus back, as the bar is gone then
 */
export function comparePart(state, connection, posters, ended) {
  const told = el("span", { role: "status" });
  const start = button("compare", say("compare_start"), { class: "primary", onclick: () => open() });
  const none = button("close", say("compare_clear"), { onclick: () => chooseNone() });
  const root = el("div", { class: "tray", hidden: true }, told, start, none);
  const dialog = compareDialog(state, connection, posters, () => chooseNone());

  function chooseNone() {
    const last = state.compared.at(-1) ?? null;
    state.compared = [];
    state.change();
    ended(last);
  }

  function open() {
    const jobs = state.compared.flatMap((id) => state.jobs.get(id) ?? []);
    const [left, right] = jobs;
    if (left && right) dialog.open(left, right);
  }

  return {
    root,
    dialog: dialog.root,
    update() {
      const chosen = state.compared.length;
      setAttribute(root, "hidden", chosen === 0);
      setText(told, chosen === 0 ? "" : say(chosen === 1 ? "compare_one" : "compare_two"));
      setAttribute(start, "hidden", chosen < 2);
    },
  };
}

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {() => void} closed
 */
function compareDialog(state, connection, posters, closed) {
  const players = [0, 1].map(() => videoPlayer(state, connection, posters, { alone: false }));
  const captions = [el("p", { class: "compare-caption" }), el("p", { class: "compare-caption" })];
  const toggle = el("button", { type: "button", class: "primary", onclick: () => playOrPause() });
  const position = el("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": say("compare_position"), oninput: seek });
  position.step = "1";
  const time = el("span", { class: "compare-time" });
  const sound = el(
    "select",
    { id: "compare-sound", onchange: hear },
    el("option", { value: "0" }, say("sound_left")), el("option", { value: "1" }, say("sound_right")), el("option", { value: "" }, say("sound_none")),
  );
  const difference = el("div", { class: "differences" });
  const root = el(
    "dialog",
    { class: "compare", "aria-labelledby": "compare-title", onclose: close },
    el(
      "div",
      { class: "compare-head" },
      el("h2", { id: "compare-title" }, say("compare_title")),
      button("close", say("close"), { class: "bare", onclick: () => root.close() }),
    ),
    el(
      "div",
      { class: "compare-pair" },
      ...players.map((player, side) =>
        el("figure", {}, el("figcaption", {}, el("h3", {}, say(side === 0 ? "left" : "right")), captions[side]), player.root),
      ),
    ),
    el("div", { class: "compare-controls" }, toggle, position, time, el("label", { for: "compare-sound" }, say("compare_sound")), sound),
    el("h3", {}, say("differences")),
    difference,
  );

  function close() {
    for (const player of players) player.stop();
    closed();
  }

  /** @returns {HTMLVideoElement[]} */
  const videos = () => players.flatMap((player) => player.video() ?? []);
  const first = () => videos()[0];

  async function playOrPause() {
    if (videos().length < 2) await Promise.all(players.map((player) => (player.video() ? null : player.play())));
    else if (first()?.paused) await Promise.all(videos().map((video) => video.play().catch(() => null)));
    else videos().forEach((video) => video.pause());
    for (const video of videos()) {
      video.controls = false;
      video.ontimeupdate = video.onplay = video.onpause = together;
    }
    hear();
    together();
  }

  /** Show where the first is, and keep the second with it. */
  function together() {
    const [one, other] = videos();
    const runs = one !== undefined && !one.paused && !one.ended;
    refill(toggle, `${runs}`, () => [icon(runs ? "pause" : "play"), el("span", {}, say(runs ? "compare_pause" : "compare_play"))]);
    if (!one) return;
    if (one.duration) position.value = String((one.currentTime / one.duration) * 1000);
    setText(time, `${clock(one.currentTime)} / ${clock(one.duration || 0)}`);
    setAttribute(position, "aria-valuetext", clock(one.currentTime));
    if (!other || other.ended) return;
    if (Math.abs(other.currentTime - one.currentTime) > MOST_DRIFT_SECONDS) other.currentTime = Math.min(one.currentTime, other.duration || 0);
    if (one.paused && !one.ended && !other.paused) other.pause();
  }

  function seek() {
    for (const video of videos()) video.currentTime = (Number(position.value) / 1000) * (first()?.duration || 0);
  }

  function hear() {
    videos().forEach((video, side) => (video.muted = sound.value !== String(side)));
  }

  return {
    root,
    /**
     * @param {JobCard} left
     * @param {JobCard} right
     */
    open(left, right) {
      [left, right].forEach((job, side) => {
        players[side]?.update(job);
        setText(/** @type {Element} */ (captions[side]), [job.provider, job.model, priceOf(job)].join(" · "));
      });
      refill(difference, JSON.stringify([left.job_id, right.job_id, document.documentElement.lang]), () => differencesOf(left, right));
      together();
      root.showModal();
      toggle.focus();
    },
  };
}

/**
 * @param {JobCard} left
 * @param {JobCard} right
 * @returns {HTMLElement[]}
 */
function differencesOf(left, right) {
  const pieces = compareTexts(left.prompt, right.prompt);
  const settings = compareSettings(left, right);
  if (settings.length === 0 && pieces.every(({ kind }) => kind === "same")) return [el("p", {}, say("no_differences"))];
  const table = el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...[say("settings"), say("left"), say("right")].map((words) => el("th", {}, words)))),
    el("tbody", {}, ...settings.map(([name, one, other]) => el("tr", {}, el("th", {}, differenceName(name)), differenceCell(one), differenceCell(other)))),
  );
  const prompt = el("p", { class: "difference-prompt", dir: "auto" });
  for (const { text, kind } of pieces) {
    const words = kind === "same" ? null : say(kind === "left" ? "only_left" : "only_right");
    prompt.append(words ? el(kind === "left" ? "del" : "ins", { title: words }, el("span", { class: "hidden-words" }, `[${words}: `), text, el("span", { class: "hidden-words" }, "]")) : text);
  }
  return [...(pieces.some(({ kind }) => kind !== "same") ? [prompt] : []), ...(settings.length > 0 ? [table] : [])];
}

/** @param {string} name */
function differenceName(name) {
  return name === "provider" || name === "model" ? say(name) : sayWord("setting", name);
}

/** @param {unknown} value */
function differenceCell(value) {
  const cell = el("td", {});
  setForeign(cell, value === undefined ? "–" : typeof value === "boolean" ? say(value ? "yes" : "no") : typeof value === "string" ? value : JSON.stringify(value));
  return cell;
}
