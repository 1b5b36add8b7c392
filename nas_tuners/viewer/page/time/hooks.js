/** What components here share: colors of the theme, sizes, and what was made of the log. */

import { useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { themeColors } from "../colors.js";
import { countedPlaces, keySeries, meanEntropy, summary } from "./settling.js";
import { inSlices, soon } from "./slices.js";

const BETWEEN = 150; // milliseconds between what is shown of a first look that takes long

/** False at first, true when the page has been drawn: for what may come a little later. */
export function useLater() {
  const [is, set] = useState(false);
  useEffect(() => {
    let gone = false;
    soon(() => gone || set(true));
    return () => {
      gone = true;
    };
  }, []);
  return is;
}

/** The colors of the present theme; the component is drawn again when it changes. */
export function useThemeColors() {
  const [colors, set] = useState(() => themeColors());
  useEffect(() => {
    const renew = () => set((old) => {
      const colors = themeColors();
      return Object.keys(colors).every((name) => colors[name] === old[name]) ? old : colors;
    });
    const watcher = new MutationObserver(renew);
    watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", renew);
    renew();
    return () => {
      watcher.disconnect();
      system.removeEventListener("change", renew);
    };
  }, []);
  return colors;
}

/** [ref, {width, height}] of an element, as it changes; zeros at first. */
export function useSize() {
  const ref = useRef(null);
  const [size, set] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const renew = () => {
      const { clientWidth: width, clientHeight: height } = ref.current;
      set((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    const watcher = new ResizeObserver(renew);
    watcher.observe(ref.current);
    renew();
    return () => watcher.disconnect();
  }, []);
  return [ref, size];
}

/**
 * @typedef {object} Analysis
 * @property {object} log             the overview that it is of
 * @property {Map<string, object>} series   a Series a key; not all keys at first
 * @property {Float32Array} mean      entropy of all keys, one a record
 * @property {object} summary
 *
 * What there is to know of a log's keys. The first is filled piece by piece; later ones take its
 * place when they are whole, so that nothing flickers.
 *
 * @returns {Analysis|null}
 */
export function useAnalysis(log, graph, window) {
  const [analysis, set] = useState(null);
  const work = useRef({ wanted: null, busy: false });
  useLayoutEffect(() => {
    const state = work.current;
    state.wanted = log && { log, graph, window };
    if (state.busy) return;
    state.busy = true;
    soon(() => next(state, set, analysis === null)); // not in the task that draws the page
  }, [log, graph, window]);
  useEffect(() => () => {
    work.current.wanted = null;
    work.current.cancel?.();
  }, []);
  return analysis;
}

/** A log that grows faster than it is looked through is looked through as it then is. */
function next(state, set, first) {
  state.busy = state.wanted !== null;
  if (!state.busy) return;
  const { log, graph, window } = state.wanted;
  state.wanted = null;
  const series = new Map();
  const counted = countedPlaces(log);
  const publish = () => set(whole(log, series));
  let shown = -Infinity;
  state.cancel = inSlices(Object.keys(log.values), (key) => {
    series.set(key, keySeries(log, key, { ...aboutKey(graph, key), window, counted }));
  }, {
    pause() {
      if (!first || performance.now() < shown + BETWEEN) return;
      publish();
      shown = performance.now();
    },
    done: () => {
      publish();
      next(state, set, false);
    },
  });
}

function whole(log, series) {
  const all = [...series.values()];
  return {
    log, series: new Map(series), mean: meanEntropy(all, log.index.length), summary: summary(all),
  };
}

/** What the graph says of a key: names of its candidates, and how many are chosen. */
export function aboutKey(graph, key) {
  if (!graph || !Object.hasOwn(graph.choices, key)) return { names: [], chosen: undefined };
  const { names, n_chosen: chosen } = graph.choices[key];
  return { names: names ?? [], chosen };
}
