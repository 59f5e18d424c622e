/** Plays the joined film with its captions; its chapters are a list that seeks. */

import { button, el, refill, setAttribute, setBusy, setSource, setText } from "./elements.js";
import { clock, say } from "./i18n.js";
import { takeTurn } from "./player.js";

/** @typedef {import("./pictures.js").Posters} Posters */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").Joined} Joined */

/** @param {Posters} posters */
export function filmPlayer(posters) {
  /** @type {Joined | null} */
  let shown = null;
  let title = "";
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let poster = "";
  const image = el("img", { alt: "", hidden: true });
  const start = button("play", "", { class: "player-start", onclick: () => play(0) });
  const stage = el("div", { class: "player-stage" }, image, start);
  const told = el("p", { class: "player-told", role: "status" });
  const heading = el("h4", {}, say("chapters"));
  const chapters = el("ol", { class: "chapters", role: "list", "aria-label": say("chapters") });
  const path = el("p", { class: "quiet film-path", dir: "auto" });
  const root = el("div", { class: "film-player", hidden: true }, el("div", { class: "player" }, stage, told), el("div", {}, heading, chapters, path));

  function stop() {
    video?.pause();
    video?.removeAttribute("src");
    video?.remove();
    video = null;
    setAttribute(stage, "data-playing", false);
    setAttribute(start, "hidden", false);
    setText(told, "");
  }

  /** @param {number} from seconds */
  async function play(from) {
    const joined = shown;
    if (!joined?.media) return;
    if (video) return seek(video, from);
    setBusy(start, true);
    const next = el("video", { "aria-label": say("film_of", { title }) }, captionsOf(joined));
    next.controls = true;
    next.playsInline = true;
    next.addEventListener("play", () => takeTurn(next));
    const ready = new Promise((resolve) => {
      next.addEventListener("loadeddata", () => resolve(true), { once: true });
      next.addEventListener("error", () => resolve(false), { once: true });
    });
    setSource(next, joined.media);
    video = next;
    stage.append(next);
    const fine = await ready;
    setBusy(start, false);
    if (video !== next) return;
    if (!fine) {
      stop();
      setText(told, say("cannot_play"));
      return;
    }
    setAttribute(stage, "data-playing", true);
    setAttribute(start, "hidden", true);
    next.focus();
    await seek(next, from);
  }

  return {
    root,
    stop,
    /** @param {Film | null} film */
    update(film) {
      const joined = film?.joined ?? null;
      if (joined?.media !== shown?.media) stop(); // another film, or this one was joined anew
      shown = joined;
      title = film?.title ?? "";
      setAttribute(root, "hidden", !joined);
      if (!film || !joined) return;
      setAttribute(start, "aria-label", say("play_film", { title }));
      setText(path, joined.path ? say("where_path", { path: joined.path }) : "");
      setAttribute(heading, "hidden", joined.chapters.length === 0);
      refill(chapters, JSON.stringify(joined.chapters), () =>
        joined.chapters.map((chapter) =>
          el(
            "li",
            {},
            el("button", { type: "button", class: "bare chapter", onclick: () => play(chapter.start) }, el("span", {}, clock(Math.floor(chapter.start))), el("span", { dir: "auto" }, chapter.title)),
          ),
        ),
      );
      const first = film.shots.flatMap(({ takes }) => takes).find((take) => take.shown && take.job?.has_video)?.job;
      if (!first || first.job_id === poster) return;
      poster = first.job_id;
      image.hidden = true;
      posters.show(image, first, () => poster === first.job_id);
    },
  };
}

/**
 * @param {HTMLVideoElement} video
 * @param {number} seconds
 */
async function seek(video, seconds) {
  video.currentTime = seconds;
  await video.play().catch(() => null); // a browser that wants another click shows the controls for it
}

/** @param {Joined} joined */
function captionsOf(joined) {
  if (!joined.captions) return null;
  const track = el("track");
  track.label = say("captions");
  track.kind = "captions";
  if (joined.language !== "und") track.srclang = joined.language;
  track.default = true;
  setSource(track, joined.captions);
  return track;
}
