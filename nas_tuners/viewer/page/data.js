/**
 * Where the page's data come from: the server that serves it, or the page itself if it is one
 * file. Both give the same; only the server tells of changes.
 */

import { own } from "./keyed.js";
import { asTrials } from "./trials/merge.js";

/**
 * @typedef {object} Data
 * @property {boolean} live               whether there is a server
 * @property {() => Promise<object>} runs
 * @property {(run: string) => Promise<object>} graph
 * @property {(run: string) => Promise<object>} log
 * @property {(run: string, index: number) => Promise<object>} record
 * @property {(run: string) => Promise<object>} trials
 * @property {(run: string, number: number) => Promise<object>} trial
 * @property {(run: string, number: number, name: string) => Promise<string>} trialLog
 * @property {(run: string) => Promise<object>} intermediate
 * @property {(run: string) => Promise<object>} importance
 * @property {(run: string, handlers: object) => () => void} follow
 */

/** @returns {Data} */
export function openData(element = document.getElementById("data")) {
  return element ? fromPage(JSON.parse(element.textContent)) : fromServer();
}

function fromServer() {
  const of = (run) => `api/runs/${encodeURIComponent(run)}`;
  return {
    live: true,
    runs: () => read("api/runs"),
    graph: (run) => read(`${of(run)}/graph`),
    log: (run) => read(`${of(run)}/log`),
    record: (run, index) => read(`${of(run)}/log/${index}`),
    trials: async (run) => asTrials(await read(`${of(run)}/trials`)),
    trial: (run, number) => read(`${of(run)}/trials/${number}`),
    trialLog: (run, number, name) => readText(`${of(run)}/trials/${number}/log/${name}`),
    intermediate: (run) => read(`${of(run)}/intermediate`),
    importance: (run) => read(`${of(run)}/importance`),
    follow: (run, handlers) => listen(`${of(run)}/events`, handlers),
  };
}

function fromPage(content) {
  const part = async (name, run) => {
    const found = content[name]?.[run];
    if (found === undefined) throw new Error(`this page holds no ${name} of this run`);
    return found;
  };
  return {
    live: false,
    runs: async () => content.runs,
    graph: (run) => part("graph", run),
    log: (run) => part("log", run),
    record: async (run, index) => recordOf(await part("log", run), index),
    trials: async (run) => asTrials(await part("trials", run)),
    trial: async (run, number) => {
      const found = (await part("trial", run))[number];
      if (!found) throw new Error(`this page holds no more of trial ${number}`);
      return found;
    },
    trialLog: async () => {
      throw new Error("this page holds no logs of trials");
    },
    intermediate: (run) => part("intermediate", run),
    importance: (run) => part("importance", run),
    follow: () => () => {},
  };
}

/**
 * The record of an overview that is nearest to a number.
 *
 * @returns {{index: number, step: number, epoch: number|null, time: number|null, kind: string,
 *   status: object}|null}
 */
export function recordOf(log, at) {
  if (!log || log.index.length === 0) return null;
  const place = nearest(log.index, at ?? log.count - 1);
  const known = Object.entries(log.values).filter(([, rows]) => rows[place]);
  const status = Object.fromEntries(known.map(([key, rows]) => [key, rows[place]]));
  const { index, step, epoch, time, kind } = log;
  return {
    index: index[place], step: step[place], epoch: epoch[place], time: time[place],
    kind: kind[place], status,
  };
}

/** Where in an ascending list the entry is that is nearest to a number. */
export function nearest(ascending, number) {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < number) low = middle + 1;
    else high = middle;
  }
  const before = low - 1;
  const closer = before >= 0 && number - ascending[before] <= ascending[low] - number;
  return closer ? before : low;
}

/**
 * An overview with records that have come since. When there are more than `limit`, half of them
 * go.
 */
export function withRecords(log, more, limit = 2000) {
  const last = log.index.length ? log.index[log.index.length - 1] : -1;
  const from = more.index.findIndex((index) => index > last);
  if (from < 0) return { ...log, count: more.count, problems: more.problems ?? log.problems };
  const added = more.index.length - from;
  const columns = ["index", "step", "epoch", "time", "kind"];
  const joined = { ...log, count: more.count, problems: more.problems ?? log.problems };
  for (const name of columns) joined[name] = [...log[name], ...more[name].slice(from)];
  const keys = new Set([...Object.keys(log.values), ...Object.keys(more.values)]);
  joined.values = Object.fromEntries([...keys].map((key) => {
    const old = own(log.values, key) ?? Array(log.index.length).fill(null);
    const fresh = own(more.values, key)?.slice(from) ?? Array(added).fill(null);
    return [key, [...old, ...fresh]];
  }));
  return joined.index.length > limit ? thinned(joined, limit / 2) : joined;
}

/**
 * The first record of each part of the log, and what the search decided for in the end, unless
 * there is hardly anything else. Parts are powers of two long: those of later times are
 * made of whole ones of now, so that records stay evenly spread, however often this is done.
 */
function thinned(log, most) {
  const last = log.index.length - 1;
  const length = 2 ** Math.ceil(Math.log2(log.count / most));
  const part = (place) => Math.floor(log.index[place] / length);
  const finals = log.kind.filter((kind) => kind === "final").length;
  const keep = (place) => place === 0 || place === last || part(place) !== part(place - 1) ||
    (log.kind[place] === "final" && finals <= most / 2);
  const every = (list) => list.filter((_, place) => keep(place));
  const values = Object.fromEntries(Object.entries(log.values).map(([k, v]) => [k, every(v)]));
  const { index, step, epoch, time, kind } = log;
  return {
    ...log, index: every(index), step: every(step), epoch: every(epoch), time: every(time),
    kind: every(kind), values,
  };
}

async function read(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(await problemOf(response));
  return response.json();
}

async function readText(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(await problemOf(response));
  return response.text();
}

async function problemOf(response) {
  try {
    const { problem } = await response.json();
    if (problem) return problem;
  } catch {
    // no JSON: what is said below has to do
  }
  return `the server answered ${response.status} ${response.statusText}`;
}

const AGAIN = 5000; // milliseconds

/**
 * Follow a stream of events. One that breaks is taken up again by the browser; one that was
 * refused, as by a server that has too many, is asked for again here.
 */
export function listen(path, handlers, { Source = globalThis.EventSource, wait = AGAIN } = {}) {
  let source;
  let timer;
  const open = () => {
    source = new Source(path);
    for (const name of ["graph", "log", "trials", "problem"]) {
      source.addEventListener(name, (event) => handlers[name]?.(JSON.parse(event.data)));
    }
    source.onopen = () => handlers.connected?.(true);
    source.onerror = () => {
      handlers.connected?.(false);
      if (source.readyState === Source.CLOSED) timer = setTimeout(open, wait);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
