/** The rows of the heat map: which there are, in what order, and which can be seen. */

import { isTold } from "./settling.js";

const NAMES = new Intl.Collator("en", { numeric: true });

/**
 * Rows of the keys that have a text in their name, with all candidates; of others those candidates
 * that have it in theirs.
 *
 * @typedef {object} Row
 * @property {string} key
 * @property {number} slot     the candidate; -1: the row of the key itself
 * @property {string} id
 *
 * @param {string[]} keys
 * @param {Map<string, object>} series
 * @param {{names: (key: string) => string[], filter: string, by: string, down: boolean,
 *   closed: Set<string>}} wanted
 * @returns {Row[]}
 */
export function rowsOf(keys, series, { names, filter, by, down, closed }) {
  const has = finder(filter);
  const found = keys.filter((key) => has(key) || names(key).some(has));
  return sorted(found, series, by, down).flatMap((key) => {
    const head = { key, slot: -1, id: `${key}\n` };
    if (closed.has(key)) return [head];
    const slots = [...Array(series.get(key)?.n ?? 0).keys()];
    const shown = has(key) ? slots : slots.filter((slot) => has(names(key)[slot] ?? ""));
    return [head, ...shown.map((slot) => ({ key, slot, id: `${key}\n${slot}` }))];
  });
}

/** Whether a name has a text in it, whatever its case. */
function finder(filter) {
  const text = filter.trim().toLowerCase();
  return (name) => String(name).toLowerCase().includes(text);
}

/**
 * @param {string} by   "" (as they are), "name", "entropy", "changes" or "settled"; what has none
 *   comes last, whichever the direction
 */
export function sorted(keys, series, by, down) {
  if (!by) return down ? [...keys].reverse() : keys;
  const sign = down ? -1 : 1;
  if (by === "name") return [...keys].sort((a, b) => sign * NAMES.compare(a, b));
  const value = (key) => rank(series.get(key), by);
  return [...keys].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (Number.isNaN(left) || Number.isNaN(right)) {
      return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
    }
    return sign * (left === right ? 0 : left - right);
  });
}

function rank(series, by) {
  if (!series) return NaN;
  if (by === "entropy") return series.latest;
  if (!isTold(series.state)) return NaN;
  if (by === "changes") return series.changes;
  return series.state === "settled" ? series.since : Infinity;
}

/** The rows from `from` to before `to` that can be seen, and some around them. */
export function windowOf({ top, height, rowHeight, total, around = 6 }) {
  const from = Math.max(0, Math.floor(top / rowHeight) - around);
  const to = Math.min(total, Math.ceil((top + height) / rowHeight) + around);
  return { from: Math.min(from, to), to };
}

/** Where to scroll so that a row can be seen. */
export function scrolledTo(row, { top, height, rowHeight }) {
  const start = row * rowHeight;
  if (start < top) return start;
  return start + rowHeight > top + height ? start + rowHeight - height : top;
}
