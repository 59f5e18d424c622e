/** Light or dark, and the host's colours and type where the page stands in a chat. */

/** @typedef {import("./types.js").Look} Look */

const HOST_VARIABLE = /^--(color|font|border|shadow)-[a-z0-9-]+$/;

/** Follow what the browser prefers, on a page of its own. */
export function followBrowser() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => showTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", show);
  show();
}

/**
 * Follow what a host says.
 * @param {Look} look
 */
export function followHost(look) {
  const root = document.documentElement;
  if (look.theme === "light" || look.theme === "dark") showTheme(look.theme);
  else if (!root.dataset.theme) showTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  for (const [name, value] of Object.entries(look.variables ?? {})) {
    if (HOST_VARIABLE.test(name) && typeof value === "string") root.style.setProperty(name, value);
  }
}

/** @param {"light" | "dark"} theme */
function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
}
