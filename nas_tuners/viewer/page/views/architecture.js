/** One architecture alone: as cells, as a list, with what it costs. */

import { ChoiceTable, Costs } from "../architecture/facts.js";
import { OpenButtons, Wrong, useOpening } from "../architecture/open.js";
import { finalRecord, fromRecord, spaceShown } from "../architecture/sources.js";
import { CellPanel, drawingsOf, isDrawn } from "../cells/panel.js";
import { download } from "../cells/svg_file.js";
import { chosenOnly } from "../graph/chosen.js";
import { costs } from "../graph/costs.js";
import { GraphDrawing } from "../graph/drawing.js";
import { writeArchitecture } from "../graph/forms.js";
import { own } from "../keyed.js";
import { html, useMemo, useState } from "../html.js";
import { useStore } from "../store.js";
import { bestArchitecture } from "../trials/best.js";

const noPoint = () => {};

export function ArchitectureView({ store }) {
  const state = useStore(store, (all) => all);
  const { graph: model, record, log, trials } = state;
  const space = useMemo(() => spaceShown(state), [state.graph, state.trials]);
  const show = (architecture) => store.set({ architecture });
  const opening = useOpening(space, show);
  const now = useMemo(() => fromRecord(model, record), [model, record]);
  const best = useMemo(() => trials && bestArchitecture(trials, model), [trials, model]);
  const architecture = state.architecture ?? now ?? best;
  const final = finalRecord(log);
  return html`
    <div class=${`architecture-view ${opening.isOver ? "drop-here" : ""}`} ...${opening.drop}>
      <div class="cell-tools" role="group" aria-label="Which architecture">
        ${now && html`<button aria-pressed=${String(!state.architecture)}
          onClick=${() => show(null)}>What would be chosen now</button>`}
        ${final && html`<button onClick=${() => show(fromRecord(model, final))}>
          The final record</button>`}
        ${best && html`<button aria-pressed=${String(architecture.title === best.title)}
          onClick=${() => show(best)}>The best trial</button>`}
        <${OpenButtons} opening=${opening} />
        <span class="faint">or drop a file here</span>
        <span class="space"></span>
        ${state.architecture && html`<button onClick=${() => show(null)}>Clear</button>`}
      </div>
      <${Wrong} opening=${opening} />
      ${architecture
        ? html`<${Shown} store=${store} state=${state} space=${space} model=${model}
            architecture=${architecture} />`
        : html`<p class="empty">Open the file of an architecture, as ${" "}
            <code>export</code> writes it, to see it here.</p>`}
    </div>
  `;
}

function Shown({ store, state, space, model, architecture }) {
  const cost = useMemo(() => model && costs(model, architecture.choice), [model, architecture]);
  return html`
    <div class="architecture-parts">
      <section aria-label="Drawings">
        ${model && html`<${Drawings} store=${store} state=${state} model=${model}
          architecture=${architecture} />`}
      </section>
      <aside class="panel architecture-facts" aria-label="The architecture">
        <h2>${capital(architecture.title)}</h2>
        ${cost && html`<${Costs} model=${model} costs=${cost} />`}
        <${Actions} store=${store} model=${model} space=${space}
          architecture=${architecture} />
        <${ChoiceTable} store=${store} state=${state} space=${space}
          architecture=${architecture} />
      </aside>
    </div>
  `;
}

/** Its cells, or all of the network that it is. */
function Drawings({ store, state, model, architecture }) {
  const [isWhole, whole] = useState(false);
  return html`
    <div class="cell-tools" role="group" aria-label="What is drawn">
      <button aria-pressed=${String(!isWhole)} onClick=${() => whole(false)}>Cells</button>
      <button aria-pressed=${String(isWhole)} onClick=${() => whole(true)}>Network</button>
    </div>
    ${isWhole ? html`<${Network} model=${model} architecture=${architecture} />`
      : html`<${Cells} store=${store} state=${state} model=${model}
        architecture=${architecture} />`}
  `;
}

/** The network without what is not chosen, in boxes that open. */
function Network({ model, architecture: { choice, title } }) {
  const chosen = JSON.stringify(choice); // a record that chooses the same draws nothing anew
  const alone = useMemo(() => chosenOnly(model, choice), [model, chosen]);
  const open = alone.undecided.length;
  return html`
    ${open > 0 && html`<p class="faint">${open === 1 ? "One key is" : `${open} keys are`} not
      decided: all of their candidates are drawn.</p>`}
    <${GraphDrawing} model=${alone} name=${title}
      label=${`Network of ${title}: ${alone.modules.length} modules`} />
  `;
}

/** The cells of an architecture, with nothing but what it chooses. */
export function Cells({ store, state, model, architecture, differs, title }) {
  const { choice } = architecture;
  const drawn = drawingsOf(model).flatMap((one, number) => (isDrawn(one) ? [number] : []));
  const strengthOf = (key) => own(choice, key) ? model.choices[key].names.map(
    (_, index) => (choice[key].includes(index) ? 1 : 0)) : null;
  const pick = ({ edge }) => store.set({ selected: edge.op?.key ?? edge.slot.key });
  if (!drawn.length) {
    return html`<p class="faint">The graph of this search has no connections to draw.</p>`;
  }
  return html`<div class="cell-grid">${drawn.map((number) => html`
    <${CellPanel} key=${number} model=${model} number=${number} strengthOf=${strengthOf}
      choice=${choice} only=${true} exact=${true} threshold=${0} differs=${differs} title=${title}
      selected=${new Set([state.selected])} onPoint=${noPoint} onPick=${pick} />`)}</div>`;
}

function Actions({ store, model, space, architecture }) {
  const [told, tell] = useState("");
  const text = () => `${JSON.stringify(
    writeArchitecture(space, architecture.choice, architecture.values), null, 2)}\n`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      tell("Copied");
    } catch {
      tell("The browser does not let this page copy: download it");
    }
  };
  return html`
    <p class="cell-links">
      ${model && html`<button onClick=${() => store.set({ architecture, view: "supernet" })}>
        Over the supernet</button>`}
      <button onClick=${() => download("architecture.json", text(), "application/json")}>
        Download JSON</button>
      <button onClick=${copy}>Copy as JSON</button>
      <output class="faint">${told}</output>
    </p>
  `;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
