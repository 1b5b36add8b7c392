/** The one state of the page, and how components follow it. */

import { useLayoutEffect, useReducer, useRef } from "./html.js";
import { own } from "./keyed.js";

/**
 * @typedef {object} State
 * @property {{id: string, title: string, has: object, live: boolean}[]} runs
 * @property {string|null} run             the run that is shown
 * @property {string} view                 the view that is shown
 * @property {object|null} graph           a GraphModel, see graph/model.js
 * @property {string[]} graphProblems
 * @property {object|null} log             the overview of the log, see Log in data.js
 * @property {number|null} at              number of the record that is asked for; null: the last
 * @property {boolean} following           whether the last record is shown as it comes
 * @property {boolean} playing
 * @property {object|null} record          {index, step, epoch, time, kind, status}: what is shown
 * @property {object|null} trials          columns of the trials
 * @property {object|null} architecture    {title, choice: {key: number[]}, source}: shown instead
 * @property {object|number|string|null} selected   a module's number or a key
 * @property {object[]} compare            up to two architectures, as `architecture`
 * @property {string} theme                "auto", "light" or "dark"
 */

/** @returns {State} */
export function initialState() {
  return {
    version: "",
    runs: [],
    run: null,
    view: "",
    graph: null,
    graphProblems: [],
    log: null,
    at: null,
    following: true,
    playing: false,
    record: null,
    trials: null,
    architecture: null,
    selected: null,
    compare: [],
    theme: "auto",
    loading: true,
    problems: [],
  };
}

/** A state that tells those who follow it of changes. */
export function createStore(initial = initialState()) {
  let state = initial;
  const followers = new Set();
  return {
    get: () => state,
    /** Merge a patch, or what a function of the state gives. */
    set(patch) {
      const given = typeof patch === "function" ? patch(state) : patch;
      const changed = Object.keys(given).some((name) => !Object.is(given[name], state[name]));
      if (!changed) return;
      state = { ...state, ...given };
      for (const follower of [...followers]) follower(state);
    },
    /** @returns {() => void} what ends it */
    subscribe(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
  };
}

/**
 * A part of the state; the component is drawn again when it changes.
 *
 * @template T
 * @param {(state: State) => T} select   gives a value that is the same object while it is equal
 * @returns {T}
 */
export function useStore(store, select) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const latest = useRef();
  latest.current = { select, value: select(store.get()) };
  useLayoutEffect(() => {
    const look = () => {
      const value = latest.current.select(store.get());
      if (!Object.is(value, latest.current.value)) redraw();
    };
    look(); // it may have changed between the drawing and now
    return store.subscribe(look);
  }, [store]);
  return latest.current.value;
}

/**
 * How strong each candidate of a key is: in the architecture that is shown, else in the record.
 *
 * @param {State} state
 * @param {string} key
 * @returns {number[]|null}
 */
export function strength(state, key) {
  const { architecture, graph, record } = state;
  if (architecture) {
    const chosen = own(architecture.choice, key);
    const count = own(graph?.choices, key)?.names.length ?? 0;
    if (!chosen) return null;
    return Array.from({ length: count }, (_, index) => (chosen.includes(index) ? 1 : 0));
  }
  return own(record?.status, key) ?? null;
}

/** Index of the largest entry; -1 of an empty list. */
export function strongest(values) {
  let best = -1;
  for (let i = 0; i < values.length; i += 1) {
    if (best < 0 || values[i] > values[best]) best = i;
  }
  return best;
}
