/** Beside the heat map: a key's candidates as lines, and the mean entropy. */

import { Fragment, html, useLayoutEffect, useMemo, useRef } from "../html.js";
import { candidate } from "../format.js";
import { strongest } from "../store.js";
import { ticksOf } from "./axis.js";
import { lineChart } from "./chart.js";
import { useLater, useSize } from "./hooks.js";
import { numberShown } from "./moves.js";
import { kindOf } from "./paint.js";

const ROOM = 122; // for the labels

export function Panel(props) {
  return html`<aside class="over-panel" aria-label="One choice, and all of them">
    ${useLater() && html`<${Charts} ...${props} />`}
  </aside>`;
}

function Charts({ store, analysis, name, names, theme, has, moveTo }) {
  const series = name === null ? undefined : analysis.series.get(name);
  const labels = useMemo(() => Array.from({ length: series?.n ?? 0 },
    (_, slot) => candidate(names, slot)), [names, series?.n]);
  const kinds = useMemo(() => labels.map((_, slot) => kindOf(slot)), [labels]);
  const lines = useMemo(() => (series ? labels.map((_, slot) => column(series, slot)) : []),
    [series, labels]);
  const mean = useMemo(() => [analysis.mean], [analysis]);
  const show = (view) => () => store.set({ view, selected: name });
  return html`
    <${Fragment}>
      ${name !== null && html`
        <div class="over-title">
          <h2 title=${name}>${name}</h2>
          ${has && html`<button onClick=${show("cells")}>Show in cells</button>
            <button onClick=${show("supernet")}>in supernet</button>`}
        </div>
        <${Lines} key=${`${name} ${labels.length}`} class="over-lines" store=${store}
          log=${analysis.log} lines=${lines} labels=${labels} kinds=${kinds} theme=${theme}
          top=${null} moveTo=${moveTo} about=${describe(name, labels, lines)} />`}
      <h2>Mean entropy of all choices</h2>
      <${Lines} class="over-mean" store=${store} log=${analysis.log} lines=${mean} labels=${MEAN}
        kinds=${MEAN_KIND} theme=${theme} top=${1} moveTo=${moveTo}
        about=${`Mean entropy over time, ${lastOf(analysis.mean).toFixed(2)} at the end`} />
    </>
  `;
}

const MEAN = [""];
const MEAN_KIND = [kindOf(0)];

/** A candidate's weights, without what the search decided for in the end. */
function column({ values, n, counted }, slot) {
  const line = new Float32Array(values.length / n).fill(NaN);
  for (const place of counted) line[place] = values[place * n + slot];
  return line;
}

const lastOf = (values) => values.findLast((value) => !Number.isNaN(value)) ?? NaN;

function describe(name, labels, lines) {
  const ends = lines.map(lastOf);
  const best = strongest(ends.map((end) => (Number.isNaN(end) ? -Infinity : end)));
  if (best < 0) return `Candidates of ${name} over time`;
  return `Candidates of ${name} over time; at the end ${labels[best]} is the strongest with ` +
    `${ends[best].toFixed(4)}`;
}

/** A line chart that follows its data, its size and the record shown. */
function Lines({ store, log, lines, labels, kinds, theme, top, moveTo, about, ...rest }) {
  const [box, { width, height }] = useSize();
  const chart = useRef(null);
  const cursor = useRef(null);
  const ticks = useMemo(() => ticksOf(log, Math.max(2, (width - ROOM) / 44)), [log, width]);
  const place = () => {
    const x = chart.current?.xOf(Math.max(0, numberShown(store.get())));
    if (Number.isFinite(x)) cursor.current.style.left = `${x}px`;
  };
  useLayoutEffect(() => {
    if (!width || !height) return undefined;
    const room = labels.some(Boolean) ? ROOM : 12;
    const made = lineChart(box.current, {
      width, height, colors: theme, kinds, labels, room, top, drawn: place,
    });
    chart.current = made;
    cursor.current = made.over.appendChild(document.createElement("div"));
    cursor.current.className = "over-cursor";
    return () => {
      made.end();
      chart.current = null;
    };
  }, [width > 0 && height > 0, labels, kinds, theme, top]);
  useLayoutEffect(() => chart.current?.resize(width, height), [width, height]);
  useLayoutEffect(() => {
    chart.current?.draw(log, lines, ticks);
  }, [width > 0 && height > 0, log, lines, ticks, labels, kinds, theme, top]);
  useLayoutEffect(() => store.subscribe(place), [store]);
  const click = (event) => {
    const over = chart.current?.over.getBoundingClientRect();
    if (over && event.clientX >= over.left && event.clientX <= over.right) {
      moveTo(chart.current.numberAt(event.clientX - over.left));
    }
  };
  return html`<div class=${rest.class} ref=${box} role="img" aria-label=${about}
    onClick=${click}></div>`;
}
