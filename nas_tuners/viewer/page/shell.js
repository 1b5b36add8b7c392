/** The frame of the page: what is shown of which run, and the time below it. */

import { html, useEffect, useRef, useState } from "./html.js";
import { later } from "./later.js";
import { useStore } from "./store.js";

const CellsView = later(async () => (await import("./views/cells.js")).CellsView);
const SupernetView = later(async () => (await import("./views/supernet.js")).SupernetView);
const ChoicesView = later(async () => (await import("./views/choices.js")).ChoicesView);
const ArchitectureView =
  later(async () => (await import("./views/architecture.js")).ArchitectureView);
const TrialsView = later(async () => (await import("./views/trials.js")).TrialsView);
const CompareView = later(async () => (await import("./views/compare.js")).CompareView);
const Timeline = later(async () => (await import("./views/timeline.js")).Timeline);

/** Name, label, component, and whether there is something to show. */
export const VIEWS = [
  ["cells", "Cells", CellsView, (run) => run.has.graph],
  ["supernet", "Supernet", SupernetView, (run) => run.has.graph],
  ["choices", "Choices over time", ChoicesView, (run) => run.has.log],
  ["architecture", "Architecture", ArchitectureView, (run) => run.has.graph || run.has.trials],
  ["trials", "Trials", TrialsView, (run) => run.has.trials],
  ["compare", "Compare", CompareView, (run) => run.has.graph || run.has.trials],
];

/** The views of a run, in the order of their tabs. */
export function viewsOf(run) {
  return run ? VIEWS.filter(([, , , shows]) => shows(run)) : [];
}

export function Shell({ store, data, open }) {
  const [runs, run, view, loading, connected, version, ...told] = useParts(store);
  const shown = runs.find((one) => one.id === run);
  const views = viewsOf(shown);
  const [, , View] = views.find(([name]) => name === view) ?? [];
  return html`
    <div class="shell">
      <header class="bar">
        <h1 title=${version && `nas-tuners ${version}`}>nas-tuners</h1>
        <${Runs} runs=${runs} run=${run} open=${open} />
        <${Tabs} views=${views} view=${view} store=${store} />
        <span class="space"></span>
        ${shown?.dashboard && html`<a href=${shown.dashboard} target="_blank"
          rel="noreferrer">Optuna dashboard</a>`}
        <${Liveness} live=${data.live} run=${shown} connected=${connected} />
        <${Theme} store=${store} />
      </header>
      <${Notices} told=${told.flat()} />
      <main class="view">
        ${View
          ? html`
            <div class="tab" id="view" role="tabpanel" tabindex="-1" aria-labelledby=${`tab-${view}`}>
              <${View} key=${run} store=${store} data=${data} />
            </div>`
          : html`<p class="empty" role="status">${waiting(loading, shown)}</p>`}
      </main>
      ${shown?.has.log && view !== "trials"
        ? html`<footer class="foot"><${Timeline} key=${run} store=${store}
          data=${data} /></footer>`
        : html`<span></span>`}
    </div>
  `;
}

/** Only these: a record that is shown, tens a second, must not draw all that is around it. */
const PARTS = [
  (state) => state.runs, (state) => state.run, (state) => state.view, (state) => state.loading,
  (state) => state.connected, (state) => state.version, (state) => state.problems,
  (state) => state.graphProblems, (state) => state.log?.problems ?? NONE,
  (state) => state.trials?.problems ?? NONE,
];
const NONE = [];

const useParts = (store) => PARTS.map((part) => useStore(store, part));

function waiting(loading, run) {
  if (loading) return "Reading …";
  if (!run) return "There is no search here yet. It appears as soon as one has begun.";
  return "This search has recorded nothing yet. What it records appears here.";
}

function Runs({ runs, run, open }) {
  if (runs.length < 2) return runs.length ? html`<span>${runs[0].title}</span>` : null;
  return html`
    <label>
      <span class="hidden-text">Search</span>
      <select value=${run} onChange=${(event) => open(event.currentTarget.value)}>
        ${runs.map((one) => html`<option key=${one.id} value=${one.id}>${one.title}</option>`)}
      </select>
    </label>
  `;
}

function Tabs({ views, view, store }) {
  const list = useRef(null);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = views.findIndex(([name]) => name === view);
    const [name] = views[(at + step + views.length) % views.length];
    store.set({ view: name });
    list.current.querySelector(`#tab-${name}`).focus();
    event.preventDefault();
  };
  if (!views.length) return null;
  return html`
    <div class="tabs" role="tablist" aria-label="Views" ref=${list} onKeyDown=${move}>
      ${views.map(([name, label]) => html`
        <button key=${name} id=${`tab-${name}`} role="tab" aria-selected=${String(name === view)}
          aria-controls="view" tabindex=${name === view ? 0 : -1}
          onClick=${() => store.set({ view: name })}>${label}</button>
      `)}
    </div>
  `;
}

/** Whether what is shown is as new as the search. */
function Liveness({ live, run, connected }) {
  if (!live) return html`<span class="faint">a saved page</span>`;
  if (connected === false) return html`<span class="problem" role="status">no connection</span>`;
  return run?.live ? html`<span class="good" role="status">● live</span>` : null;
}

function Theme({ store }) {
  const theme = useStore(store, (state) => state.theme);
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return html`
    <label>
      <span class="hidden-text">Colors</span>
      <select value=${theme} onChange=${(event) => store.set({ theme: event.currentTarget.value })}>
        <option value="auto">auto</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </label>
  `;
}

const SHOWN = 8;

/** What is wrong with the files, and could not be shown; those that come are read out. */
function Notices({ told }) {
  const [hidden, hide] = useState(() => new Set());
  const open = [...new Set(told)].filter((text) => !hidden.has(text));
  return html`
    <div aria-live="polite">
      ${open.length > 0 && html`
        <section class="notices problem" aria-label="Problems">
          <ul>
            ${open.slice(0, SHOWN).map((text) => html`<li key=${text}>${text}</li>`)}
            ${open.length > SHOWN && html`<li>and ${open.length - SHOWN} more</li>`}
            <li class="plain"><button onClick=${() => hide(new Set(told))}>Hide these</button></li>
          </ul>
        </section>`}
    </div>
  `;
}
