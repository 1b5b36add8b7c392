/** Cells as papers draw them: what is chosen, and how sure the search is of it. */

import { Bars } from "../cells/bars.js";
import { Details, keysOf } from "../cells/details.js";
import { CellPanel, drawingsOf, isDrawn, keysBeside } from "../cells/panel.js";
import { decision } from "../graph/decision.js";
import { own } from "../keyed.js";
import { html, useCallback, useMemo, useState } from "../html.js";
import { strength, useStore } from "../store.js";

/** With more edges than this, a cell is first drawn with what would be chosen only. */
const CROWDED = 30;
const MOST_BESIDE = 200;

const INITIAL = { threshold: 0, only: null };

export function CellsView({ store }) {
  const state = useStore(store, (all) => all);
  const { graph: model, record, architecture, selected } = state;
  const { threshold, only: asked } = state.cells ?? INITIAL;
  const [shown, point] = useState(null);
  const pick = useCallback(({ edge }) => {
    const [key] = keysOf(edge);
    store.set(({ selected: now }) => ({ selected: keysOf(edge).includes(now) ? null : key }));
  }, [store]);
  const choice = useMemo(
    () => (!model ? null : architecture?.choice ?? (record && decision(model, record.status))),
    [model, architecture, record],
  );
  if (!model) return html`<p class="empty">The graph of this search is not there yet.</p>`;
  const strengthOf = (key) => strength(state, key);
  const drawings = drawingsOf(model);
  const crowded = drawings.some(({ genotype }) => genotype.edges.length > CROWDED);
  const only = asked ?? (Boolean(architecture) || crowded);
  const hasLog = Boolean(state.runs.find(({ id }) => id === state.run)?.has.log);
  const set = (patch) => store.set({ cells: { threshold, only: asked, ...patch } });
  const key = typeof selected === "string" ? selected : null;
  const common = {
    model, strengthOf, choice, only, exact: Boolean(architecture), threshold,
    selected: new Set([key]), onPoint: point, onPick: pick,
  };
  const beside = keysBeside(model);
  return html`
    <div class="cells-view">
      <div class="cells-main">
        <${Tools} threshold=${threshold} only=${only} canReduce=${Boolean(choice)} set=${set} />
        <${Note} store=${store} model=${model} architecture=${architecture} record=${record}
          hasLog=${hasLog} />
        <div class="cell-grid">
          ${drawings.map((one, number) => isDrawn(one) && html`
            <${CellPanel} key=${number} number=${number} ...${common} />`)}
        </div>
        <${Beside} keys=${beside} store=${store} model=${model} strengthOf=${strengthOf}
          choice=${choice} />
      </div>
      <${Details} store=${store} model=${model} shown=${shown} selected=${key}
        strengthOf=${strengthOf} choice=${choice} hasLog=${hasLog} />
    </div>
  `;
}

function Tools({ threshold, only, canReduce, set }) {
  return html`
    <div class="cell-tools">
      <label>Hide what is weaker than
        <input type="range" min="0" max="1" step="0.01" value=${threshold}
          aria-valuetext=${threshold.toFixed(2)}
          onInput=${(event) => set({ threshold: Number(event.currentTarget.value) })} />
        <output class="number">${threshold.toFixed(2)}</output>
      </label>
      <label><input type="checkbox" checked=${only && canReduce} disabled=${!canReduce}
        onChange=${(event) => set({ only: event.currentTarget.checked })} />
        Only what would be chosen now</label>
      <span class="space"></span>
      <${Legend} />
    </div>
  `;
}

/** What the widths and colors mean. */
function Legend() {
  return html`<span class="cell-legend" aria-hidden="true">
    <span>0</span><span class="cell-legend-scale"></span><span>1</span></span>`;
}

function Note({ store, model, architecture, record, hasLog }) {
  if (architecture) {
    return html`<p class="cell-note" role="status">This is the architecture
      <strong> ${architecture.title}</strong>, not a record of the search.
      <button onClick=${() => store.set({ architecture: null })}>Show the search</button></p>`;
  }
  if (!model.keys.length) {
    return html`<p class="cell-note">There is nothing to choose in this model.</p>`;
  }
  if (!model.nodes.length) {
    return html`<p class="cell-note">The model was not run, so how its parts are connected is not
      known. These are its choices.</p>`;
  }
  if (!record) {
    return html`<p class="cell-note">${hasLog
      ? "There are no weights yet: this is what can be chosen."
      : "This is what can be chosen. “Architecture” draws what a trial or a file chose."}</p>`;
  }
  return null;
}

/** Keys that are in no drawing. */
function Beside({ keys, store, model, strengthOf, choice }) {
  if (!keys.length) return null;
  return html`
    <section class="cell-beside" aria-label="Choices beside the drawings">
      <h2 class="hidden-text">Choices beside the drawings</h2>
      ${keys.slice(0, MOST_BESIDE).map((key) => html`
        <div class="panel" key=${key}>
          <h3><button onClick=${() => store.set({ selected: key })}>
            <code>${key}</code></button></h3>
          <${Bars} names=${model.choices[key].names} values=${strengthOf(key)}
            chosen=${own(choice, key) ?? null} />
        </div>`)}
      ${keys.length > MOST_BESIDE && html`<p class="faint">and ${keys.length - MOST_BESIDE}
        more, which the view of choices over time lists</p>`}
    </section>
  `;
}
