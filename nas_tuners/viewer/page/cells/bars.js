/** The candidates of a key with their weights, the strongest first. */

import { candidate, plain } from "../format.js";
import { html } from "../html.js";

const MOST = 40;

const share = (part) => `${Math.max(0, Math.min(1, part)) * 100}%`;

/**
 * @param {object} given
 * @param {string[]} given.names
 * @param {number[]|null} given.values
 * @param {number[]|null} [given.chosen]   indices that would be chosen
 */
export function Bars({ names, values, chosen = null }) {
  const order = names.map((_, index) => index);
  const of = (index) => Number(values?.[index] ?? 0);
  if (values) order.sort((a, b) => of(b) - of(a) || a - b);
  const most = Math.max(1, ...order.map(of));
  return html`
    <ol class="cell-bars">
      ${order.slice(0, MOST).map((index) => html`
        <li key=${index} class=${chosen?.includes(index) ? "chosen" : ""}>
          <span class="cell-bar-name" title=${candidate(names, index)}>
            ${candidate(names, index)}${chosen?.includes(index) && html`${" "}<span
              title="would be chosen">✓</span>`}</span>
          <span class="cell-bar-room"><span class="cell-bar-length"
            style=${{ width: share(of(index) / most) }}></span></span>
          <span class="number">${values ? plain(of(index)) : "–"}</span>
        </li>`)}
      ${order.length > MOST && html`<li class="faint">and ${order.length - MOST} more</li>`}
    </ol>
  `;
}
