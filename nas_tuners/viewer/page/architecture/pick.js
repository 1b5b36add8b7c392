/** Choosing what one side of a comparison shows. */

import { html, useState } from "../html.js";
import { recordOf } from "../data.js";
import { architectureOfTrial } from "../trials/architecture.js";
import { OpenButtons, Wrong } from "./open.js";
import { finalRecord, fromRecord } from "./sources.js";

/**
 * @param {object} given
 * @param {string} given.letter   "A" or "B"
 * @param {object} given.state    of the store
 * @param {object} given.opening  see useOpening
 * @param {(architecture: object) => void} given.onPick
 */
export function Pick({ letter, state, architecture, opening, onPick }) {
  const { graph, log, trials, record, architecture: shown } = state;
  const known = sources({ graph, log, record, shown });
  const take = (event) => {
    const found = known.find(([name]) => name === event.currentTarget.value);
    if (found) onPick(found[1]);
    event.currentTarget.value = "";
  };
  return html`
    <div class="cell-tools">
      <label>${letter}
        <select aria-label=${`What is ${letter}`} onChange=${take} value="">
          <option value="">${architecture ? architecture.title : "choose …"}</option>
          ${known.map(([name]) => html`<option key=${name} value=${name}>${name}</option>`)}
        </select>
      </label>
      ${graph && log?.count > 1 && html`<${Slider} letter=${letter} log=${log}
        architecture=${architecture}
        onPick=${(index) => onPick(fromRecord(graph, recordOf(log, index)))} />`}
      ${trials?.number.length > 0 && html`<${TrialNumber} letter=${letter}
        onPick=${(number) => {
          const found = architectureOfTrial(trials, number, graph);
          if (found) onPick(found);
          return Boolean(found);
        }} />`}
      <${OpenButtons} opening=${opening} name=${letter} />
    </div>
    <${Wrong} opening=${opening} />
  `;
}

/** What can be chosen by name, without what is not there. */
function sources({ graph, log, record, shown }) {
  const at = (index) => fromRecord(graph, recordOf(log, index));
  const found = [["the architecture shown", shown]];
  if (graph && log?.count) {
    const final = finalRecord(log);
    found.push(
      ["the record shown", fromRecord(graph, record)], ["the first record", at(0)],
      ["the last record", at(log.count - 1)],
      ["the final record", final && fromRecord(graph, final)],
    );
  }
  return found.filter(([, one]) => one);
}

function Slider({ letter, log, architecture, onPick }) {
  const number = (architecture?.record ?? log.count - 1) + 1;
  return html`<input type="range" min="1" max=${log.count} value=${number}
    aria-label=${`Record of ${letter}`}
    onInput=${(event) => onPick(Number(event.currentTarget.value) - 1)} />`;
}

function TrialNumber({ letter, onPick }) {
  const [isWrong, wrong] = useState(false);
  return html`<label>Trial
    <input class="compare-trial" type="number" min="0" aria-label=${`Trial of ${letter}`}
      aria-invalid=${String(isWrong)}
      onChange=${(event) => wrong(!onPick(Number(event.currentTarget.value)))} />
    ${isWrong && html`<span class="problem" role="status">there is none</span>`}</label>`;
}
