/** Plays a video: its poster first, on a click the video by the best way that works, in the end words where it is. */

import { button, el, setAttribute, setBusy, setSource, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { say } from "./i18n.js";
import { progressBar, progressWords, statusChip } from "./status.js";
import { isWorking } from "./state.js";

/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/**
 * @typedef {object} Player
 * @property {HTMLElement} root
 * @property {(job: JobCard | null) => void} update
 * @property {() => Promise<void>} play plays, or goes on and pauses if it has played before
 * @property {() => void} stop
 * @property {() => HTMLVideoElement | null} video
 */

/** @type {HTMLVideoElement | null} the one video that plays */
let playing = null;

/**
 * Pause what plays: one video does at a time.
 * @param {HTMLVideoElement} next what begins to play
 */
export function takeTurn(next) {
  if (playing !== next) playing?.pause();
  playing = next;
}

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Posters} posters
 * @param {{ alone: boolean }} options whether another video that plays is paused first
 * @returns {Player}
 */
export function videoPlayer(state, connection, posters, { alone }) {
  /** @type {JobCard | null} */
  let shown = null;
  /** @type {HTMLVideoElement | null} */
  let video = null;
  /** the answer to a click that came before the last change of the job is no longer wanted */
  let turn = 0;
  const image = el("img", { alt: say("poster"), hidden: true });
  const start = button("play", "", { class: "player-start", onclick: () => play() });
  const chip = statusChip();
  const bar = progressBar();
  const far = el("span", { class: "player-far" });
  const under = el("div", { class: "player-state" }, chip.root, far, bar.root);
  const stage = el("div", { class: "player-stage" }, image, under, start);
  const told = el("p", { class: "player-told", role: "status" });
  const elsewhere = el("p", { class: "player-elsewhere", hidden: true });
  const root = el("div", { class: "player" }, stage, told, elsewhere);

  function stop() {
    turn += 1;
    video?.pause();
    if (playing === video) playing = null;
    video?.removeAttribute("src");
    video?.remove();
    video = null;
    setText(told, "");
    elsewhere.hidden = true;
  }

  async function play() {
    const job = shown;
    if (!job?.has_video) return;
    if (video) return void (video.paused ? video.play() : video.pause());
    const mine = ++turn;
    setBusy(start, true);
    try {
      for (const way of connection.ways(job)) {
        const progress = (/** @type {number} */ part) => {
          if (mine === turn) setText(told, say("loading", { n: Math.floor(part * 10) * 10 }));
        };
        const address = await way.load(progress).catch((error) => void console.info("A way to play the video failed:", wordsOf(error)));
        if (mine !== turn) return;
        setText(told, "");
        if (address && (await shows(address, job))) return;
        if (mine !== turn) return;
      }
      nowhere(job);
    } finally {
      setBusy(start, false);
      redraw();
    }
  }

  /**
   * @param {string} address
   * @param {JobCard} job
   * @returns {Promise<boolean>} whether it plays; if not, the next way may
   */
  async function shows(address, job) {
    const next = el("video", { "aria-label": say("video_of", { prompt: job.prompt || job.job_id }) });
    next.controls = true;
    next.playsInline = true;
    next.loop = false;
    next.addEventListener("play", () => {
      if (alone) takeTurn(next);
    });
    const ready = new Promise((resolve) => {
      next.addEventListener("loadeddata", () => resolve(true), { once: true });
      next.addEventListener("error", () => resolve(false), { once: true });
    });
    setSource(next, address);
    video = next;
    stage.append(next);
    const fine = await ready;
    if (video !== next) return true;
    if (!fine) {
      next.remove();
      video = null;
      return false;
    }
    redraw();
    if (alone) next.focus();
    await next.play().catch(() => null); // a browser that wants another click shows the controls for it
    return true;
  }

  /** @param {JobCard} job */
  function nowhere(job) {
    setText(told, say("cannot_play"));
    const { localUrl } = state;
    const { openLink } = connection;
    elsewhere.replaceChildren(
      ...(localUrl && openLink ? [button("next", say("open_browser"), { onclick: () => openLink(localUrl) }), " "] : []),
      ...(connection.place === "app" ? [say("command_board"), " "] : []),
      ...(job.video_path ? [say("where_path", { path: job.video_path })] : []),
    );
    elsewhere.hidden = false;
  }

  function redraw() {
    const job = shown;
    setAttribute(start, "hidden", !job?.has_video || video !== null);
    setAttribute(under, "hidden", !job || job.has_video);
    setAttribute(stage, "data-playing", video !== null);
    if (!job) return;
    setAttribute(start, "aria-label", say("play_video", { prompt: job.prompt || job.job_id }));
    chip.update(job);
    bar.update(job);
    setText(far, isWorking(job) ? progressWords(job, state.now()) : "");
    setAttribute(stage, "hidden", !job.has_video && !isWorking(job));
    setAttribute(stage, "data-empty", !job.has_video);
    const ratio = job.width && job.height ? job.width / job.height : 16 / 9;
    stage.style.aspectRatio = job.has_video ? String(Math.min(Math.max(ratio, 0.5), 2.4)) : "";
  }

  return {
    root,
    play,
    stop,
    video: () => video,
    update(job) {
      if (job?.job_id !== shown?.job_id) {
        stop();
        image.hidden = true;
      }
      const poster = job?.has_video && (job.job_id !== shown?.job_id || !shown?.has_video);
      shown = job;
      if (job && poster) posters.show(image, job, () => shown?.job_id === job.job_id);
      redraw();
    },
  };
}
