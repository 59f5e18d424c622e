/** Finds in what two takes differ: words of the prompt, settings. */

/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {{ text: string, kind: "same" | "left" | "right" }} Piece */

const MOST_WORDS = 600;

/**
 * Return both texts as one, in pieces that are in both or only in one of them.
 * @param {string} left
 * @param {string} right
 * @returns {Piece[]}
 */
export function compareTexts(left, right) {
  const [one, other] = [wordsIn(left), wordsIn(right)];
  if (left === right || one.length > MOST_WORDS || other.length > MOST_WORDS) {
    return left === right ? [{ text: left, kind: "same" }] : [{ text: left, kind: "left" }, { text: right, kind: "right" }];
  }
  const common = commonLengths(one, other);
  /** @type {Piece[]} */
  const pieces = [];
  /** @type {(text: string, kind: Piece["kind"]) => void} */
  const add = (text, kind) => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ text, kind });
  };
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      add(/** @type {string} */ (one[i++]), "same");
      j++;
    } else if (j >= other.length || (i < one.length && at(common, i + 1, j) >= at(common, i, j + 1))) {
      add(/** @type {string} */ (one[i++]), "left");
    } else add(/** @type {string} */ (other[j++]), "right");
  }
  return pieces;
}

/**
 * Return the settings that two jobs do not share, as [name, left, right]; what a job does not have is undefined.
 * @param {JobCard} left
 * @param {JobCard} right
 * @returns {[string, unknown, unknown][]}
 */
export function compareSettings(left, right) {
  const [one, other] = [allSettings(left), allSettings(right)];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names
    .filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]))
    .map((name) => [name, one[name], other[name]]);
}

/**
 * @param {JobCard} job
 * @returns {Record<string, unknown>}
 */
function allSettings(job) {
  return { provider: job.provider, model: job.model, ...job.settings };
}

/** @param {string} text */
function wordsIn(text) {
  return [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)].map(({ segment }) => segment);
}

/**
 * Return for each pair of places how many words the rest of both has in common.
 * @param {string[]} one
 * @param {string[]} other
 */
function commonLengths(one, other) {
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const row = /** @type {Uint16Array} */ (lengths[i]);
      row[j] = one[i] === other[j] ? at(lengths, i + 1, j + 1) + 1 : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
    }
  }
  return lengths;
}

/**
 * @param {Uint16Array[]} lengths
 * @param {number} i
 * @param {number} j
 */
function at(lengths, i, j) {
  return lengths[i]?.[j] ?? 0;
}
