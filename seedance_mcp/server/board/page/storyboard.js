/** The storyboard of a film: its shots in their order, each with its picture, what it is, and how it stands. */

import { button, el, icon, keep, refill, setAttribute, setForeign, setText } from "./elements.js";
import { say, sayWord } from "./i18n.js";
import { progressBar, progressWords } from "./status.js";
import { isWorking } from "./state.js";

/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Shot} Shot */

/** @type {Record<string, Parameters<typeof icon>[0]>} */
const SHOT_SIGNS = { missing: "clock", current: "check", stale: "amber", making: "running", failed: "bad", unclear: "question", blocked: "pause" };

/**
 * @param {State} state
 * @param {Posters} posters
 * @param {(shot: string) => void} open
 */
export function storyboard(state, posters, open) {
  /** @type {Map<string, ReturnType<typeof shotCard>>} */
  const kept = new Map();
  const list = el("ol", { class: "storyboard", role: "list", "aria-label": say("storyboard"), onkeydown: move });
  /** @type {Shot[]} */
  let shots = [];
  let filmId = "";
  let active = 0;

  /** @param {KeyboardEvent} event */
  function move(event) {
    const target = /** @type {Element} */ (event.target);
    const at = shots.findIndex(({ shot }) => kept.get(shot)?.main === target);
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: shots.length - 1 - at };
    if (at < 0 || !Object.hasOwn(steps, event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    active = Math.min(Math.max(at + steps[/** @type {keyof typeof steps} */ (event.key)], 0), shots.length - 1);
    redraw();
    kept.get(shots[active]?.shot ?? "")?.main.focus();
  }

  function redraw() {
    for (const [place, shot] of shots.entries()) kept.get(shot.shot)?.setActive(place === active);
  }

  return {
    root: list,
    /** @param {string} shot */
    focus(shot) {
      kept.get(shot)?.main.focus();
    },
    /** @param {Film} film */
    update(film) {
      if (film.film_id !== filmId) keep(list, kept, [], String, (none) => none); // ids of shots are a film's own
      filmId = film.film_id;
      shots = film.shots;
      const opened = shots.findIndex(({ shot }) => shot === state.openShot);
      if (opened >= 0) active = opened;
      active = Math.min(active, shots.length - 1);
      keep(list, kept, shots, ({ shot }) => shot, ({ shot }) => shotCard(state, posters, () => open(shot)));
      for (const shot of shots) kept.get(shot.shot)?.update(shot);
      redraw();
    },
  };
}

/**
 * @param {State} state
 * @param {Posters} posters
 * @param {() => void} open
 */
function shotCard(state, posters, open) {
  const image = el("img", { alt: "", hidden: true });
  const chip = shotChip();
  const bar = progressBar();
  const name = el("span", { class: "shot-name" });
  const seconds = el("span", { class: "badge badge-length" });
  const prompt = el("span", { class: "shot-prompt" });
  const why = el("span", { class: "shot-why", dir: "auto" });
  const main = el(
    "button",
    { type: "button", class: "shot", "aria-controls": "open-shot", onclick: open },
    el("span", { class: "shot-picture" }, image, chip.root, seconds), name, prompt, why,
  );
  const root = el("li", { class: "shot-card" }, main, bar.root);
  /** @type {JobCard | null} the job whose picture is wanted */
  let wanted = null;
  let seen = false;
  let shown = "";

  new IntersectionObserver((entries, watching) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen = true;
    watching.disconnect();
    showPoster();
  }).observe(root);

  function showPoster() {
    const job = wanted;
    if (!seen || !job || job.job_id === shown) return;
    shown = job.job_id;
    posters.show(image, job, () => root.isConnected && shown === job.job_id);
  }

  return {
    root,
    main,
    /** @param {Shot} shot */
    update(shot) {
      const job = shot.takes.find(({ job: one }) => one !== null && one.job_id === shot.job_id)?.job ?? null;
      chip.update(shot);
      setText(seconds, say("seconds", { n: shot.seconds }));
      setForeign(name, shot.shot);
      setForeign(prompt, shot.prompt);
      const far = job && isWorking(job) ? progressWords(job, state.now()) : "";
      setText(why, shot.why.join("; ") || far);
      setAttribute(why, "hidden", why.textContent === "");
      setAttribute(main, "aria-expanded", String(state.openShot === shot.shot));
      setAttribute(bar.root, "hidden", true);
      if (job) bar.update(job);
      wanted = shot.takes.find((take) => take.shown && take.job?.has_video)?.job ?? null;
      if (!wanted) image.hidden = true;
      showPoster();
    },
    /** @param {boolean} is whether the tab key reaches it */
    setActive(is) {
      setAttribute(main, "tabindex", is ? 0 : -1);
    },
  };
}

/** How a shot stands, as a sign and a word. */
export function shotChip() {
  const words = el("span");
  const root = el("span", { class: "chip" });
  return {
    root,
    /** @param {Shot} shot */
    update(shot) {
      refill(root, shot.state, () => [icon(SHOT_SIGNS[shot.state] ?? "question"), words]);
      setAttribute(root, "data-state", shot.state);
      setText(words, sayWord("shot_state", shot.state));
    },
  };
}

/**
 * What is open, with a way to close it.
 * @param {HTMLElement} title
 * @param {HTMLElement} chip
 * @param {() => void} close
 */
export function openHead(title, chip, close) {
  return el("div", { class: "open-head" }, title, chip, button("close", say("close"), { class: "bare open-close", onclick: close }));
}
