/** What who looks may do, for the parts of the page that offer to change something. */

/** @typedef {import("./types.js").Rights} Rights */

/**
 * Take away, or give back, what would be refused to who looks: everything of the class `changes`.
 * @param {Rights} rights
 */
export function showRights(rights) {
  document.documentElement.dataset.may = rights.may_change ? "change" : "look";
}

/** @returns {boolean} whether who looks may do more than look */
export function mayChange() {
  return document.documentElement.dataset.may !== "look";
}
