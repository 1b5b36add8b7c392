/** What the heat map says in numbers. */

import { html } from "../html.js";
import { nearest } from "../data.js";
import { candidate } from "../format.js";
import { useStore } from "../store.js";
import { namesOf } from "./canvases.js";
import { fourDigits, momentOf } from "./heatrows.js";
import { numberShown } from "./moves.js";
import { GAP } from "./settling.js";

/** The number below the pointer, or of the row with the focus. */
export function Readout({ store, pointer, analysis, names, window }) {
  const found = useStore(pointer, (state) => state.found);
  const shown = useStore(store, numberShown);
  const text = found && readingOf(found, { analysis, names, window, shown });
  return html`
    <p class="heat-readout" aria-live="polite">
      ${text || html`<span class="faint">Point at the map, or go through it by the arrow keys
        (Shift+←/→: earlier or later); Enter draws a choice at the side.</span>`}
    </p>
  `;
}

function readingOf({ row, number = null }, { analysis, names, window, shown }) {
  const { log, series } = analysis;
  const one = series.get(row.key);
  if (!one) return "";
  const place = nearest(log.index, number ?? shown);
  const labels = Array.from({ length: one.n }, (_, slot) => candidate(names(row.key), slot));
  const when = momentOf(log, place).reverse().join(", ");
  if (row.slot < 0) return `${row.key}: ${decisionOf(one, place, labels)} · ${when}`;
  const raw = Number(log.values[row.key][place]?.[row.slot] ?? NaN);
  const value = one.values[place * one.n + row.slot];
  const share = window && log.kind[place] === "sample" && !Number.isNaN(value)
    ? `, ${value.toFixed(3)} of the samples up to it` : "";
  const told = Number.isNaN(raw) ? "not in the record" : fourDigits(raw);
  return `${row.key}, ${labels[row.slot]}: ${told}${share} · ${when}`;
}

function decisionOf({ sets, decisions, entropy }, place, labels) {
  const set = sets[decisions[place]];
  const told = Number.isNaN(entropy[place]) ? "" : `, entropy ${entropy[place].toFixed(3)}`;
  if (!set) return decisions[place] === GAP ? "not in the record" : `all equal${told}`;
  return `${namesOf(set, labels)}${told}`;
}
