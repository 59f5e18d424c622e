/** JSON-RPC with the window that the page is framed in: requests, notifications, answers. */

import { Refused, Unreachable } from "./connection.js";

const SECONDS_FOR_AN_ANSWER = 60;
const METHOD_NOT_FOUND = -32601;

/** @typedef {Record<string, any>} Params */
/** @typedef {{ ask: (method: string, params: Params) => Promise<any>, tell: (method: string, params?: Params) => void }} Host */

/**
 * Begin to listen to the host. A method without a handler is refused if it is a request, and ignored otherwise.
 * @param {Record<string, (params: Params) => unknown>} handlers
 * @returns {Host}
 */
export function host(handlers) {
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  const asked = new Map();
  let last = 0;

  /** @param {Params} message */
  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");

  /** @param {Params} message */
  function answered({ id, result, error }) {
    const question = asked.get(id);
    asked.delete(id);
    if (error) question?.reject(new Refused({ code: String(error.code), message: String(error.message) }));
    else question?.resolve(result);
  }

  /** @param {Params} message */
  function called({ id, method, params }) {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : null;
    if (id === undefined) return void handler?.(params ?? {});
    if (handler) post({ id, result: handler(params ?? {}) ?? {} });
    else post({ id, error: { code: METHOD_NOT_FOUND, message: `The board does not know ${method}.` } });
  }

  window.addEventListener("message", (event) => {
    // Compared now, not once before: some hosts wrap both windows anew for each event.
    if (event.source !== window.parent || event.data?.jsonrpc !== "2.0") return;
    if (typeof event.data.method === "string") called(event.data);
    else if ("id" in event.data) answered(event.data);
  });

  return {
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        const late = setTimeout(() => {
          asked.delete(id);
          reject(new Unreachable(`There was no answer to ${method} within ${SECONDS_FOR_AN_ANSWER} s.`));
        }, SECONDS_FOR_AN_ANSWER * 1000);
        asked.set(id, {
          resolve: (result) => (clearTimeout(late), resolve(result)),
          reject: (error) => (clearTimeout(late), reject(error)),
        });
        post({ id, method, params });
      }),
    tell: (method, params = {}) => post({ method, params }),
  };
}

/**
 * Tell the host how large the page is whenever that changes.
 * @param {Host} to
 */
export function tellSizes(to) {
  let told = "";
  const measure = () => {
    const { width, height } = document.body.getBoundingClientRect();
    const size = { width: Math.ceil(width), height: Math.ceil(height) };
    if (JSON.stringify(size) === told) return;
    told = JSON.stringify(size);
    to.tell("ui/notifications/size-changed", size);
  };
  new ResizeObserver(measure).observe(document.body);
  measure();
}
