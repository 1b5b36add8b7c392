/** What there is to choose on an edge, with all numbers, and where else it is shown. */

import { own } from "../keyed.js";
import { html } from "../html.js";
import { Bars } from "./bars.js";
import { spoken } from "./drawing.js";

/**
 * @param {object} given
 * @param {{edge: object, genotype: object}|null} given.shown   an edge of a drawing
 * @param {string|null} given.selected   a key, shown where there is no edge
 */
export function Details({ store, model, shown, selected, strengthOf, choice, hasLog }) {
  const keys = shown ? keysOf(shown.edge) : [selected].filter((key) => own(model.choices, key));
  if (!keys.length) {
    return html`<aside class="cell-details panel" aria-label="Candidates">
      <h2 class="hidden-text">Candidates</h2>
      <p class="faint">Point at an edge, or reach one by Tab and the arrows, to see all its
        candidates. Enter selects it.</p>
    </aside>`;
  }
  return html`
    <aside class="cell-details panel" aria-label="Candidates">
      <h2 class="hidden-text">Candidates</h2>
      ${shown && html`<${Ends} ...${shown} />`}
      ${keys.map((key) => html`<${Key} key=${key} store=${store} model=${model} name=${key}
        values=${strengthOf(key)} chosen=${own(choice, key) ?? null} hasLog=${hasLog} />`)}
      ${shown && html`<${Remarks} edge=${shown.edge} />`}
    </aside>
  `;
}

export const keysOf = ({ op, slot }) => [...new Set([op?.key, slot?.key].filter(Boolean))];

function Ends({ edge, genotype: { states } }) {
  return html`<p><strong>${spoken(states[edge.from])} → ${spoken(states[edge.to])}</strong></p>`;
}

function Key({ store, model, name, values, chosen, hasLog }) {
  const { kind, names } = model.choices[name];
  const what = { layer: "operation", input: "inputs", value: "value" }[kind] ?? kind;
  const go = (view) => store.set({ selected: name, view });
  return html`
    <h3><code>${name}</code> <span class="faint">${what}</span></h3>
    <${Bars} names=${names} values=${values} chosen=${chosen} />
    <p class="cell-links">
      ${model.choices[name].places.length > 0 && html`
        <button onClick=${() => go("supernet")}>Show in supernet</button>`}
      ${hasLog && html`<button onClick=${() => go("choices")}>Show over time</button>`}
    </p>
  `;
}

function Remarks({ edge: { op, slot, bypass } }) {
  return html`
    ${op && slot && html`<p class="faint">As wide as the product of the operation's weight and
      that of the input.</p>`}
    ${bypass && html`<p class="faint">What the operation takes is joined to its result, too (the
      dotted line).</p>`}
    ${op?.nested.length > 0 && html`<p class="faint">Its candidates hold choices of their own:
      ${op.nested.slice(0, 30).join(", ")}${op.nested.length > 30 && ", …"}</p>`}
  `;
}
