/** The way to the server through the chat's client, in which the page is framed (MCP Apps, 2026-01-26). */

import { Refused, Unreachable, pause, refusal } from "./connection.js";
import { host, tellSizes } from "./host_messages.js";

/** @typedef {import("./types.js").Board} Board */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").JobCard} JobCard */
/** @typedef {import("./types.js").Listener} Listener */
/** @typedef {import("./types.js").Look} Look */
/** @typedef {import("./types.js").Way} Way */
/** @typedef {Record<string, any>} Found */

const PROTOCOL = "2026-01-26";
const PIECE_BYTES = 384 * 1024; // a multiple of 3, so that pieces of base64 join without being decoded
const LARGEST_VIDEO_BYTES = 8 * 1024 * 1024;
const PIECES_AT_ONCE = 3;
const SECONDS_BETWEEN_LOOKS = 5;
const SECONDS_WHILE_WORKING = 2;
const SECONDS_LEFT_TO_PLAY = 30;
const WORKING = ["submitting", "queued", "running", "saving"];

/**
 * Open the way; the page has to be framed by a host.
 * @returns {Promise<Connection>}
 */
export async function appConnection() {
  /** @type {Listener | null} */
  let listener = null;
  /** @type {Found} */
  let shown = {};
  /** @type {Map<string, string>} */
  const pictures = new Map();
  /** @type {Board | null} */
  let board = null;
  /** @type {Look} */
  const look = {};
  const ended = new AbortController();

  const bridge = host({
    "ui/notifications/tool-result": (params) => {
      shown = params;
      const [job] = jobsIn(params);
      if (!job) return;
      const picture = (params.content ?? []).find((/** @type {Found} */ block) => block.type === "image");
      if (picture) pictures.set(job.job_id, `data:${picture.mimeType};base64,${picture.data}`);
      listener?.focus(job.job_id);
      listener?.changed();
    },
    "ui/notifications/host-context-changed": (context) => {
      Object.assign(look, lookOf(context));
      listener?.look(look);
    },
    "ui/resource-teardown": () => ended.abort(),
    ping: () => ({}),
  });
  const { hostCapabilities: can = {}, hostContext = {} } = await bridge.ask("ui/initialize", {
    protocolVersion: PROTOCOL,
    appInfo: { name: "seedance-board", version: "1" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
  });
  Object.assign(look, lookOf(hostContext));

  /** @param {string} uri */
  async function read(uri) {
    const { contents } = await bridge.ask("resources/read", { uri });
    return contents?.[0] ?? {};
  }

  /**
   * @param {string} tool
   * @param {Found} given
   */
  async function call(tool, given) {
    if (!can.serverTools) throw new Unreachable("This chat does not let the board call tools.");
    const answer = await bridge.ask("tools/call", { name: tool, arguments: given });
    if (answer.isError) throw refusal(answer._meta?.["seedance/error"] ?? { message: textIn(answer) });
    return answer.structuredContent ?? {};
  }

  /** @param {string | null} before */
  async function snapshot(before) {
    if (can.serverResources) {
      const found = /** @type {Board} */ (JSON.parse((await read(`seedance://board${before ? `/${before}` : ""}`)).text));
      if (before) return found;
      // What the chat is about may be older than the newest that the board tells of.
      const known = new Set(found.jobs.map((job) => job.job_id));
      found.jobs.push(...boardOf(shown).jobs.filter((job) => !known.has(job.job_id)));
      board = found;
      return found;
    }
    return boardOf(shown);
  }

  /**
   * @param {string} uri
   * @param {string} jobId
   */
  async function picture(uri, jobId) {
    if (!can.serverResources) return pictures.get(jobId) ?? null;
    const { blob, mimeType } = await read(uri).catch(() => ({}));
    return blob ? `data:${mimeType ?? "image/jpeg"};base64,${blob}` : (pictures.get(jobId) ?? null);
  }

  async function follow() {
    while (!ended.signal.aborted) {
      const working = board?.jobs.some((job) => WORKING.includes(job.status));
      await pause(working ? SECONDS_WHILE_WORKING : SECONDS_BETWEEN_LOOKS, ended.signal);
      if (!document.hidden && !ended.signal.aborted) listener?.changed();
    }
  }

  return {
    place: "app",
    open: async (to) => {
      listener = to;
      to.look(look);
      // Hosts keep the frame hidden until they hear this, so it is sent before the first answer of the server.
      bridge.tell("ui/notifications/initialized");
      tellSizes(bridge);
      const [job] = jobsIn(shown);
      if (job) to.focus(job.job_id);
      to.changed();
      if (can.serverResources) void follow();
    },
    snapshot,
    call,
    poster: (job) => picture(`seedance://jobs/${job.job_id}/poster`, job.job_id),
    sheet: (job) => picture(`seedance://jobs/${job.job_id}/contact-sheet`, job.job_id),
    ways: (job) => [
      ...addresses(job),
      ...(can.serverResources && job.bytes && job.bytes <= LARGEST_VIDEO_BYTES ? [pieces(job, read)] : []),
    ],
    // A click in a chat could come from the model as well: limits and confirmations hold for it as for every call.
    buy: async (given, mostUsd, key) => {
      return (await call("generate_video", { ...given, max_usd: mostUsd, request_key: key, wait_seconds: 0 })).job_id ?? null;
    },
    review: async (job, opinion) => {
      await call("review", { job_id: job.job_id, ...opinion, by: "person" });
    },
    answer: null,
    films: null,
    openFolder: null,
    signOut: null,
    openLink: can.openLinks ? async (url) => !(await bridge.ask("ui/open-link", { url })).isError : null,
    say: can.message
      ? async (text) => {
          const answer = await bridge.ask("ui/message", { role: "user", content: [{ type: "text", text }] });
          if (answer?.isError) throw new Refused({ message: "The chat did not take the message." });
        }
      : null,
    display: (hostContext.availableDisplayModes ?? []).includes("fullscreen")
      ? async (mode) => {
          const answer = await bridge.ask("ui/request-display-mode", { mode });
          look.mode = answer?.mode ?? look.mode;
          listener?.look(look);
        }
      : null,
  };
}

/**
 * The provider's own address of a video, if it is one that a host may have allowed and that goes on for a while.
 * @param {JobCard} job
 * @returns {Way[]}
 */
function addresses(job) {
  const url = job.video_url;
  const until = job.url_expires_at ? Date.parse(job.url_expires_at) : Infinity;
  if (!url?.startsWith("https://") || until < Date.now() + SECONDS_LEFT_TO_PLAY * 1000) return [];
  return [{ load: async () => url }];
}

/**
 * The video in pieces, read as a resource each.
 * @param {JobCard} job
 * @param {(uri: string) => Promise<Found>} read
 * @returns {Way}
 */
function pieces(job, read) {
  return {
    load: async (progress) => {
      const count = Math.ceil(/** @type {number} */ (job.bytes) / PIECE_BYTES);
      /** @type {string[]} */
      const found = new Array(count);
      let next = 0;
      let done = 0;
      const worker = async () => {
        while (next < count) {
          const number = next++;
          const { blob } = await read(`seedance://jobs/${job.job_id}/video/${number}`);
          if (typeof blob !== "string") throw new Refused({ message: `Piece ${number} of the video is missing.` });
          found[number] = blob;
          progress(++done / count);
        }
      };
      await Promise.all(Array.from({ length: PIECES_AT_ONCE }, worker));
      return `data:video/mp4;base64,${found.join("")}`;
    },
  };
}

/**
 * @param {Found} context
 * @returns {Look}
 */
function lookOf(context) {
  /** @type {Found} */
  const look = {
    theme: context.theme,
    locale: context.locale,
    mode: context.displayMode,
    variables: context.styles?.variables,
  };
  return Object.fromEntries(Object.entries(look).filter(([, value]) => value !== undefined));
}

/**
 * Return the jobs that a tool's result is about, as the tool tells of them.
 * @param {Found} result
 * @returns {Found[]}
 */
function jobsIn(result) {
  const content = result.structuredContent ?? {};
  return content.job_id ? [content] : Array.isArray(content.jobs) ? content.jobs : [];
}

/**
 * Make a board of a tool's result, for hosts that let the page read nothing.
 * @param {Found} result
 * @returns {Board}
 */
function boardOf(result) {
  const budget = result.structuredContent?.budget ?? {};
  const jobs = jobsIn(result).map((job) => ({
    ...job,
    stopping: false,
    prompt_characters: job.prompt?.length ?? 0,
    has_video: job.status === "succeeded",
    bytes: null,
    lineage: null,
    settings: {},
    price_again_usd: null,
  }));
  return {
    now: new Date().toISOString(),
    version: "",
    jobs: /** @type {JobCard[]} */ (/** @type {unknown} */ (jobs)),
    more: null,
    total: jobs.length,
    waiting: [],
    spending: {
      caps: { per_job_usd: budget.max_per_job_usd ?? null, per_day_usd: null, jobs_per_hour: null },
      spent_today_usd: budget.spent_today_usd ?? "0",
      reserved_usd: budget.reserved_usd ?? "0",
      left_today_usd: budget.left_today_usd ?? "0",
      providers: [],
    },
    notes: [],
    local_url: result._meta?.["seedance/board"]?.url ?? null,
  };
}

/** @param {Found} answer */
function textIn(answer) {
  return (answer.content ?? []).map((/** @type {Found} */ block) => block.text ?? "").join("\n");
}
