/** Makes and changes elements: text is only ever set as text, and attributes are those of a list. */

const ALLOWED_ATTRIBUTES = new Set([
  "alt", "class", "datetime", "dir", "disabled", "for", "height", "hidden", "id", "inert", "lang", "max", "maxlength", "min",
  "name", "open", "placeholder", "role", "rows", "spellcheck", "tabindex", "title", "type", "value", "width",
]);
const ICON_PATHS = {
  amber: "M8 1.8 15 14H1zM8 6.2v3.6M8 11.6v.6",
  bad: "m4 4 8 8M12 4l-8 8",
  check: "m3 8.5 3.4 3.4L13 4.6",
  close: "m4 4 8 8M12 4l-8 8",
  clock: "M8 4.4V8l2.4 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  compare: "M2 3.5h5v9H2zM9 3.5h5v9H9z",
  copy: "M5.5 5.5h8v8h-8zM10.5 3V2.5h-8v8H3",
  expand: "M9.5 2.5h4v4M6.5 13.5h-4v-4M13.5 2.5l-4.5 4.5M2.5 13.5 7 9",
  folder: "M2 4.2h4.2L7.6 6H14v6.8H2z",
  next: "M3 8h9M8.5 4.5 12 8l-3.5 3.5",
  play: "M5 3.2 12.5 8 5 12.8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  question: "M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.900-1.1 1.7M8 11.8v.4",
  repeat: "M3 8a5 5 0 0 1 8.6-3.5L13 6M13 2.8V6H9.8M13 8a5 5 0 0 1-8.6 3.5L3 10M3 13.2V10h3.2",
  running: "M8 2a6 6 0 1 1-6 6",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.3h10",
  usable: "M3.5 8h9",
};
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Value */

/**
 * Make an element. Attributes that are false or null are left out; functions (`onclick`) become listeners.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Value>} [attributes]
 * @param {...Child} children text or nodes
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...given(children));
  return element;
}

/**
 * Set or take away one attribute; nothing happens if it is so already. Throws for attributes that are not of the list.
 * @param {Element} element
 * @param {string} name
 * @param {Exclude<Value, Function>} value
 */
export function setAttribute(element, name, value) {
  if (!ALLOWED_ATTRIBUTES.has(name) && !/^(aria|data)-[a-z-]+$/.test(name)) throw new Error(`attribute ${name}`);
  if (value === false || value === null || value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Set the text of an element, if it is another one.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Show a text that the server or a provider wrote, which is English or whatever the person wrote.
 * @param {Element} element
 * @param {string} text
 */
export function setForeign(element, text) {
  setText(element, text);
  setAttribute(element, "dir", "auto");
}

/**
 * Give a picture, a video or its captions their source. Only pictures and videos as data, videos of the page's own server
 * or of https addresses, and captions of the page's own server are taken.
 * @param {HTMLImageElement | HTMLVideoElement | HTMLTrackElement} element
 * @param {string} address
 */
export function setSource(element, address) {
  const allowed =
    element instanceof HTMLImageElement
      ? /^data:image\/(jpeg|png|webp);base64,/
      : element instanceof HTMLTrackElement
        ? /^(\/board)?\/media\//
        : /^(data:video\/mp4;base64,|https:\/\/|(\/board)?\/media\/)/;
  if (!allowed.test(address)) throw new Error("This is no address of a picture or a video.");
  if (element.getAttribute("src") !== address) element.setAttribute("src", address);
}

/**
 * Draw a sign. It says nothing to screen readers: words stand beside it.
 * @param {keyof typeof ICON_PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  path.setAttribute("d", ICON_PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Make a button with a sign and words. While it is busy it keeps the focus, which `disabled` would take away.
 * @param {keyof typeof ICON_PATHS | null} sign
 * @param {string} words
 * @param {Record<string, Value>} attributes
 */
export function button(sign, words, { onclick, ...attributes }) {
  const click = (/** @type {Event} */ event) => {
    if (made.getAttribute("aria-disabled") !== "true" && typeof onclick === "function") onclick(event);
  };
  const made = el("button", { type: "button", ...attributes, onclick: click }, sign && icon(sign), el("span", {}, words));
  return made;
}

/**
 * Let a button of `button` do nothing, or do what it does again.
 * @param {HTMLButtonElement} made
 * @param {boolean} busy
 */
export function setBusy(made, busy) {
  setAttribute(made, "aria-disabled", busy ? "true" : null);
}

/**
 * Put other children into an element only if the key says that they are others: what has focus or plays is left alone.
 * @param {HTMLElement} element
 * @param {string} key
 * @param {() => Child[]} make
 */
export function refill(element, key, make) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...given(make()));
}

/**
 * Keep one child for each item, in the order of the items; children of items that stay are kept as they are.
 * @template I
 * @template {{ root: HTMLElement }} C
 * @param {HTMLElement} parent
 * @param {Map<string, C>} kept
 * @param {I[]} items
 * @param {(item: I) => string} key
 * @param {(item: I) => C} make
 */
export function keep(parent, kept, items, key, make) {
  const wanted = new Set(items.map(key));
  for (const [name, child] of kept) {
    if (wanted.has(name)) continue;
    child.root.remove();
    kept.delete(name);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const child = kept.get(name) ?? make(item);
    kept.set(name, child);
    if (child.root === place) place = place.nextElementSibling;
    else parent.insertBefore(child.root, place);
  }
}

/** @param {Child[]} children */
function given(children) {
  return children.filter((child) => child !== null && child !== undefined && child !== false);
}
