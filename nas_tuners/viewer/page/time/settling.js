/** When choices came to rest, and how undecided they are. */

import {
  chosenEntropy, decided, flatten, freeEntropy, frequencies, guessChosen, isGap, widthOf,
} from "./series.js";

export const GAP = -1;
export const TIE = -2;
const LATE = 0.9; // of the records: what changes after them has not settled
/** Fewer records than these say nothing of when a key settled. */
export const ENOUGH = 5;

/**
 * @typedef {object} Series   what is known of a key over the records of an overview
 * @property {number} n               candidates
 * @property {number|null|number[]} chosen   how many of them are taken
 * @property {number[]} counted       places of records that show the search at work
 * @property {Float32Array} values    n a record, as drawn
 * @property {Float32Array} entropy   one a record, NaN where there is none, and of final records
 * @property {Int32Array} decisions   one a record: number of a set in `sets`, GAP or TIE
 * @property {number[][]} sets        candidates that were decided for, each set once
 * @property {number} changes         how often the decision changed
 * @property {"settled"|"moving"|"few"|"equal"|"fixed"|"empty"} state   few: too few records to say
 *   that it settled or did not; equal: never told apart; fixed: there is nothing to decide, all
 *   are taken
 * @property {number} known           records that say something of it
 * @property {number} since           place of the record since which the decision stands; -1: none
 * @property {number} latest          the last entropy there is, or NaN
 * @property {number} most            the largest weight, 0 if none is above
 */

/**
 * @param {object} log      an overview
 * @param {string} key
 * @param {{names?: string[], chosen?: number|null|number[], window?: number,
 *   counted: number[]}} about   chosen is
 *   undefined if it is not known, window 0 if samples are taken as they are,
 *   counted what countedPlaces(log) gives
 * @returns {Series}
 */
export function keySeries(log, key, { names, chosen, window = 0, counted }) {
  const rows = log.values[key];
  const n = widthOf(rows, names);
  const raw = flatten(rows, n);
  const taken = chosen === undefined ? guessChosen(raw, n) : chosen;
  const values = window ? frequencies(raw, n, log.kind, window) : raw;
  const free = typeof taken !== "number";
  const entropies = new Float32Array(rows.length).fill(NaN);
  const { decisions, sets } = decisionsOf(values, n, taken, rows.length);
  let most = 0;
  for (const place of counted) {
    entropies[place] = free ? freeEntropy(values, place * n, n)
      : chosenEntropy(values, taken, place * n, n);
    for (let at = place * n; at < (place + 1) * n; at += 1) {
      if (values[at] > most && values[at] !== Infinity) most = values[at];
    }
  }
  const rest = restOf(decisions, counted, log.index);
  if (!free && taken >= n && rest.state !== "empty") rest.state = "fixed";
  const latest = entropies[counted.findLast((place) => !Number.isNaN(entropies[place]))] ?? NaN;
  return {
    n, chosen: taken, counted, values, entropy: entropies, decisions, sets, ...rest, latest, most,
  };
}

/**
 * Records that show the search at work. What it decided for in the end is no part of how it came
 * to rest, unless there is nothing else.
 */
export function countedPlaces(log) {
  const all = [...log.index.keys()];
  const others = all.filter((place) => log.kind[place] !== "final");
  return others.length ? others : all;
}

function decisionsOf(values, n, chosen, records) {
  const decisions = new Int32Array(records).fill(GAP);
  const sets = [];
  const known = new Map();
  for (let place = 0; place < records; place += 1) {
    if (isGap(values, place, n)) continue;
    const set = chosen === 1
      ? single(values, place * n, n)
      : decided(values.subarray(place * n, (place + 1) * n), chosen);
    if (set === null) {
      decisions[place] = TIE;
      continue;
    }
    const name = String(set);
    if (!known.has(name)) known.set(name, sets.push([].concat(set)) - 1);
    decisions[place] = known.get(name);
  }
  return { decisions, sets };
}

/** The strongest of a row, null if there are several: `decided` for one, but quick. */
function single(values, from, n) {
  let best = -1;
  let tied = false;
  for (let slot = 0; slot < n; slot += 1) {
    const value = values[from + slot];
    if (Number.isNaN(value)) continue;
    if (best < 0 || value > values[from + best]) {
      best = slot;
      tied = false;
    } else if (value === values[from + best]) tied = true;
  }
  return tied ? null : best;
}

/**
 * @param {ArrayLike<number>} decisions
 * @param {number[]} counted   places that count
 * @param {number[]} index     number of the record at each place
 */
export function restOf(decisions, counted, index) {
  const places = counted.filter((place) => decisions[place] !== GAP);
  const known = places.length;
  if (!known) return { changes: 0, state: "empty", since: -1, known };
  if (places.every((place) => decisions[place] === TIE)) {
    return { changes: 0, state: "equal", since: -1, known };
  }
  let changes = 0;
  let since = places[0];
  for (let at = 1; at < places.length; at += 1) {
    if (decisions[places[at]] === decisions[places[at - 1]]) continue;
    changes += 1;
    since = places[at];
  }
  const first = index[counted[0]];
  const last = index[counted[counted.length - 1]];
  const late = changes > 0 && index[since] - first > LATE * (last - first);
  const moving = late || decisions[since] === TIE;
  const state = known < ENOUGH ? "few" : moving ? "moving" : "settled";
  return { changes, state, since, known };
}

/** Whether a key's candidates are ever told apart. */
export function isTold(state) {
  return state === "settled" || state === "moving" || state === "few";
}

/** The mean over keys that are ever told apart, one a record; NaN where none has an entropy. */
export function meanEntropy(series, records) {
  const sums = new Float64Array(records);
  const counts = new Uint32Array(records);
  for (const { entropy: values, state } of series) {
    if (!isTold(state)) continue;
    for (let place = 0; place < records; place += 1) {
      if (Number.isNaN(values[place])) continue;
      sums[place] += values[place];
      counts[place] += 1;
    }
  }
  return Float32Array.from(sums, (sum, place) => (counts[place] ? sum / counts[place] : NaN));
}

/**
 * @param {Series[]} series
 * @returns {{settled: number, few: number, told: number, left: number, entropy: number,
 *   last: number}}
 *   `told`: keys whose candidates are ever told apart; `few`: those of them with too few records;
 *   `left`: the others; `last`: place of the last change, or -1
 */
export function summary(series) {
  const told = series.filter(({ state }) => isTold(state));
  const known = told.filter(({ latest }) => !Number.isNaN(latest));
  return {
    settled: told.filter(({ state }) => state === "settled").length,
    few: told.filter(({ state }) => state === "few").length,
    told: told.length,
    left: series.length - told.length,
    entropy: known.reduce((sum, { latest }) => sum + latest, 0) / known.length,
    last: told.reduce((last, { since, changes }) => (changes ? Math.max(last, since) : last), -1),
  };
}
