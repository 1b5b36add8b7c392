/** What each choice came to: weights of candidates over time, and when they came to rest. */

import { html, useEffect, useMemo } from "../html.js";
import { later } from "../later.js";
import { plain } from "../format.js";
import { createStore, useStore } from "../store.js";
import { nearest } from "../data.js";
import { niceTop } from "../time/axis.js";
import { HeatMap } from "../time/heatmap.js";
import { momentOf } from "../time/heatrows.js";
import { aboutKey, useAnalysis, useThemeColors } from "../time/hooks.js";
import { movedTo, numberShown } from "../time/moves.js";
import { scale } from "../colors.js";
import { Readout } from "../time/readout.js";
import { rowsOf } from "../time/rows.js";
import { ENOUGH, isTold } from "../time/settling.js";

/** Its lines are drawn in a task of their own, after the map. */
const Panel = later(async () => (await import("../time/panel.js")).Panel);

const WINDOWS = [20, 50, 100];
const FIRST = {
  filter: "", by: "", down: false, closed: new Set(), window: WINDOWS[0], whole: false,
  tall: false,
};

export function ChoicesView({ store, data }) {
  const log = useStore(store, (state) => state.log);
  const graph = useStore(store, (state) => state.graph);
  const kept = useStore(store, (state) => state.choices);
  const wanted = useMemo(() => ({ ...FIRST, ...kept }), [kept]);
  const selected = useStore(store, (state) => state.selected);
  const theme = useThemeColors();
  const sampled = useMemo(() => log?.kind.includes("sample") ?? false, [log]);
  const window = sampled ? wanted.window : 0;
  const analysis = useAnalysis(log, graph, window);
  const names = useMemo(() => namer(graph), [graph]);
  const rows = useMemo(() => (analysis
    ? rowsOf(Object.keys(analysis.log.values), analysis.series, { ...wanted, names })
    : []), [analysis, wanted, names]);
  const top = useMemo(() => topOf(analysis, wanted.whole), [analysis, wanted.whole]);
  const look = useMemo(() => ({ top, tall: wanted.tall, theme }), [top, wanted.tall, theme]);
  const pointer = useMemo(() => createStore({ found: null }), []);
  const actions = useMemo(() => actionsOn(store, data, pointer), [store, data, pointer]);
  useEffect(() => () => pointer.set({ found: null }), [pointer]);
  if (!log) return html`<p class="empty" role="status">Reading the log …</p>`;
  if (!analysis) return html`<div class="over"></div>`;
  if (!Object.keys(log.values).length) {
    return html`<p class="empty">No record of this log says anything of a choice yet.</p>`;
  }
  const name = Object.hasOwn(log.values, selected ?? "") ? selected : (rows[0]?.key ?? null);
  return html`
    <div class="over">
      <div class="over-top">
        <${Summary} analysis=${analysis} />
        <${Legend} top=${top} />
        <${Tools} wanted=${wanted} change=${actions.change} sampled=${sampled}
          keys=${Object.keys(log.values)} />
      </div>
      <div class="over-heat">
        ${!rows.length && html`<p class="empty" role="status">No choice or candidate is named
          like “${wanted.filter}”.</p>`}
        <${HeatMap} store=${store} analysis=${analysis} rows=${rows} names=${names} look=${look}
          sorting=${wanted} actions=${actions} closed=${wanted.closed} />
        <${Readout} store=${store} pointer=${pointer} analysis=${analysis} names=${names}
          window=${window} />
      </div>
      <${Panel} store=${store} analysis=${analysis} name=${name} theme=${theme}
        names=${name === null ? [] : names(name)} moveTo=${actions.moveTo}
        has=${name !== null && aboutKey(graph, name).chosen !== undefined} />
    </div>
  `;
}

/** Names of a key's candidates; the same list each time. */
function namer(graph) {
  const none = [];
  return (key) => (graph && Object.hasOwn(graph.choices, key) ? graph.choices[key].names : none);
}

function actionsOn(store, data, pointer) {
  const change = (patch) => {
    store.set(({ choices }) => ({ choices: { ...choices, ...patch } }));
    return true;
  };
  const settings = () => ({ ...FIRST, ...store.get().choices });
  const moveTo = (number) => {
    store.set({ ...movedTo(store.get().log, number, data.live), playing: false });
    return true;
  };
  return {
    change,
    moveTo,
    sort(by) {
      const { by: old, down } = settings();
      // Once up, once down, then as the search space has them.
      if (old !== by) return change({ by, down: false });
      return change(down ? { by: "", down: false } : { down: true });
    },
    toggle(key) {
      const closed = new Set(settings().closed);
      if (!closed.delete(key)) closed.add(key);
      return change({ closed });
    },
    select(key) {
      store.set({ selected: key });
      return true;
    },
    /** To the next record of the overview. */
    moveBy(by) {
      const { log } = store.get();
      const place = nearest(log.index, numberShown(store.get())) + by;
      return moveTo(log.index[Math.min(log.index.length - 1, Math.max(0, place))]);
    },
    point: (found) => pointer.set({ found }),
  };
}

/** The value of the strongest color: 1, or not much above the largest value. */
function topOf(analysis, whole) {
  if (!analysis) return 1;
  const told = [...analysis.series.values()].filter(({ state }) => isTold(state));
  const most = told.reduce((largest, series) => Math.max(largest, series.most), 0);
  return whole && most <= 1 ? 1 : niceTop(most);
}

/** "23 of 28 choices have settled; mean entropy 0.41; last change at epoch 44". */
function Summary({ analysis }) {
  const { settled, few, told, left, entropy, last } = analysis.summary;
  return html`
    <p class="over-summary" role="status">
      <strong>${settled} of ${told}</strong> choices ${settled === 1 ? "has" : "have"} settled
      ${few > 0 && html`<span class="faint"
        title=${`Fewer than ${ENOUGH} records do not tell whether a choice settled`}>
        ${`; ${few} ${few === 1 ? "has" : "have"} too few records to tell`}</span>`}
      ${Number.isFinite(entropy) && html`; mean entropy <strong>${entropy.toFixed(2)}</strong>`}
      ${last >= 0 && html`; last change at <strong>${momentOf(analysis.log, last)[0]}</strong>`}
      ${left > 0 && html`<span class="faint" title="All equal, all taken, or in no record">
        ${`; ${left} more ${left === 1 ? "is" : "are"} never told apart`}</span>`}
    </p>
  `;
}

function Legend({ top }) {
  const steps = Array.from({ length: 11 }, (_, at) => scale(at / 10));
  return html`
    <div class="over-legend" role="img" aria-label=${`Colors: dark is 0, yellow is ${plain(top)}`}>
      <span class="number">0</span>
      <span class="over-scale">${steps.map((color) => html`
        <span style=${{ background: color }}></span>`)}</span>
      <span class="number">${plain(top)}</span>
    </div>
  `;
}

function Tools({ wanted, change, sampled, keys }) {
  const close = (closed) => () => change({ closed: new Set(closed) });
  return html`
    <div class="over-tools" role="group" aria-label="What the map shows">
      <input type="search" placeholder="Choice or candidate" value=${wanted.filter}
        aria-label="Choices or candidates named"
        onInput=${({ currentTarget }) => change({ filter: currentTarget.value })} />
      <button onClick=${close([])} disabled=${wanted.closed.size === 0}>Expand all</button>
      <button onClick=${close(keys)}>Collapse all</button>
      ${sampled && html`<label>Samples${" "}
        <select value=${String(wanted.window)}
          onChange=${(event) => change({ window: Number(event.currentTarget.value) })}>
          <option value="0">as they are</option>
          ${WINDOWS.map((one) => html`
            <option value=${String(one)}>${`share in the last ${one} shown`}</option>`)}
        </select></label>`}
      <label><input type="checkbox" checked=${wanted.whole}
        onChange=${({ currentTarget }) => change({ whole: currentTarget.checked })} />
        ${" Colors up to 1"}</label>
      <label><input type="checkbox" checked=${wanted.tall}
        onChange=${(event) => change({ tall: event.currentTarget.checked })} /> Heights</label>
    </div>
  `;
}
