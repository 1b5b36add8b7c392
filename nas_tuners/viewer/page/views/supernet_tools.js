/** What the supernet view is handled with. */

import { html, useMemo } from "../html.js";
import { openAll, openChoices } from "../graph/open.js";
import { countHidden } from "../graph/scene.js";

export function Toolbar({ mine, model, plan, change, look, graph, search }) {
  const set = (name) => (event) => change({ [name]: event.currentTarget.checked });
  const ready = Boolean(plan);
  return html`
    <div class="supernet-bar" role="toolbar" aria-label="Drawing">
      <${Search} search=${search} />
      <span class="supernet-group" role="group" aria-label="Boxes">
        <button disabled=${!ready} onClick=${() => change({ open: openChoices(model, plan) })}
          title="Open the way to the first place of every choice">Choices</button>
        <button disabled=${!ready} onClick=${() => change({ open: openAll(plan) })}
          >Expand all</button>
        <button disabled=${!ready} onClick=${() => change({ open: new Set() })}
          >Collapse all</button>
      </span>
      <label class="supernet-check"><input type="checkbox" checked=${mine.outline}
        onChange=${set("outline")} /> Outline</label>
      <label class="supernet-check"><input type="checkbox" checked=${mine.details}
        onChange=${set("details")} /> Details</label>
      <label class="supernet-check"
        title="Functions that only change the form, and rows of functions">
        <input type="checkbox" checked=${mine.plumbing}
          onChange=${set("plumbing")} /> Hide plumbing
        ${graph.hiddenCount > 0 && html`<span class="faint">(${graph.hiddenCount})</span>`}</label>
      <label class="supernet-check"><input type="checkbox" checked=${mine.shapes}
        onChange=${set("shapes")} /> Shapes</label>
      <${Threshold} mine=${mine} model=${model} look=${look} change=${change} />
    </div>
  `;
}

function Search({ search }) {
  const { query, setQuery, found, next, at } = search;
  const keys = (event) => {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") setQuery("");
    else return;
    event.preventDefault();
  };
  return html`
    <label class="supernet-search">
      <span class="hidden-text">Search by path, type or key; Enter goes to the next hit</span>
      <input type="search" value=${query} placeholder="Search boxes" onKeyDown=${keys}
        onInput=${(event) => setQuery(event.currentTarget.value)} />
    </label>
    <span class="faint supernet-hits" role="status">${query.trim()
      ? found.length ? `${at >= 0 ? `${at + 1} of ` : ""}${found.length}` : "none" : ""}</span>
  `;
}

function Threshold({ mine, model, look, change }) {
  const { weak, all } = useMemo(() => countHidden(model, look), [model, look]);
  if (!model.keys.length) return null;
  return html`
    <label class="supernet-check" title="Weaker candidates and edges are not drawn">Hide below
      <input type="range" min="0" max="1" step="0.01" value=${mine.threshold}
        aria-valuetext=${mine.threshold.toFixed(2)}
        onInput=${(event) => change({ threshold: Number(event.currentTarget.value) })} />
      <span class="number">${mine.threshold.toFixed(2)}</span>
      <span class="faint supernet-hits" role="status">${mine.threshold > 0
        ? `${weak} of ${all}` : ""}</span>
    </label>
  `;
}
