/** Which keys matter, and how their candidates do: tables with bars. */

import { html } from "../html.js";
import { percent } from "../format.js";
import { metricText, numberText } from "./columns.js";
import { complete, directionOf, extent, meanPerCandidate } from "./figures.js";
import { fieldOf, termText } from "./filter.js";
import { useSliced } from "./sliced.js";
import { roomy } from "./ticks.js";

/**
 * How much each key matters.
 *
 * @param {object} props
 * @param {{metric: string, importance: object, problem: string}|null} props.importance
 */
export function Importance({ importance, chosen, onChoose }) {
  if (!importance || (importance.computing && !Object.keys(importance.importance).length)) {
    return html`<p class="empty">Being computed …</p>`;
  }
  if (importance.problem) return html`<p class="empty">No importance: ${importance.problem}.</p>`;
  const shares = Object.entries(importance.importance);
  const most = Math.max(...shares.map(([, share]) => share));
  return html`
    <div class="ranking" tabindex="0" role="region"
      aria-label=${`Importance of ${shares.length} keys for ${importance.metric}`}>
      <table>
        <thead class="hidden-text">
          <tr><th>key</th><th>share</th><th>share as a bar</th></tr></thead>
        <tbody>
          ${shares.map(([key, share]) => html`
            <tr key=${key}>
              <th scope="row"><button class="plain" aria-pressed=${String(key === chosen)}
                title=${`${key}: show the mean result of its candidates`}
                onClick=${() => onChoose(key)}>${key}</button></th>
              <td class="number">${percent(share)}</td>
              <td class="track"><${Bar} share=${share / most} /></td>
            </tr>`)}
        </tbody>
      </table>
    </div>`;
}

function Bar({ share }) {
  return html`<div class="bar-of" style=${{ width: `${Math.max(0.5, share * 100)}%` }}></div>`;
}

/** Mean result of each candidate of a key, with standard errors and counts. */
export function Means({ trials, entryKey, metric, shown, onFilter }) {
  const rows = useSliced(function* means() {
    const places = complete(trials, [metric]).filter((place) => shown.has(place));
    yield;
    const entries = trials.architecture[entryKey] ?? [];
    const labels = trials.labels[entryKey] ?? null;
    return meanPerCandidate(entries, labels, trials.values[metric] ?? [], places);
  }, [trials, entryKey, metric, shown]);
  const ends = (rows ?? []).flatMap(({ mean, error }) =>
    (mean === null ? [] : [mean - (error ?? 0), mean + (error ?? 0)]));
  const range = extent(ends);
  if (!rows) return null;
  if (!range) return html`<p class="empty">No complete trial decides ${entryKey}.</p>`;
  const [low, high] = roomy(range, 0.1);
  const at = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const best = bestOf(rows, directionOf(trials, metric));
  const field = fieldOf(trials, entryKey);
  return html`
    <div class="ranking" tabindex="0" role="region"
      aria-label=${`Mean ${metric} per candidate of ${entryKey}`}>
      <table>
        <thead><tr><th>${trials.labels[entryKey] ? "candidate" : "range"}</th>
          <th class="number">trials</th><th class="number">mean</th>
          <th class="number">± error</th>
          <th class="track"><span class="ends"><span>${metricText(low)}</span>
            <span>${metricText(high)}</span></span></th></tr></thead>
        <tbody>
          ${rows.map((row, index) => html`
            <tr key=${index}>
              <th scope="row"><button class="plain"
                title=${`${nameOf(row)}: show these trials only`}
                onClick=${() => onFilter(field, termsOf(field, row))}>${nameOf(row)}</button>
                ${row === best && html` <span class="badge">best</span>`}</th>
              <td class="number">${row.count}</td>
              <td class="number">${row.mean === null ? "" : metricText(row.mean)}</td>
              <td class="number">${row.error === null ? "" : errorText(row.error)}</td>
              <td class="track">${row.mean !== null && html`
                <${Whisker} row=${row} at=${at} />`}</td>
            </tr>`)}
        </tbody>
      </table>
    </div>`;
}

function Whisker({ row: { mean, error }, at }) {
  const from = at(mean - (error ?? 0));
  const to = at(mean + (error ?? 0));
  return html`
    <div class="whisker">
      <div class="bar-of" style=${{ width: at(mean) }}></div>
      <div class="error-of" style=${{ left: from, width: `calc(${to} - ${from})` }}></div>
    </div>`;
}

function bestOf(rows, direction) {
  if (!direction) return null;
  const sign = direction === "maximize" ? -1 : 1;
  const known = rows.filter(({ mean }) => mean !== null);
  return known.length > 1 ? known.reduce((a, b) => (sign * b.mean < sign * a.mean ? b : a)) : null;
}

function errorText(error) {
  return error === 0 ? "0" : Number(error.toPrecision(2)).toString();
}

function nameOf({ label, low, high }) {
  return label ?? `${numberText(low)} – ${numberText(high)}`;
}

function termsOf(key, { label, low, high }) {
  if (label !== null) return [termText(key, "=", [label])];
  return [termText(key, ">=", [low]), termText(key, "<=", [high])];
}
