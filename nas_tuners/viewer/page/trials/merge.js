/** Columns of trials that grow while a search runs. */

const BY_NAME = ["values", "architecture", "labels", "reason"];

/**
 * Columns as they came, safe to be asked for any name: a key may be called "constructor", or
 * "__proto__".
 */
export function asTrials(columns) {
  const safe = { ...columns };
  for (const part of BY_NAME) if (safe[part]) safe[part] = byName(safe[part]);
  return safe;
}

/** The same in an object that has nothing else. */
export function byName(entries = {}) {
  return Object.assign(Object.create(null), entries);
}

/**
 * The columns with rows that are new or have changed.
 *
 * @param {object} trials   columns, as `/api/runs/{id}/trials` gives them; left as they are
 * @param {{revision: number, rows: object}} change
 */
export function withTrials(trials, change) {
  const rows = asTrials(change.rows);
  const places = placesOf(trials, rows);
  const count = places.reduce((most, place) => Math.max(most, place + 1), trials.number.length);
  const merged = { ...trials, ...headOf(rows), revision: change.revision };
  for (const name of ["number", "state", "start", "seconds"]) {
    merged[name] = written(trials[name], places, rows[name], count);
  }
  merged.values = writtenByName(trials.values, places, rows.values, count);
  merged.architecture = writtenByName(trials.architecture, places, rows.architecture, count);
  merged.feasible = feasible(trials, places, rows, count);
  merged.reason = byName(trials.reason);
  for (const number of rows.number) delete merged.reason[number];
  Object.assign(merged.reason, rows.reason);
  return merged;
}

/** What is said of the study, where the change says it: a change without rows may not. */
function headOf(rows) {
  const head = {};
  const names = ["name", "metrics", "directions", "space", "labels", "problems", "reading"];
  for (const name of names) if (rows[name] !== undefined) head[name] = rows[name];
  return head;
}

/** Where in the columns each of the rows belongs; new ones at the end. */
function placesOf(trials, rows) {
  const known = new Map();
  trials.number.forEach((number, place) => known.set(number, place));
  let next = trials.number.length;
  return rows.number.map((number) => {
    if (!known.has(number)) {
      known.set(number, next);
      next += 1;
    }
    return known.get(number);
  });
}

function written(old, places, fresh, count) {
  const column = old.slice();
  while (column.length < count) column.push(null);
  places.forEach((place, row) => {
    column[place] = fresh[row];
  });
  return column;
}

function writtenByName(old, places, fresh, count) {
  const columns = byName();
  for (const name of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    columns[name] = written(old[name] ?? [], places, fresh[name] ?? places.map(() => null), count);
  }
  return columns;
}

function feasible(trials, places, rows, count) {
  if (!trials.feasible && !rows.feasible) return null;
  const all = (list, length) => list ?? Array(length).fill(true);
  const old = all(trials.feasible, trials.number.length);
  return written(old, places, all(rows.feasible, places.length), count);
}
