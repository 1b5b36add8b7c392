/** What is known of the selected box, beside the drawing. */

import { onScale, scale } from "../colors.js";
import { candidate, count, grouped, shape } from "../format.js";
import { Fragment, html, useMemo } from "../html.js";
import { detailsOf } from "./details.js";
import { shownFor } from "./open.js";
import { strengthText } from "./bars.js";
import { FAMILIES } from "./boxes.js";

/** Details of an item; where none is selected, what the drawing means. */
export function Panel({ item, onClose, ...rest }) {
  return html`
    <aside class="panel supernet-panel" aria-label="Details">
      <button class="supernet-close" onClick=${onClose} title="Close"
        aria-label="Close the details">✕</button>
      ${item === null ? html`<${Legend} model=${rest.model} look=${rest.look} />`
        : html`<${Details} item=${item} ...${rest} />`}
    </aside>
  `;
}

function Details({ model, plan, item, look, isOpen, canOpen, onGo, onToggle }) {
  const details = useMemo(() => detailsOf(model, plan, item), [model, plan, item]);
  const go = (module) => onGo(shownFor(model, plan, module));
  return html`
    <${Fragment}>
      <h2>${details.title}</h2>
      ${canOpen && html`<button onClick=${onToggle}>${isOpen ? "Close box" : "Open box"}</button>`}
      <dl>
        <${Fact} name="Path" code=${details.path || "the model"} />
        <${Fact} name="Type" value=${details.type} />
        <${Fact} name="Arguments" code=${details.text} />
        <${Fact} name="Parameters" value=${details.params !== null && count(details.params)}
          exact=${details.params} />
        <${Fact} name="FLOPs" value=${details.flops > 0 && count(details.flops)}
          exact=${details.flops} />
        <${Fact} name="Calls inside" value=${details.calls > 1 && String(details.calls)} />
        <${Fact} name="Shapes in" code=${details.shapesIn.join("; ")} />
        <${Fact} name="Shapes out" code=${details.shapesOut.join("; ")} />
      </dl>
      ${details.candidate && html`<p>Candidate ${details.candidate.slot + 1} of
        ${" "}<b>${details.candidate.key}</b></p>`}
      ${details.choice && html`<${Choice} choice=${details.choice} look=${look} />`}
      <${Places} title="Other places of this key" modules=${details.places} model=${model}
        go=${go} />
      <${Places} title="Built alike" modules=${details.instances} model=${model} go=${go} />
      <${Ends} title="Inputs" list=${details.inputs} more=${details.more[0]} onGo=${onGo} />
      <${Ends} title="Outputs" list=${details.outputs} more=${details.more[1]} onGo=${onGo} />
    <//>
  `;
}

const SCALE = [0, 0.25, 0.5, 0.75, 1];

function Legend({ model, look }) {
  const { json } = model;
  return html`
    <${Fragment}>
      <h2>${json.model}</h2>
      <dl>
        <${Fact} name="Parameters" value=${count(json.parameters)} exact=${json.parameters} />
        <${Fact} name="FLOPs" value=${json.flops > 0 && count(json.flops)} exact=${json.flops} />
        <${Fact} name="Modules" value=${count(model.modules.length)} />
        <${Fact} name="Choices" value=${String(model.keys.length)} />
      </dl>
      <p class="faint">Select a box to see what is known of it.</p>
      <h3>Strength</h3>
      <div class="supernet-scale">${SCALE.map((value) => html`<span key=${value}
        style=${{ background: scale(value), color: onScale(value) }}>${value}</span>`)}</div>
      <p class="faint">Bars are longer, and edges wider, the stronger a candidate is.
        ${" "}${look.told}</p>
      <h3>Layers</h3>
      <ul class="supernet-layers">${FAMILIES.map(([, color, label]) => html`<li key=${label}>
        <span style=${{ background: color }} aria-hidden="true"></span>${label}</li>`)}</ul>
      <h3>Keys</h3>
      <dl class="supernet-keys">
        ${KEYS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt>
          <dd>${what}</dd></div>`)}
      </dl>
    <//>
  `;
}

const KEYS = [
  ["↑ ↓ ← →", "from box to box; without one, move"], ["Shift ↑ …", "move the drawing"],
  ["Enter", "open and close a box"], ["Page Down", "into a box"], ["Page Up", "out of it"],
  ["+ − 0", "zoom, show all"],
];

function Fact({ name, value, code, exact }) {
  if (!value && !code) return null;
  return html`<div><dt>${name}</dt><dd title=${exact ? grouped(exact) : null}>
    ${code ? html`<code>${code}</code>` : value}</dd></div>`;
}

const LISTED = 200;

function Choice({ choice, look }) {
  const { key, names, slots, chosen } = choice;
  const values = look.strengthOf(key);
  const take = Array.isArray(chosen) ? `${chosen[0]} to ${chosen[1]}` : (chosen ?? "any number");
  return html`
    <h3>Key <code>${key}</code></h3>
    <p class="faint">takes ${take} of ${names.length}</p>
    <table class="supernet-candidates">
      <thead><tr><th>candidate</th><th>strength</th><th>size</th></tr></thead>
      <tbody>
        ${names.slice(0, LISTED).map((_, i) => html`<tr key=${i} class=${values?.[i]
          && values[i] === Math.max(...values) ? "best" : ""}>
          <td>${candidate(names, i)}</td>
          <td><span class="outline-bar" aria-hidden="true"><span style=${{
            width: `${Math.min(1, Math.max(0, values?.[i] || 0)) * 100}%`,
            background: scale(values?.[i]),
          }}></span></span> ${strengthText(values?.[i], look.chosen)}</td>
          <td title=${slotTitle(slots[i])}
            >${slots[i]?.params ? count(slots[i].params) : "–"}</td>
        </tr>`)}
      </tbody>
    </table>
    ${names.length > LISTED && html`<p class="faint">and ${names.length - LISTED} more</p>`}
  `;
}

function slotTitle(slot) {
  if (!slot) return null;
  const parts = [`${grouped(slot.params ?? 0)} parameters`];
  if (slot.flops) parts.push(`${count(slot.flops)} FLOPs`);
  if (slot.shape) parts.push(shape(slot.shape));
  return parts.join(", ");
}

function Places({ title, modules, model, go }) {
  if (!modules.length) return null;
  return html`
    <h3>${title} (${modules.length})</h3>
    <ul class="supernet-links">
      ${modules.slice(0, 40).map((module) => html`<li key=${module}>
        <button class="supernet-link" onClick=${() => go(module)}
          >${model.modules[module].path}</button>
      </li>`)}
      ${modules.length > 40 && html`<li class="faint">and ${modules.length - 40} more</li>`}
    </ul>
  `;
}

function Ends({ title, list, more, onGo }) {
  if (!list.length) return null;
  return html`
    <h3>${title} (${list.length + more})</h3>
    <ul class="supernet-links">
      ${list.map(({ item, label, shape }, i) => html`<li key=${i}>
        <button class="supernet-link" disabled=${item < 0}
          onClick=${() => onGo(item)}>${label}</button>
        <span class="faint"> ${shape}</span>
      </li>`)}
      ${more > 0 && html`<li class="faint">and ${more} more</li>`}
    </ul>
  `;
}
