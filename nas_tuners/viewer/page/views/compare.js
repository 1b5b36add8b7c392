/** Two architectures side by side, and in what they differ. */

import { differs, difference, relative } from "../architecture/difference.js";
import { chosenText, ofWhat } from "../architecture/facts.js";
import { useOpening } from "../architecture/open.js";
import { Pick } from "../architecture/pick.js";
import { fromRecord, spaceShown } from "../architecture/sources.js";
import { recordOf } from "../data.js";
import { count } from "../format.js";
import { costs } from "../graph/costs.js";
import { html, useMemo } from "../html.js";
import { useStore } from "../store.js";
import { architectureOfTrial } from "../trials/architecture.js";
import { bestSoFar, complete, isFeasible } from "../trials/figures.js";
import { Cells } from "./architecture.js";

const LETTERS = ["A", "B"];

export function CompareView({ store }) {
  const state = useStore(store, (all) => all);
  const { graph: model, compare, log, trials, architecture } = state;
  const space = useMemo(() => spaceShown(state), [state.graph, state.trials]);
  const usual = useMemo(
    () => usualSides({ model, log, trials, architecture }), [model, log, trials, architecture],
  );
  const sides = LETTERS.map((_, side) => compare[side] ?? usual[side]);
  const put = (side) => (one) => {
    const both = [...sides];
    both[side] = one;
    store.set({ compare: both });
  };
  const [a, b] = sides;
  const found = useMemo(() => (a && b ? difference(space, a, b) : null), [space, a, b]);
  return html`
    <div class="compare-view">
      ${found && html`<${Summary} store=${store} state=${state} model=${model} space=${space}
        a=${a} b=${b} found=${found} />`}
      <div class="compare-sides">
        ${LETTERS.map((letter, side) => html`
          <${Side} key=${letter} letter=${letter} store=${store} state=${state} space=${space}
            model=${model} architecture=${sides[side]} other=${sides[1 - side]}
            onPick=${put(side)} />`)}
      </div>
    </div>
  `;
}

/** What is compared before anybody chose: how it began and how it stands, or the last progress. */
function usualSides({ model, log, trials, architecture }) {
  if (model && log?.count) {
    const now = fromRecord(model, recordOf(log, null));
    return [fromRecord(model, recordOf(log, 0)), architecture ?? now];
  }
  const [before, best] = lastProgress(trials)
    .map((place) => architectureOfTrial(trials, trials.number[place], model));
  return [before, architecture ?? best];
}

/** The places of the best trial and of the one that was the best before it. */
function lastProgress(trials) {
  const [metric] = trials?.metrics ?? [];
  if (metric === undefined) return [];
  const allowed = (place) => isFeasible(trials, place);
  const places = complete(trials, [metric]);
  return bestSoFar(places, trials.values[metric], trials.directions[0], allowed).slice(-2);
}

function Side({ letter, store, state, space, model, architecture, other, onPick }) {
  const opening = useOpening(space, onPick);
  const isDifferent = (edge) => other && differs(edge, architecture, other);
  return html`
    <section class=${`compare-side ${opening.isOver ? "drop-here" : ""}`} ...${opening.drop}
      aria-label=${`Architecture ${letter}`}>
      <${Pick} letter=${letter} state=${state} architecture=${architecture} opening=${opening}
        onPick=${onPick} />
      ${!architecture && html`<p class="empty">Choose what ${letter} is, or drop a file here.</p>`}
      ${architecture && model && html`<${Cells} store=${store} state=${state} model=${model}
        architecture=${architecture} title=${letter} differs=${isDifferent} />`}
    </section>
  `;
}

function Summary({ store, state, model, space, a, b, found: { different, same } }) {
  const [first, second] = useMemo(
    () => (model ? [a, b].map(({ choice }) => costs(model, choice)) : []), [model, a, b],
  );
  return html`
    <section class="compare-summary panel" aria-label="Differences">
      <div class="compare-numbers">
        <h2>${different.length
          ? `${different.length} of ${different.length + same.length} keys differ`
          : "They are the same"}</h2>
        ${first && html`<${Numbers} first=${first} second=${second} />`}
      </div>
      ${different.length > 0 && html`<${Rows} store=${store} state=${state} space=${space} a=${a}
        b=${b} keys=${different} mark="≠" label="Keys that differ" />`}
      ${same.length > 0 && html`<details><summary>${same.length} the same</summary>
        <${Rows} store=${store} state=${state} space=${space} a=${a} b=${b} keys=${same} mark="="
          label="Keys that are the same" /></details>`}
    </section>
  `;
}

function Numbers({ first, second }) {
  const rows = [["Parameters", first.parameters, second.parameters]];
  if (first.flops !== null) rows.push(["FLOPs", first.flops, second.flops]);
  const recorded = ofWhat(first);
  return html`<table>
    <thead><tr><td></td><th scope="col">A</th><th scope="col">B</th>
      <th scope="col">B − A</th></tr></thead>
    <tbody>${rows.map(([name, one, other]) => html`<tr key=${name}>
      <th scope="row">${name}${recorded}</th>
      <td class="number" title=${one}>${count(one)}</td>
      <td class="number" title=${other}>${count(other)}</td>
      <td class="number">${signed(other - one)} ${relative(one, other)}</td></tr>`)}</tbody>
  </table>`;
}

function signed(number) {
  const sign = number > 0 ? "+" : number < 0 ? "−" : "";
  return `${sign}${count(Math.abs(number))}`;
}

const MOST = 1000;

function Rows({ store, state, space, a, b, keys, mark, label }) {
  return html`
    <div class="compare-rows">
      <table class="choice-table" aria-label=${label}>
        <thead><tr><th scope="col">Key</th><th scope="col">A</th><td></td>
          <th scope="col">B</th></tr></thead>
        <tbody>${keys.slice(0, MOST).map((key) => html`
          <tr key=${key} class=${state.selected === key ? "selected" : ""}>
            <th scope="row"><button onClick=${() => store.set({ selected: key })}>
              <code>${key}</code></button></th>
            <td>${chosenText(state, space, key, a)}</td><td>${mark}</td>
            <td>${chosenText(state, space, key, b)}</td>
          </tr>`)}</tbody>
      </table>
      ${keys.length > MOST && html`<p class="faint">and ${keys.length - MOST} more</p>`}
    </div>
  `;
}
