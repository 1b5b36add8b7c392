/** All trials of a search: a table, plots, and one trial in full. */

import { html, useCallback, useEffect, useMemo, useRef, useState } from "../html.js";
import { useStore } from "../store.js";
import { columnsOf, sorted } from "../trials/columns.js";
import { Curves } from "../trials/curves.js";
import { Details } from "../trials/details.js";
import { filterOf, metricField, termText, withTerms } from "../trials/filter.js";
import { History } from "../trials/history.js";
import { AXES, Parallel } from "../trials/parallel.js";
import { Pareto } from "../trials/pareto.js";
import { Importance, Means } from "../trials/ranking.js";
import { Table } from "../trials/table.js";

const WAIT = 5000; // milliseconds between two readings of what costs the server something
const RUNNING = 10_000; // milliseconds after which running trials may have reported more
const SOON = 1000; // milliseconds until what is being computed is asked for again

/** What is set where nobody has chosen; kept while other views are shown. */
const FRESH = {
  filter: "", sort: null, selected: null, metric: null, x: null, y: null, byTime: false,
  key: null, large: null,
};

export function TrialsView({ store, data }) {
  const trials = useStore(store, (state) => state.trials);
  if (!trials) return html`<p class="empty" role="status">Reading the trials …</p>`;
  return html`<${Trials} store=${store} data=${data} trials=${trials} />`;
}

function Trials({ store, data, trials }) {
  const run = useStore(store, (state) => state.run);
  const kept = useStore(store, (state) => state.trialsView);
  const settings = kept?.run === run ? kept : { ...FRESH, run };
  const set = useCallback((patch) => store.set(({ trialsView }) => ({
    trialsView: { ...FRESH, ...(trialsView?.run === run ? trialsView : {}), run, ...patch },
  })), [store, run]);

  const metric = known(trials.metrics, settings.metric) ?? trials.metrics[0] ?? "default";
  const main = trials.metrics.length ? metricField(trials.metrics[0]) : "number";
  const sort = settings.sort ?? { id: main, descending: trials.directions[0] === "maximize" };
  const columns = useMemo(() => columnsOf(trials), [trials]);
  const chosen = useMemo(() => filtered(trials, columns, settings.filter),
    [trials, columns, settings.filter]);
  const column = columns.find(({ id }) => id === sort.id) ?? columns[0];
  const order = useMemo(() => sorted(chosen.places, column, sort.descending, trials.number),
    [chosen, column, sort.descending]);

  const [tableShown, show] = useState(false); // the plots come after it, as work of their own
  useEffect(() => show(true), []);

  const onSort = (id) => set({ sort: { id, descending: id === sort.id && !sort.descending } });
  const onSelect = (number) => set({ selected: number });
  const onFilter = (field, terms) =>
    set({ filter: withTerms(settings.filter, field, terms) });
  return html`
    <div class=${settings.selected === null ? "trials" : "trials with-details"}>
      <div class="left">
        <${Filter} filter=${settings.filter} problems=${chosen.problems} set=${set}
          shown=${chosen.places.length} trials=${trials} />
        <${Table} columns=${columns} order=${order} numbers=${trials.number}
          sort=${{ id: column.id, descending: sort.descending }} onSort=${onSort}
          selected=${settings.selected} onSelect=${onSelect} />
        ${settings.selected !== null && html`
          <${Details} store=${store} data=${data} run=${run} trials=${trials}
            number=${settings.selected} onClose=${() => set({ selected: null })} />`}
      </div>
      ${tableShown ? html`
        <${Plots} store=${store} data=${data} run=${run} trials=${trials} metric=${metric}
          settings=${settings} set=${set} shown=${chosen.set} onFilter=${onFilter} />`
        : html`<div class="plots"></div>`}
    </div>`;
}

function known(names, name) {
  return names.includes(name) ? name : null;
}

function filtered(trials, columns, filter) {
  const { test, problems } = filterOf(filter, columns);
  const all = trials.number.map((_, place) => place);
  const places = filter ? all.filter(test) : all;
  return { places, set: new Set(places), problems };
}

function Filter({ filter, problems, set, shown, trials }) {
  const all = trials.number.length;
  const counted = shown === all ? String(all) : `${shown} of ${all}`;
  const example = termText(metricField(trials.metrics[0] ?? "default"), ">", [0.9]);
  const { reading } = trials;
  return html`
    <div class="filter">
      <label class="grow"><span class="hidden-text">Filter</span>
        <input type="search" value=${filter} spellcheck=${false} aria-describedby="filter-help"
          placeholder=${`filter: state:complete ${example} key=name`}
          onInput=${(event) => set({ filter: event.currentTarget.value })} /></label>
      <span role="status">${`${counted} ${all === 1 ? "trial" : "trials"}`}${
        reading ? `, reading ${reading.done} of ${reading.of}` : ""}</span>
      <p id="filter-help" class=${problems.length ? "problem" : "hidden-text"}>${
        problems.length ? problems.join("; ")
          : "Terms such as state:complete, default>0.9, key=one|other, #12, or a word; all must "
            + "hold; a minus before a term turns it round."}</p>
    </div>`;
}

function Plots({ store, data, run, trials, metric, settings, set, shown, onFilter }) {
  const running = data.live && trials.state.includes("running");
  const curves = useFollowed(() => data.intermediate(run), run, trials, running ? RUNNING : 0);
  const importance = useFollowed(() => data.importance(run), run, trials);
  const names = Object.keys(trials.architecture);
  const keys = useMemo(() => names, [names.join()]);
  const states = useMemo(() => statesOf(trials, curves), [trials, curves]);
  const first = Object.keys(importance?.importance ?? {})[0];
  const key = known(keys, settings.key) ?? known(keys, first) ?? keys[0];
  const marked = settings.selected === null ? null : trials.number.indexOf(settings.selected);
  const pickPlace = useCallback((place) => set({ selected: trials.number[place] }), [trials, set]);
  const pickNumber = useCallback((selected) => set({ selected }), [set]);
  const metrics = trials.metrics;
  const [x, y] = [known(metrics, settings.x) ?? metrics[1] ?? metrics[0],
    known(metrics, settings.y) ?? metrics[0]];
  const drawn = useMemo(() => drawnKeys(keys, importance), [keys, importance]);
  const common = { store, trials, shown, marked, onPick: pickPlace };
  const card = (name, title, controls, body) => html`
    <${Card} name=${name} title=${title} controls=${controls} large=${settings.large} set=${set}>
      ${body}</${Card}>`;
  const pick = (label, value, names, name) => html`
    <${Pick} label=${label} value=${value} names=${names} onPick=${(v) => set({ [name]: v })} />`;
  return html`
    <div class="plots">
      ${card("history", "Best so far", html`
        ${pick("Metric", metric, metrics, "metric")}
        <${Pick} label="Over" names=${["trial", "time"]}
          value=${settings.byTime ? "time" : "trial"}
          onPick=${(value) => set({ byTime: value === "time" })} />`,
        html`<${History} ...${common} metric=${metric} byTime=${settings.byTime} />`)}
      ${card("pareto", "Pareto front", metrics.length > 1 && html`
        ${pick("Across", x, metrics, "x")} ${pick("Up", y, metrics, "y")}`,
        metrics.length > 1
          ? html`<${Pareto} ...${common} x=${x} y=${y} />`
          : html`<p class="empty">Trials report one metric only. Let them report another, such as
              FLOPs, and see here what it costs.</p>`)}
      ${card("curves", "Intermediate results", aboutCurves(curves), curves
        ? html`<${Curves} store=${store} curves=${curves.curves} states=${states}
            name=${metrics[0]} marked=${settings.selected} onPick=${pickNumber} />`
        : html`<p class="empty">Reading …</p>`)}
      ${card("importance", `Importance for ${importance?.metric ?? metrics[0] ?? ""}`, null,
        html`<${Importance} importance=${importance} chosen=${key}
          onChoose=${(one) => set({ key: one })} />`)}
      ${card("parallel", `Choices and ${metric}`, html`
        ${drawn.length < keys.length && html`
          <span>${`the ${drawn.length} of ${keys.length} keys that matter most`}</span>`}
        <span class="faint">drag along an axis to filter</span>`, html`
        <${Parallel} ...${common} keys=${drawn} metric=${metric} filter=${settings.filter}
          onBrush=${onFilter} />`)}
      ${card("means", `Mean ${metric}`, keys.length > 0 && pick("Of", key, keys, "key"),
        key && html`<${Means} trials=${trials} entryKey=${key} metric=${metric} shown=${shown}
          onFilter=${onFilter} />`)}
    </div>`;
}

/** Keys that there is room to draw: all, or those that matter most, in their order. */
function drawnKeys(keys, importance) {
  if (keys.length <= AXES) return keys;
  const first = new Set(Object.keys(importance?.importance ?? {}).slice(0, AXES));
  for (const key of keys) if (first.size < AXES) first.add(key);
  return keys.filter((key) => first.has(key));
}

/** Where not all curves are drawn, which ones are. */
function aboutCurves(curves) {
  const drawn = Object.keys(curves?.curves ?? {}).length;
  if (!(curves?.of > drawn)) return null;
  return html`<span class="faint">${`${drawn} of ${curves.of}: the best, the latest`}</span>`;
}

/** The states of the trials that have curves, by number. */
function statesOf(trials, curves) {
  const wanted = curves?.curves ?? {};
  const states = {};
  trials.number.forEach((number, place) => {
    if (number in wanted) states[number] = trials.state[place];
  });
  return states;
}

function Card({ name, title, controls, large, set, children }) {
  const isLarge = large === name;
  return html`
    <section class=${`plot panel plot-${name}${isLarge ? " large" : ""}`}
      aria-labelledby=${`plot-${name}`}>
      <header>
        <h2 id=${`plot-${name}`} title=${title}>${title}</h2>
        <span class="space"></span>
        ${controls}
        <button class="small" aria-pressed=${String(isLarge)} aria-label=${`Larger: ${title}`}
          title="larger" onClick=${() => set({ large: isLarge ? null : name })}>⤢</button>
      </header>
      <div class="body">${children}</div>
    </section>`;
}

function Pick({ label, value, names, onPick }) {
  return html`
    <label class="pick"><span class="hidden-text">${label}</span>
      <select value=${value} title=${label}
        onChange=${(event) => onPick(event.currentTarget.value)}>
        ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select></label>`;
}

const NO_TRIALS = { curves: {}, importance: {}, problem: "there are no trials yet" };

/**
 * What the server computes; asked for again when trials have changed, but not all the time.
 *
 * @param {number} [every]   milliseconds after which it is asked for even if none has; 0: never
 */
function useFollowed(read, run, { revision, reading, number }, every = 0) {
  const none = number.length === 0; // and the study, perhaps, not made yet
  const [answer, set] = useState(null);
  const [asking, again] = useState(0);
  const asked = useRef({ at: -Infinity, count: 0, is: true });
  const latest = asked.current;
  latest.read = read;
  useEffect(() => {
    latest.is = true;
    return () => {
      latest.is = false; // nobody waits for the answers any more
    };
  }, []);
  useEffect(() => {
    if (reading) return undefined; // it would only hold that up
    if (none) {
      set(NO_TRIALS);
      return undefined;
    }
    const wait = latest.count !== asking ? 0 : Math.max(0, latest.at + WAIT - performance.now());
    const timer = setTimeout(() => {
      latest.at = performance.now();
      latest.count = asking;
      const failed = (error) => ({ curves: {}, importance: {}, problem: error.message });
      latest.read().catch(failed).then((found) => {
        if (!latest.is) return;
        set(found);
        if (found.computing) setTimeout(() => latest.is && again((count) => count + 1), SOON);
      });
    }, wait);
    return () => clearTimeout(timer);
  }, [run, revision, Boolean(reading), none, asking]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => again((count) => count + 1), every);
    return () => clearInterval(timer);
  }, [every]);
  return answer;
}
