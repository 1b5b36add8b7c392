/** Rows of the heat map. */

import { html, useMemo } from "../html.js";
import { candidate, grouped, plain } from "../format.js";
import { useStore } from "../store.js";
import { BandCanvas, HeatCanvas, Sparkline } from "./canvases.js";
import { kindOf } from "./paint.js";
import { ENOUGH } from "./settling.js";

export function KeyRow({ store, analysis, row, place, active, closed, painting, spark, ...rest }) {
  const { key } = row;
  const series = analysis.series.get(key);
  const { names, actions } = rest;
  const open = !closed.has(key);
  const labels = useLabels(names(key), series?.n ?? 0);
  const selected = useStore(store, (state) => state.selected === key);
  const [settled, title] = settledText(series, analysis.log);
  return html`
    <div role="row" class="heat-row heat-key" aria-level="1" aria-expanded=${String(open)}
      aria-rowindex=${place + 2} aria-selected=${String(selected)} tabindex=${active ? 0 : -1}
      style=${{ transform: `translateY(${place}00%)` }}>
      <div role="rowheader" class="heat-name" title=${key}>
        <span class="heat-fold" aria-hidden="true" onClick=${(event) => {
          event.stopPropagation();
          actions.toggle(key);
        }}>${open ? "▾" : "▸"}</span>
        <span class="heat-text">${key}</span>
      </div>
      <div role="gridcell" class="heat-map">${series && html`<${BandCanvas} series=${series}
        labels=${labels} painting=${painting} />`}</div>
      <div role="gridcell" class="heat-entropy">
        ${series && html`<${Sparkline} values=${series.entropy} columns=${spark}
          painting=${painting} />`}
        <span class="number">${series && !Number.isNaN(series.latest)
          ? series.latest.toFixed(2) : "–"}</span>
      </div>
      <div role="gridcell" class="heat-changes number">${series ? grouped(series.changes) : ""}</div>
      <div role="gridcell" class="heat-settled" title=${title}>${settled}</div>
    </div>
  `;
}

/** When a key settled, shortly and in full. */
export function settledText(series, log) {
  if (!series) return ["…", ""];
  const { state, since, known } = series;
  if (state === "empty") return ["–", "No record says anything of this key"];
  if (state === "equal") return ["all equal", "No record tells the candidates apart"];
  if (state === "fixed") return ["no choice", "All candidates are taken"];
  if (state === "few") {
    return ["too few", `${known === 1 ? "1 record says" : `${known} records say`} something of ` +
      `this key: fewer than ${ENOUGH} do not tell whether it settled`];
  }
  const when = momentOf(log, since);
  if (state === "moving") return ["not yet", `The last change was at ${when.join(", ")}`];
  return [when[0], `Since ${when.join(", ")}`];
}

/** "epoch 5", "step 4,100", "record 83" of what is known of a record. */
export function momentOf(log, place) {
  const { epoch, step, index } = log;
  return [
    Number.isFinite(epoch[place]) && `epoch ${grouped(epoch[place])}`,
    Number.isFinite(step[place]) && `step ${grouped(step[place])}`,
    `record ${grouped(index[place] + 1)}`,
  ].filter(Boolean);
}

export function CandidateRow({ store, analysis, row, place, active, painting, names }) {
  const { key, slot } = row;
  const series = analysis.series.get(key);
  const name = candidate(names(key), slot);
  return html`
    <div role="row" class="heat-row" aria-level="2" aria-rowindex=${place + 2}
      tabindex=${active ? 0 : -1} style=${{ transform: `translateY(${place}00%)` }}>
      <div role="rowheader" class="heat-name heat-candidate" title=${`${key}: ${name}`}>
        <span class="heat-kind" style=${{ background: kindOf(slot).color }}></span>
        <span class="heat-text">${name}</span>
      </div>
      <div role="gridcell" class="heat-map">${series && slot < series.n && html`<${HeatCanvas}
        series=${series} slot=${slot} painting=${painting} />`}</div>
      <div role="gridcell" class="heat-now" aria-colspan="3">
        <${Now} store=${store} name=${key} slot=${slot} top=${painting.top} />
      </div>
    </div>
  `;
}

/** The weight at the record that is shown. */
function Now({ store, name, slot, top }) {
  const value = useStore(store, ({ record }) => (
    record && Object.hasOwn(record.status, name) ? record.status[name][slot] : undefined));
  const number = value === true || value === false ? Number(value) : value;
  const share = Number.isFinite(number) ? Math.min(1, Math.max(0, number / top)) : 0;
  return html`
    <span class="heat-bar"><span style=${{ width: `${100 * share}%` }}></span></span>
    <span class="number">${Number.isFinite(number) ? fourDigits(number) : "–"}</span>
  `;
}

/** 0.12345 -> "0.1235"; what is far from 1 as `plain` has it. */
export function fourDigits(number) {
  const size = Math.abs(number);
  return size !== 0 && (size < 1e-4 || size >= 1e4) ? plain(number) : number.toFixed(4);
}

/** Names of candidates; the same list while nothing changes. */
function useLabels(names, n) {
  return useMemo(() => Array.from({ length: n }, (_, slot) => candidate(names, slot)), [names, n]);
}
