/** What can be done with a video: make another, continue, compare, cancel, find its file, ask for a change. */

import { button, el, setAttribute, setBusy, setText } from "./elements.js";
import { wordsOf } from "./connection.js";
import { money, say } from "./i18n.js";
import { makingPart } from "./making.js";
import { isWorking } from "./state.js";
import { isFree } from "./status.js";

/** @typedef {import("./notices.js").Notices} Notices */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */

/**
 * @param {State} state
 * @param {Connection} connection
 * @param {Notices} notices
 * @param {{ changed: () => void, open: (jobId: string, play: boolean) => void }} actions
 */
export function actionsPart(state, connection, notices, actions) {
  /** @type {JobCard | null} */
  let job = null;
  const again = button("repeat", say("again"), { class: "changes", onclick: () => show("again") });
  const onward = button("next", say("continue"), { class: "changes", onclick: () => show("continue") });
  const compare = button("compare", say("compare"), { class: "actions-compare", onclick: () => job && state.toggleCompared(job.job_id) });
  const copy = button("copy", say("copy_path"), { onclick: () => copyPath() });
  const folder = button("folder", say("open_folder"), { onclick: () => attempt((it) => connection.openFolder?.(it)) });
  const ask = button("question", say("ask_change"), { onclick: () => toggle(change, wish) });
  const cancel = button("close", say("cancel_job"), { class: "changes", onclick: () => toggle(sure, stay) });
  const stay = button(null, say("cancel_no"), { onclick: () => toggle(sure, cancel) });
  const stop = button("close", say("cancel_yes"), { class: "danger", onclick: () => cancelIt() });
  const sure = el("div", { class: "part row", hidden: true }, el("p", {}, say("cancel_sure")), stop, stay);
  const wish = el("textarea", { id: "change-wish", rows: 2, maxlength: 4000 });
  const change = el(
    "div",
    { class: "part", hidden: true },
    el("label", { for: "change-wish" }, say("ask_change_hint")),
    wish,
    el("div", { class: "row" }, button("next", say("send_to_chat"), { onclick: () => sendWish() })),
  );
  /** @type {HTMLButtonElement} */
  let opener = again;
  const making = makingPart(state, connection, notices, {
    made: (jobId) => {
      actions.changed();
      if (jobId) actions.open(jobId, false);
    },
    closed: () => opener.focus(),
  });
  const row = el("div", { class: "actions" }, again, onward, compare, ask, copy, folder, cancel);
  const root = el("div", {}, row, sure, making.root, change);

  /** @param {"again" | "continue"} kind */
  function show(kind) {
    opener = kind === "again" ? again : onward;
    if (job) making.open(job, kind);
  }

  /**
   * @param {HTMLElement} part
   * @param {HTMLElement} focus
   */
  function toggle(part, focus) {
    part.hidden = !part.hidden;
    focus.focus();
  }

  /** @param {(job: JobCard) => Promise<unknown> | undefined} act */
  async function attempt(act) {
    if (!job) return false;
    try {
      await act(job);
      return true;
    } catch (error) {
      notices.problem(wordsOf(error));
      return false;
    }
  }

  async function cancelIt() {
    setBusy(stop, true);
    const done = await attempt((it) => connection.call("cancel_job", { job_id: it.job_id }));
    setBusy(stop, false);
    sure.hidden = true;
    cancel.focus();
    if (done) notices.say(say("cancelled"));
    actions.changed();
  }

  async function copyPath() {
    const path = job?.video_path;
    if (!path) return;
    try {
      await navigator.clipboard.writeText(path);
      notices.say(say("copied", { text: path }));
    } catch {
      notices.problem(say("not_copied", { path })); // a frame may not write the clipboard: then the path can be marked
    }
  }

  async function sendWish() {
    const text = wish.value.trim();
    if (!text) return wish.focus();
    const sent = await attempt((it) => connection.say?.(say("change_message", { job: it.job_id, text })));
    if (!sent) return;
    notices.say(say("sent_to_chat"));
    wish.value = "";
    change.hidden = true;
    ask.focus();
  }

  return {
    root,
    /** @param {JobCard | null} now */
    update(now) {
      if (now?.job_id !== job?.job_id) {
        making.close();
        sure.hidden = change.hidden = true;
      }
      job = now;
      if (!now) return;
      const price = now.price_again_usd;
      setText(/** @type {Element} */ (again.lastElementChild), price === null ? say("again") : isFree(price) ? say("again_free") : say("again_price", { price: money(price) }));
      setAttribute(again, "hidden", isWorking(now));
      setAttribute(onward, "hidden", !now.has_video);
      setAttribute(compare, "hidden", !now.has_video);
      setAttribute(compare, "aria-pressed", String(state.compared.includes(now.job_id)));
      setAttribute(copy, "hidden", !now.video_path);
      setAttribute(folder, "hidden", !now.has_video || !connection.openFolder);
      setAttribute(ask, "hidden", !connection.say);
      setAttribute(cancel, "hidden", !isWorking(now) || now.stopping);
      if (!isWorking(now)) sure.hidden = true;
    },
  };
}
