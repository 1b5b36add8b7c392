/** The one worker of the page, which finds out where things are drawn. */

import { workerUrl } from "./worker_url.js";

let shared = null; // made when it is first needed
let asked = 0;

/**
 * The worker, as `port`; `broken` if its file could not be loaded. Null if that is known already,
 * or if the browser allows none here.
 */
export function theWorker() {
  if (shared === null) {
    try {
      shared = { port: new Worker(workerUrl()), broken: false };
      shared.port.addEventListener("error", () => {
        shared.broken = true;
      });
    } catch {
      shared = { port: null, broken: true };
    }
  }
  return shared.broken ? null : shared;
}

/** Starts the worker, which takes a moment, before there is anything for it to do. */
export function warmUp() {
  theWorker();
}

/**
 * The worker's answer to a single request.
 *
 * @param {object} request   what the worker knows by its name, such as {place: [...]}
 * @returns {Promise<object>}   rejected if there is no worker, or it could not do it
 */
export function ask(request) {
  const worker = theWorker();
  if (!worker) return Promise.reject(new Error("there is no worker"));
  asked += 1;
  const id = `once ${asked}`;
  const { port } = worker;
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      port.removeEventListener("message", listen);
      port.removeEventListener("error", fail);
      settle(value);
    };
    const listen = ({ data }) => {
      if (data.id !== id) return;
      if ("problem" in data) end(reject, new Error(data.problem));
      else end(resolve, data.answer);
    };
    const fail = () => end(reject, new Error("the worker is broken"));
    port.addEventListener("message", listen);
    port.addEventListener("error", fail);
    port.postMessage({ id, ...request });
  });
}
