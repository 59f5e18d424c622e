/** The list of videos as a grid of which only what is in view exists, so that a thousand scroll as lightly as ten. */

import { el, keep, setAttribute } from "./elements.js";
import { jobCard } from "./cards.js";

/** @typedef {import("./cards.js").Card} Card */
/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").JobCard} JobCard */

const NARROWEST_CARD_REM = 14;
const GAP_REM = 1;
const TEXT_REM = 6.5;
const ROWS_BEYOND = 2;

/**
 * @param {State} state
 * @param {Posters} posters
 * @param {{ open: (jobId: string, play: boolean) => void, more: () => void }} actions
 */
export function jobList(state, posters, actions) {
  /** @type {Map<string, Card>} */
  const cards = new Map();
  /** @type {JobCard[]} */
  let jobs = [];
  let columns = 1;
  let rowHeight = 300;
  let active = 0;
  let scheduled = false;
  const root = el("ul", { class: "grid", role: "list", onkeydown: move, onfocusin: follow });

  function layout() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const gap = GAP_REM * rem;
    const width = root.clientWidth;
    columns = Math.max(1, Math.floor((width + gap) / (NARROWEST_CARD_REM * rem + gap)));
    const cardWidth = (width - gap * (columns - 1)) / columns;
    rowHeight = (cardWidth * 9) / 16 + TEXT_REM * rem + gap;
    root.style.setProperty("--card-width", `${cardWidth}px`);
    root.style.setProperty("--card-text", `${TEXT_REM}rem`);
    root.style.blockSize = `${Math.max(0, Math.ceil(jobs.length / columns) * rowHeight - gap)}px`;
    return { cardWidth, gap };
  }

  function render() {
    scheduled = false;
    if (root.offsetParent === null) return;
    const { cardWidth, gap } = layout();
    const top = root.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / rowHeight) - ROWS_BEYOND) * columns;
    const last = (Math.ceil((window.innerHeight - top) / rowHeight) + ROWS_BEYOND) * columns;
    active = Math.min(active, Math.max(0, jobs.length - 1));
    const places = range(first, Math.min(last, jobs.length));
    if (jobs.length > 0 && !places.includes(active)) places.push(active);
    places.sort((one, other) => one - other);
    const id = (/** @type {number} */ place) => /** @type {JobCard} */ (jobs[place]).job_id;
    keep(root, cards, places, id, (place) => jobCard(state, posters, actions.open, id(place)));
    for (const place of places) {
      const card = /** @type {Card} */ (cards.get(id(place)));
      card.update(/** @type {JobCard} */ (jobs[place]), place, state.filtered() ? jobs.length : state.total);
      card.setActive(place === active);
      const across = (place % columns) * (cardWidth + gap);
      card.root.style.transform = `translate(${across}px, ${Math.floor(place / columns) * rowHeight}px)`;
    }
    if (last >= jobs.length) actions.more();
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const target = /** @type {Element} */ (event.target);
    const job = jobs[active];
    if (!target.classList.contains("card-main") || !job || event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -active, End: jobs.length };
    if (event.key === " ") actions.open(job.job_id, true);
    else if (Object.hasOwn(steps, event.key)) focusOn(active + steps[/** @type {keyof typeof steps} */ (event.key)]);
    else return;
    event.preventDefault();
  }

  /** @param {FocusEvent} event */
  function follow(event) {
    const card = [...cards].find(([, { root: item }]) => item.contains(/** @type {Node} */ (event.target)));
    const place = card ? jobs.findIndex((job) => job.job_id === card[0]) : -1;
    if (place < 0 || place === active) return;
    active = place;
    schedule();
  }

  /** @param {number} place */
  function focusOn(place) {
    active = Math.min(Math.max(place, 0), jobs.length - 1);
    render();
    const job = jobs[active];
    if (job) cards.get(job.job_id)?.main.focus();
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(render);
  }

  window.addEventListener("scroll", schedule, { passive: true });
  new ResizeObserver(schedule).observe(document.documentElement);
  new ResizeObserver(schedule).observe(root);

  return {
    root,
    update() {
      const before = jobs[active]?.job_id;
      jobs = state.shown();
      const now = jobs.findIndex((job) => job.job_id === before);
      if (now >= 0) active = now; // a new video above does not move the focus
      if (jobs.length === 0) keep(root, cards, [], String, (none) => none);
      setAttribute(root, "hidden", jobs.length === 0);
      schedule();
    },
    /** @param {string | null} jobId */
    focus(jobId) {
      const place = jobs.findIndex((job) => job.job_id === jobId);
      focusOn(place < 0 ? active : place);
    },
  };
}

/**
 * @param {number} first
 * @param {number} end
 */
function range(first, end) {
  return Array.from({ length: Math.max(0, end - first) }, (_, step) => first + step);
}
