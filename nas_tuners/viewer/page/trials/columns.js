/** The columns of the table of trials: what stands in a cell, and what it is sorted by. */

import { count, duration, moment } from "../format.js";
import { fieldOf, metricField } from "./filter.js";

/**
 * @typedef {object} Column
 * @property {string} id          what the filter calls it
 * @property {string} kind        "number", "state", "metric", "feasible", "seconds", "choice",
 *   "value", "start" or "reason"
 * @property {boolean} numeric    whether it is compared as numbers
 * @property {number} width       pixels
 * @property {(place: number) => any} raw       number, index, list of indices, text or null
 * @property {(place: number) => string} text   what people read
 * @property {string[]|null} labels             names of the candidates of a choice
 */

export const STATES = ["complete", "running", "waiting", "pruned", "fail"];
const NUMBER = 10; // letters, as of "1.2346e-7"
const SIGNS = { complete: "✓", running: "▶", waiting: "…", pruned: "✂", fail: "✕" };

/** "✓ complete". */
export function stateText(state) {
  return `${SIGNS[state] ?? "?"} ${state}`;
}

/** All columns of trials: what they are, what they found, what they decide. */
export function columnsOf(trials) {
  const of = (id, kind, list, text, width, more = {}) => ({
    id, kind, width, labels: null, numeric: true, raw: (place) => list[place] ?? null,
    text: (place) => text(list[place] ?? null), ...more,
  });
  const columns = [
    of("number", "number", trials.number, String, 92),
    of("state", "state", trials.state, stateText, 108, { numeric: false }),
    ...trials.metrics.map((name) =>
      of(metricField(name), "metric", trials.values[name], metricText, widthOf(name, 104))),
  ];
  if (trials.feasible) {
    const isJudged = (place) => trials.state[place] === "complete";
    const judged = trials.feasible.map((x, place) => (isJudged(place) ? x : null));
    const text = (feasible) => ({ true: "yes", false: "no" })[feasible] ?? "";
    columns.push(of("feasible", "feasible", judged, text, 84, { numeric: false }));
  }
  columns.push(of("seconds", "seconds", trials.seconds, secondsText, 92));
  for (const [key, entries] of Object.entries(trials.architecture)) {
    columns.push(keyColumn(fieldOf(trials, key), entries, trials.labels[key] ?? null));
  }
  columns.push(of("start", "start", trials.start, moment, 172));
  const reasons = trials.number.map((number) => trials.reason[number] ?? null);
  const reason = (text) => text ?? "";
  columns.push(of("reason", "reason", reasons, reason, 320, { numeric: false }));
  return columns;
}

function keyColumn(id, entries, labels) {
  const longest = labels ? Math.max(0, ...labels.map((label) => label.length)) : NUMBER;
  const several = entries.some(Array.isArray);
  const width = widthOf(id, Math.min(190, longest * 7.4 + 18));
  return {
    id,
    kind: labels ? "choice" : "value",
    numeric: !labels,
    width: several ? Math.max(width, 150) : width,
    labels,
    raw: (place) => entries[place] ?? null,
    text: (place) => entryText(entries[place] ?? null, labels),
  };
}

/** An entry of an architecture as people write it. */
export function entryText(entry, labels) {
  if (entry === null || entry === undefined) return "";
  if (Array.isArray(entry)) return entry.map((index) => labels?.[index] ?? `#${index}`).join(", ");
  return labels ? (labels[entry] ?? `#${entry}`) : numberText(entry);
}

/** Pixels of a column: for its name, within bounds. */
function widthOf(name, least) {
  return Math.round(Math.min(190, Math.max(least, name.length * 7.4 + 26)));
}

/** Five digits tell results apart that three do not. */
export function metricText(value) {
  if (value === null || value === undefined) return "";
  return Math.abs(value) >= 1e5 ? count(value) : numberText(value);
}

export function numberText(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}

function secondsText(seconds) {
  return seconds === null ? "" : duration(seconds);
}

/** What a place is sorted by; null comes last, whichever way. */
export function sortValue(column, place) {
  const raw = column.raw(place);
  if (raw === null) return null;
  if (column.kind === "state") return STATES.indexOf(raw);
  if (column.kind === "feasible") return raw ? 1 : 0;
  if (Array.isArray(raw)) return raw.map((index) => String(index).padStart(5, "0")).join();
  return raw;
}

/**
 * Places in the order of a column; equal ones by their number.
 *
 * @param {number[]} places
 * @param {Column} column
 * @param {boolean} descending
 * @param {number[]} numbers   of the trials
 * @returns {number[]}
 */
export function sorted(places, column, descending, numbers) {
  const values = Array(numbers.length).fill(null);
  for (const place of places) values[place] = sortValue(column, place);
  const sign = descending ? -1 : 1;
  return places.slice().sort((a, b) => {
    const x = values[a];
    const y = values[b];
    if (x === null || y === null) {
      return (x === null) - (y === null) || numbers[a] - numbers[b];
    }
    if (x < y) return -sign;
    if (x > y) return sign;
    return numbers[a] - numbers[b];
  });
}
