/** What the page knows: the board as it was last read, what is chosen on it, and who wants to hear of changes. */

/** @typedef {import("./types.js").Board} Board */
/** @typedef {import("./types.js").Film} Film */
/** @typedef {import("./types.js").FilmName} FilmName */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Rights} Rights */
/** @typedef {import("./types.js").Spending} Spending */
/** @typedef {import("./types.js").Team} Team */
/** @typedef {import("./types.js").Waiting} Waiting */
/** @typedef {{ text: string, status: string, provider: string, verdict: string }} Filter */
/** @typedef {"connecting" | "live" | "lost" | "ended"} Reach */

export const NO_FILTER = Object.freeze({ text: "", status: "all", provider: "all", verdict: "all" });
const WORKING_STATES = new Set(["submitting", "queued", "running", "saving"]);

export class State {
  /** @type {Map<string, JobCard>} newest first */
  jobs = new Map();
  /** @type {Waiting[]} */
  waiting = [];
  /** @type {Spending | null} */
  spending = null;
  /** @type {Rights} */
  rights = { may_change: true, administers: false };
  /** @type {Team | null} for administrators */
  team = null;
  /** @type {string[]} */
  notes = [];
  /** @type {string | null} */
  localUrl = null;
  /** @type {string | null} whose board it is, where there are several teams */
  teamName = null;
  /** @type {string | null} where older jobs go on */
  more = null;
  total = 0;
  /** the server's clock less this one, in milliseconds */
  clockDifference = 0;
  loaded = false;
  /** @type {Reach} */
  reach = "connecting";
  /** @type {string | null} what went wrong at the last reading */
  failure = null;
  /** @type {Filter} */
  filter = { ...NO_FILTER };
  /** @type {string | null} the job that is open */
  openId = null;
  /** @type {FilmName[]} newest change first */
  films = [];
  /** @type {Film | null} the film that is open */
  film = null;
  /** @type {string | null} the film that the person has opened; null: the newest */
  filmId = null;
  /** @type {string | null} the shot of it that is open */
  openShot = null;
  /** @type {string | null} why the films could not be read */
  filmFailure = null;
  /** @type {string[]} the jobs chosen for comparing, at most two */
  compared = [];

  /** @type {(() => void)[]} */
  #listeners = [];
  #told = false;
  /** @type {JobCard[] | null} */
  #shown = null;
  /** @type {Map<string, string[]> | null} */
  #families = null;

  /** @param {() => void} listener is called after changes, once for those that come together */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** Tell of a change. */
  change() {
    this.#shown = null;
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /**
   * Take what the server says of the newest jobs and of everything else; older jobs stay.
   * @param {Board} board
   */
  take(board) {
    const older = [...this.jobs].filter(([id]) => !board.jobs.some((job) => job.job_id === id));
    const first = !this.loaded || older.length === 0;
    this.jobs = new Map([...board.jobs.map((job) => /** @type {const} */ ([job.job_id, job])), ...older]);
    this.waiting = board.waiting;
    this.spending = board.spending;
    this.rights = board.rights ?? this.rights;
    this.notes = board.notes;
    this.localUrl = board.local_url;
    this.teamName = board.team ?? null;
    this.total = Math.max(board.total, this.jobs.size);
    this.clockDifference = Date.parse(board.now) - Date.now() || 0;
    if (first) this.more = board.more;
    this.loaded = true;
    this.failure = null;
    this.#families = null;
    this.change();
  }

  /**
   * Take a page of older jobs.
   * @param {Board} board
   */
  takeOlder(board) {
    for (const job of board.jobs) this.jobs.set(job.job_id, job);
    this.more = board.jobs.length > 0 ? board.more : null;
    this.#families = null;
    this.change();
  }

  /**
   * Take what the server says of films. The answer for a film that was open before is no longer wanted.
   * @param {{ films: FilmName[], film: Film | null }} found
   */
  takeFilms(found) {
    this.films = found.films;
    this.filmFailure = null;
    if (this.filmId === null || found.film?.film_id === this.filmId) this.film = found.film;
    this.change();
  }

  /** @returns {number} milliseconds by the server's clock */
  now() {
    return Date.now() + this.clockDifference;
  }

  /** @returns {JobCard | null} */
  open() {
    return (this.openId && this.jobs.get(this.openId)) || null;
  }

  /** @returns {string | null} the newest job with a video, or else the newest */
  newest() {
    const jobs = [...this.jobs.values()];
    return (jobs.find((job) => job.has_video) ?? jobs[0])?.job_id ?? null;
  }

  /** @returns {JobCard[]} what the filter leaves */
  shown() {
    this.#shown ??= [...this.jobs.values()].filter((job) => fits(job, this.filter));
    return this.#shown;
  }

  /** @returns {boolean} */
  filtered() {
    const { text, status, provider, verdict } = this.filter;
    return text.trim() !== "" || status !== "all" || provider !== "all" || verdict !== "all";
  }

  /**
   * Return all takes of what a job is a take of, the oldest first: variations of one order, and what is based on another.
   * @param {JobCard} job
   * @returns {JobCard[]}
   */
  takes(job) {
    this.#families ??= families(this.jobs);
    const found = this.#families.get(job.job_id) ?? [job.job_id];
    return found.flatMap((id) => this.jobs.get(id) ?? []);
  }

  /**
   * Choose a job for comparing, or no longer; a third one takes the place of the second.
   * @param {string} jobId
   */
  toggleCompared(jobId) {
    this.compared = this.compared.includes(jobId)
      ? this.compared.filter((id) => id !== jobId)
      : [...this.compared.slice(0, 1), jobId];
    this.change();
  }
}

/**
 * Return whether a job goes on by itself.
 * @param {JobCard} job
 */
export function isWorking(job) {
  return WORKING_STATES.has(job.status);
}

/**
 * Return whether a job is one of those that a filter asks for.
 * @param {JobCard} job
 * @param {Filter} filter
 */
export function fits(job, filter) {
  const words = filter.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const told = `${job.prompt} ${job.job_id} ${job.model} ${job.provider}`.toLowerCase();
  return (
    words.every((word) => told.includes(word)) &&
    fitsStatus(job, filter.status) &&
    (filter.provider === "all" || job.provider === filter.provider) &&
    (filter.verdict === "all" || (job.review?.verdict ?? (job.has_video ? "unjudged" : null)) === filter.verdict)
  );
}

/**
 * @param {JobCard} job
 * @param {string} wanted
 */
function fitsStatus(job, wanted) {
  if (wanted === "all") return true;
  if (wanted === "working") return isWorking(job);
  if (wanted === "ready") return job.status === "succeeded";
  return !isWorking(job) && job.status !== "succeeded";
}

/**
 * Return for each job the ids of its family, the oldest first.
 * @param {Map<string, JobCard>} jobs
 */
function families(jobs) {
  /** @type {Map<string, string>} */
  const roots = new Map();
  /** @type {Map<string, string[]>} */
  const members = new Map();
  for (const job of [...jobs.values()].reverse()) {
    const parent = job.lineage?.based_on ?? null;
    const root = (parent && roots.get(parent)) ?? (job.group ? `group ${job.group.id}` : job.job_id);
    roots.set(job.job_id, root);
    const alike = members.get(root);
    if (alike) alike.push(job.job_id);
    else members.set(root, [job.job_id]);
  }
  return new Map([...roots].map(([id, root]) => [id, members.get(root) ?? [id]]));
}
