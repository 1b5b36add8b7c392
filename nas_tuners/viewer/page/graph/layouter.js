/** Layouts without blocking the page: by a worker, or in slices where none can be made. */

import { layoutSteps } from "./layout.js";
import { finish, planSteps } from "./plan.js";
import { theWorker } from "./the_worker.js";
import { turn } from "../turn.js";

const SLICE = 8; // milliseconds of work before the page has its turn
const SMALL = 40; // boxes that dagre is given on the main thread

let made = 0;

/** Runs a generator in slices; null if it is no longer wanted. */
export async function inSlices(steps, wanted = () => true, slice = SLICE) {
  for (;;) {
    await turn();
    if (!wanted()) return null;
    const end = performance.now() + slice;
    while (performance.now() < end) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }
}

/** The plan of a model; made once for each. */
const plans = new WeakMap();
export async function planFor(model) {
  if (!plans.has(model)) {
    const small = model.modules.length + model.nodes.length < 1500;
    plans.set(model, small ? finish(planSteps(model)) : inSlices(planSteps(model)));
  }
  return plans.get(model);
}

/**
 * What lays out a plan. Only the last request is answered: `layout` gives null for the others.
 *
 * @returns {{layout: (request: object) => Promise<object|null>, close: () => void}}
 */
export function createLayouter(plan) {
  made += 1;
  const id = made;
  const worker = theWorker();
  const own = worker ? withWorker(worker, id, plan) : onThisThread(plan);
  return own;
}

function withWorker(worker, id, plan) {
  let number = 0;
  let answer = null;
  let local = null;
  const begin = (request, mine) => new Promise((resolve, reject) => {
    answer?.resolve(null);
    answer = { resolve, reject, mine, request };
  });
  const fall = () => {
    // the file could not be loaded, or the browser allows no workers here
    local ??= onThisThread(plan);
    const left = answer;
    answer = null;
    if (left) local.layout(left.request).then(left.resolve, left.reject);
  };
  const listen = ({ data }) => {
    if (data.id !== id || !answer || data.number !== answer.mine) return;
    const { resolve, reject } = answer;
    answer = null;
    if ("problem" in data) reject(new Error(`the graph could not be laid out: ${data.problem}`));
    else resolve(data.layout);
  };
  worker.port.addEventListener("message", listen);
  worker.port.addEventListener("error", fall);
  worker.port.postMessage({ id, plan });
  return {
    layout(request) {
      if (worker.broken) {
        local ??= onThisThread(plan);
        return local.layout(request);
      }
      number += 1;
      const promise = begin(request, number);
      worker.port.postMessage({ id, number, request });
      return promise;
    },
    close() {
      answer?.resolve(null);
      answer = null;
      worker.port.removeEventListener("message", listen);
      worker.port.removeEventListener("error", fall);
      if (!worker.broken) worker.port.postMessage({ id, forget: true });
      local?.close();
    },
  };
}

function onThisThread(plan) {
  const cache = new Map();
  let number = 0;
  return {
    layout(request) {
      number += 1;
      const mine = number;
      const steps = layoutSteps(plan, { ...request, dagre: SMALL }, cache);
      return inSlices(steps, () => mine === number);
    },
    close() {
      number += 1;
    },
  };
}
