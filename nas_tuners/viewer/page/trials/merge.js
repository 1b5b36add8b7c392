/** Columns of trials that grow while a search runs. */

/**
 * The columns with rows that are new or have changed.
 *
 * @param {object} trials   columns, as `/api/runs/{id}/trials` gives them; left as they are
 * @param {{revision: number, rows: object}} change
 */
export function withTrials(trials, change) {
  const { rows } = change;
  const places = placesOf(trials, rows);
  const count = Math.max(trials.number.length, ...places.map((place) => place + 1));
  const merged = { ...trials, ...headOf(rows), revision: change.revision };
  for (const name of ["number", "state", "start", "seconds"]) {
    merged[name] = written(trials[name], places, rows[name], count);
  }
  merged.values = writtenByName(trials.values, places, rows.values, count);
  merged.architecture = writtenByName(trials.architecture, places, rows.architecture, count);
  merged.feasible = feasible(trials, places, rows, count);
  merged.reason = { ...trials.reason };
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
  const columns = {};
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
