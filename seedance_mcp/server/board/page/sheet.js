/** The contact sheet of a video, fetched when the person opens it. */

import { el, setAttribute, setSource, setText } from "./elements.js";
import { say } from "./i18n.js";

/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */

/** @param {Connection} connection */
export function sheetPart(connection) {
  /** @type {JobCard | null} */
  let job = null;
  /** @type {string | null} */
  let asked = null;
  const image = el("img", { alt: say("sheet_alt"), hidden: true });
  const told = el("p", { class: "quiet", role: "status" });
  const root = el("details", { class: "part sheet", ontoggle: () => load() }, el("summary", {}, say("sheet")), image, told);

  async function load() {
    const wanted = job;
    if (!root.open || !wanted?.has_video || asked === wanted.job_id) return;
    asked = wanted.job_id;
    image.hidden = true;
    setText(told, "");
    const address = await connection.sheet(wanted).catch(() => null);
    if (asked !== wanted.job_id) return;
    if (address) setSource(image, address);
    else asked = null;
    image.hidden = !address;
    setText(told, address ? "" : say("sheet_missing"));
  }

  return {
    root,
    /** @param {JobCard | null} now */
    update(now) {
      if (now?.job_id !== job?.job_id) {
        image.hidden = true;
        asked = null;
      }
      job = now;
      setAttribute(root, "hidden", !now?.has_video);
      void load();
    },
  };
}
