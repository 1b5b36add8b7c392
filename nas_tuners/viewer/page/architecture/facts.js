/** What an architecture is in words and numbers. */

import { candidate, count, plain, shape } from "../format.js";
import { own } from "../keyed.js";
import { html } from "../html.js";
import { namesOf } from "./sources.js";

/** What a key chooses, as people write it. */
export function chosenText(state, space, key, { choice, values = {} }) {
  const chosen = own(choice, key);
  const value = own(values, key);
  if (!chosen) return value === undefined ? "–" : plain(value);
  const names = namesOf(state, space, key);
  return chosen.map((index) => candidate(names, index)).join(", ") || "none";
}

/** What numbers are of, if they may not be those of the architecture itself. */
export function ofWhat({ asRecorded, seesChosen }) {
  return asRecorded || seesChosen ? ", as recorded" : "";
}

/** Parameters and FLOPs, with what they mean. */
export function Costs({ model, costs }) {
  const { parameters, flops, asRecorded, seesChosen } = costs;
  const given = model.json.inputs?.map((input) => shape(input.shape)).join(", ");
  const inputs = given ? `, for inputs of ${given}` : "";
  const of = ofWhat(costs);
  return html`
    <dl class="architecture-costs">
      <div><dt>Parameters${of}</dt>
        <dd title=${`${parameters}`}>${count(parameters)}</dd></div>
      <div><dt>FLOPs${of}</dt>
        <dd title=${flops === null ? "" : `${flops}`}>${flops === null
          ? "not known: the model did not run" : count(flops)}</dd></div>
    </dl>
    <p class="faint">Of all that the output depends on.
      ${flops !== null && ` FLOPs: two for a multiply-add${inputs}.`}
      ${asRecorded && ` Values are chosen, too, and change sizes, which a graph cannot tell: these
        are numbers of the sizes that it was recorded with.`}
      ${seesChosen && ` The model sees what is chosen (return_mask), and may run less for it than
        in the run that was recorded, which these are numbers of.`}</p>
  `;
}

const MOST = 1000;

/** Key by key what is chosen. */
export function ChoiceTable({ store, state, space, architecture }) {
  const keys = keysOf(space, architecture);
  return html`
    <table class="choice-table">
      <thead><tr><th scope="col">Key</th><th scope="col">Chosen</th></tr></thead>
      <tbody>
        ${keys.slice(0, MOST).map((key) => html`
          <tr key=${key} class=${state.selected === key ? "selected" : ""}>
            <th scope="row"><button onClick=${() => store.set({ selected: key })}>
              <code>${key}</code></button></th>
            <td>${chosenText(state, space, key, architecture)}</td>
          </tr>`)}
        ${keys.length > MOST && html`<tr><td colspan="2">and ${keys.length - MOST} more</td></tr>`}
      </tbody>
    </table>
  `;
}

/** Keys of the space, then those that only the architecture has. */
export function keysOf(space, ...architectures) {
  const found = new Set(Object.keys(space));
  for (const { choice, values = {} } of architectures) {
    [...Object.keys(choice), ...Object.keys(values)].forEach((key) => found.add(key));
  }
  return [...found];
}
