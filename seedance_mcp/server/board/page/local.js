/** The way to the server that has served the page: the board of this computer, or one to which people sign in. */

import { Ended, Unreachable, pause, refusal } from "./connection.js";

/** @typedef {import("./types.js").Board} Board */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Listener} Listener */
/** @typedef {Record<string, unknown>} Given */

const TOKEN_KEY = "seedance-board-token";
const PAGE_LENGTH = 200;
const LONGEST_PAUSE_SECONDS = 15;
const TABS = "seedance-board";
const SECONDS_FOR_OTHER_TABS = 0.5;

/**
 * Return which server has served the page, by the mark that it made: the one of this computer, or one to which people sign
 * in; null for a page that no server of ours has marked.
 * @returns {"local" | "signed-in" | null}
 */
export function servedBy() {
  const mark = document.querySelector('meta[name="seedance-board"]')?.getAttribute("content");
  return mark === "local" || mark === "signed-in" ? mark : null;
}

/**
 * @param {"local" | "signed-in"} server
 * @returns {Connection}
 */
export function localConnection(server) {
  const signsIn = server === "signed-in"; // a cookie that no script can read says who looks
  const base = signsIn ? "/board" : "";
  let token = "";

  const toSignIn = () => location.replace(`${base}/sign-in`);

  /**
   * @param {string} path
   * @param {unknown} [body] sent as JSON by POST
   * @param {AbortSignal} [signal]
   */
  async function request(path, body, signal) {
    const headers = { "Content-Type": "application/json", ...(signsIn ? {} : { Authorization: `Bearer ${token}` }) };
    const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(base + path, { headers, signal, cache: "no-store", ...post });
    } catch (error) {
      throw new Unreachable(String(error));
    }
    if (answer.status === 401) {
      if (signsIn) toSignIn();
      throw new Ended();
    }
    return answer;
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async function json(path, body) {
    const answer = await request(path, body);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok || told.ok === false) throw refusal(told.error ?? { message: `The server answered ${answer.status}.` });
    return told;
  }

  /**
   * @param {string} filmId
   * @param {string} what
   */
  const filmPath = (filmId, what) => `/api/films/${encodeURIComponent(filmId)}/${what}`;

  /** @type {import("./types.js").Films} */
  const films = {
    list: (filmId) => json(`/api/films${filmId ? `?open=${encodeURIComponent(filmId)}` : ""}`),
    plan: (filmId, wanted) => json(filmPath(filmId, "plan"), wanted),
    make: async ({ film_id: filmId, plan, usd }) => {
      const answer = await request(filmPath(filmId, "make"), { plan, usd });
      const told = await answer.json().catch(() => ({}));
      if (told.plan) return told;
      if (!answer.ok) throw refusal(told.error ?? { message: `The server answered ${answer.status}.` });
      return null;
    },
    choose: async (filmId, shot, take) => void (await json(filmPath(filmId, "choose"), { shot, take })),
    cancel: async (filmId) => (await json(filmPath(filmId, "cancel"), {})).text,
  };

  /** @param {string} path */
  async function picture(path) {
    const answer = await request(path);
    return answer.ok ? asData(await answer.blob()) : null;
  }

  /**
   * Tell of changes for as long as the server sends them.
   * @param {Listener} listener
   */
  async function follow(listener) {
    for (let seconds = 1; ; seconds = Math.min(seconds * 2, LONGEST_PAUSE_SECONDS)) {
      try {
        const { body } = await request("/api/events");
        if (!body) return;
        listener.reach("live");
        listener.changed();
        seconds = 0.5;
        await eachEvent(body, listener.changed);
      } catch (error) {
        if (error instanceof Ended) return listener.reach("ended");
      }
      listener.reach("lost");
      await pause(seconds);
    }
  }

  return {
    place: "local",
    open: async (listener) => {
      if (!signsIn) token = await sessionToken();
      void follow(listener);
    },
    snapshot: (before) => json(`/api/board?limit=${PAGE_LENGTH}${before ? `&before=${encodeURIComponent(before)}` : ""}`),
    call: async (tool, given) => (await json(`/api/tools/${tool}`, given)).content,
    poster: (job) => picture(`/api/jobs/${encodeURIComponent(job.job_id)}/poster`),
    sheet: (job) => picture(`/api/jobs/${encodeURIComponent(job.job_id)}/sheet`),
    ways: (job) => (job.media ? [{ load: async () => /** @type {string} */ (job.media) }] : []),
    buy: async (given, mostUsd, key) => {
      return (await json("/api/buy", { arguments: given, usd: mostUsd, request_key: key })).job.job_id;
    },
    review: async (job, opinion) => {
      await json("/api/review", { job_id: job.job_id, ...opinion });
    },
    answer: async (question, agrees) => {
      await json("/api/answer", { question_id: question.question_id, yes: agrees, usd: question.usd });
    },
    films,
    team: () => json("/api/team"),
    openFolder: signsIn ? null : async (job) => void (await json(`/api/jobs/${encodeURIComponent(job.job_id)}/open-folder`, {})),
    signOut: signsIn ? async () => (await json("/sign-out", {}), toSignIn()) : null,
    openLink: null,
    say: null,
    display: null,
  };
}

/**
 * Return the token of this tab. The code in the address works once: the token for it is kept until the tab is closed.
 * A tab that was opened from a link in a chat has no code, and asks the other tabs of the same board.
 * @returns {Promise<string>}
 */
async function sessionToken() {
  const token = (await exchangedCode()) ?? sessionStorage.getItem(TOKEN_KEY) ?? (await tokenOfOtherTab());
  if (token) sessionStorage.setItem(TOKEN_KEY, token);
  if (token) tellOtherTabs(token);
  return token ?? "";
}

/** @returns {Promise<string | null>} */
async function exchangedCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return null;
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code }),
  }).catch(() => null);
  return answer?.ok ? (await answer.json()).token : null;
}

/** @returns {Promise<string | null>} */
async function tokenOfOtherTab() {
  const channel = new BroadcastChannel(TABS);
  const token = new Promise((resolve) => {
    channel.onmessage = ({ data }) => typeof data?.token === "string" && resolve(data.token);
  });
  channel.postMessage({ asks: true });
  const found = await Promise.race([token, pause(SECONDS_FOR_OTHER_TABS)]);
  channel.close();
  return found ?? null;
}

/** @param {string} token */
function tellOtherTabs(token) {
  const channel = new BroadcastChannel(TABS); // heard by pages of this very origin alone
  channel.onmessage = ({ data }) => data?.asks && channel.postMessage({ token });
}

/**
 * Call back for every event that tells of a change, until the stream ends.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} changed
 */
async function eachEvent(body, changed) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop() ?? "";
    if (lines.some((line) => line.startsWith("event:") && line.includes("changed"))) changed();
  }
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function asData(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
