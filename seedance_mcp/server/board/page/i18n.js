/** Says things in the language of the page: texts, amounts, times. */

import { CHINESE, ENGLISH } from "./texts.js";

/** @typedef {keyof typeof ENGLISH} Text */
/** @typedef {"en" | "zh"} Language */

const LANGUAGES = { en: ENGLISH, zh: CHINESE };
const TAGS = { en: "en", zh: "zh-Hans" };

/** @type {Language} */
let spoken = "en";
/** @type {Map<string, unknown>} made once for each language: to make one takes longer than to use it a hundred times */
const formats = new Map();

/** @returns {Language} */
export function language() {
  return spoken;
}

/** @param {Language} wanted */
export function speak(wanted) {
  spoken = wanted;
  document.documentElement.lang = TAGS[wanted];
}

/**
 * Return the language that suits a tag such as `zh-CN`; English for all but Chinese.
 * @param {string | undefined} tag
 * @returns {Language}
 */
export function languageFor(tag) {
  return /^zh\b/i.test(tag ?? "") ? "zh" : "en";
}

/**
 * Return a text with its values filled in.
 * @param {Text} key
 * @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  return LANGUAGES[spoken][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Return the text for a number of things.
 * @param {"count" | "waiting" | "notes" | "films"} key
 * @param {number} n
 * @param {Record<string, string | number>} [values]
 */
export function sayCount(key, n, values = {}) {
  return say(n === 1 ? `${key}_one` : `${key}_other`, { n: number(n), ...values });
}

/**
 * Return the text for a word of the server, such as a state or the name of a setting; the word itself if there is none.
 * @param {"status" | "setting" | "score" | "quality" | "film_status" | "shot_state" | "answer"} kind
 * @param {string} word
 */
export function sayWord(kind, word) {
  const key = `${kind}_${word}`;
  return key in ENGLISH ? say(/** @type {Text} */ (key)) : word;
}

/**
 * Write an amount of US dollars, given as a decimal string, as the server writes it in questions: two decimals, below 1
 * four where two would hide what there is; rounded up, so that nothing costs more than was said.
 * @param {string | null} usd
 */
export function money(usd) {
  return dollars(usd, true);
}

/**
 * Write what is left to be spent as `money` does, rounded down: never more than there is.
 * @param {string | null} usd
 */
export function moneyLeft(usd) {
  return dollars(usd, false);
}

/**
 * Return whether one decimal string is more than another; false if either is unknown.
 * @param {string | null} one
 * @param {string | null} other
 */
export function isMore(one, other) {
  return one !== null && other !== null && Number(one) > Number(other);
}

/**
 * Write a number of seconds as a length of time in its largest unit.
 * @param {number} seconds
 */
export function lengthOfTime(seconds) {
  const [value, unit] = largestUnit(Math.max(seconds, 1));
  return format(unit, () => new Intl.NumberFormat(spoken, { style: "unit", unit, unitDisplay: "short" })).format(value);
}

/**
 * Write how long ago a moment was.
 * @param {string} moment ISO 8601
 * @param {number} now milliseconds
 */
export function ago(moment, now) {
  const seconds = (now - Date.parse(moment)) / 1000;
  if (!(seconds >= 45)) return say("just_now");
  const [value, unit] = largestUnit(seconds);
  return format("ago", () => new Intl.RelativeTimeFormat(spoken, { style: "short" })).format(-value, unit);
}

/**
 * Write a moment in full.
 * @param {string} moment
 */
export function inFull(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return moment;
  return format("in full", () => new Intl.DateTimeFormat(spoken, { dateStyle: "medium", timeStyle: "short" })).format(date);
}

/**
 * Write a length of a video, as 0:05.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * Write a whole number.
 * @param {number} n
 */
export function number(n) {
  return format("number", () => new Intl.NumberFormat(spoken)).format(n);
}

/**
 * Digit by digit: a floating-point number would not be the amount that was given.
 * @param {string | null} usd
 * @param {boolean} up
 */
function dollars(usd, up) {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(usd ?? "");
  if (!found) return say("unknown_price");
  const [, sign = "", whole = "", fraction = ""] = found;
  const exact = !/[1-9]/.test(fraction.slice(2));
  const places = exact || (!sign && BigInt(whole) >= 1n) ? 2 : 4;
  const cut = BigInt(whole + fraction.slice(0, places).padEnd(places, "0"));
  const more = /[1-9]/.test(fraction.slice(places)) && up === !sign;
  const units = String(more ? cut + 1n : cut).padStart(places + 1, "0");
  return `${sign}${units.slice(0, -places)}.${units.slice(-places)} USD`;
}

/**
 * @template F
 * @param {string} name
 * @param {() => F} make
 * @returns {F}
 */
function format(name, make) {
  const key = `${spoken} ${name}`;
  if (!formats.has(key)) formats.set(key, make());
  return /** @type {F} */ (formats.get(key));
}

/**
 * @param {number} seconds
 * @returns {[number, "second" | "minute" | "hour" | "day"]}
 */
function largestUnit(seconds) {
  if (seconds < 60) return [Math.round(seconds), "second"];
  if (seconds < 3600) return [Math.round(seconds / 60), "minute"];
  if (seconds < 86400) return [Math.round(seconds / 3600), "hour"];
  return [Math.round(seconds / 86400), "day"];
}
