/** The head of the heat map: times, and titles to sort by. */

import { html, useMemo } from "../html.js";
import { ticksOf, written, xOf } from "./axis.js";
import { ENOUGH } from "./settling.js";

const COLUMNS = [["entropy", "Entropy"], ["changes", "Changes"], ["settled", "Settled"]];

/** @param {{axis: object}} props   axis: a ref of the part that is as wide as the map */
export function Head({ axis, log, width, sorting, sort }) {
  const found = useMemo(() => ticksOf(log, Math.max(2, width / 48)), [log, width]);
  const start = (number) => xOf(number - 0.5, log.count, width);
  const title = (by, label) => html`<${Title} key=${by} by=${by} label=${label} sort=${sort}
    order=${sorting.by !== by ? "none" : sorting.down ? "descending" : "ascending"} />`;
  return html`
    <div role="rowgroup" class="heat-head">
      <div role="row" class="heat-row" aria-rowindex="1">
        ${title("name", "Choice")}
        <div role="columnheader" class="heat-axis" ref=${axis}>
          <span class="hidden-text">Over the ${found.unit}s</span>
          ${written(found, start, width).map(({ number, x, text }) => html`
            <span key=${number} class="heat-tick" aria-hidden="true"
              style=${{ left: `${x}px` }}>${text}</span>`)}
        </div>
        ${COLUMNS.map(([by, label]) => title(by, label))}
      </div>
    </div>
  `;
}

const SIGNS = { none: "", ascending: " ▲", descending: " ▼" };

function Title({ by, label, order, sort }) {
  return html`
    <div role="columnheader" class=${`heat-${by}`} aria-sort=${order}>
      <button title=${`Sort by ${label.toLowerCase()}. ${TOLD[by] ?? ""}`}
        onClick=${() => sort(by)}>${label}<span aria-hidden="true">${SIGNS[order]}</span></button>
    </div>
  `;
}

const TOLD = {
  entropy: "Entropy is −Σ p ln p / ln n with p = weight / sum over n candidates: 1 where all " +
    "are equal, 0 where one has all. Where k > 1 of n are chosen, it is the mean of " +
    "−p ln p − (1−p) ln(1−p) over that of p = k/n, with p the chance to be one of the k: 0 where " +
    "k have all. Where any number may be chosen, it is that mean over ln 2.",
  changes: "How often another candidate became the strongest, from one record of the map to the " +
    "next: of a long log these are not all.",
  settled: "Since when the strongest ones stay the same; not yet, if they changed within the " +
    `last tenth of the records; not told of fewer than ${ENOUGH} records. What the search ` +
    "decided for in the end is not counted.",
};
