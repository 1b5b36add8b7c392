/** What the plots show, from columns of trials. Pure; places are indices into the columns. */

/** What is better in a metric; of one that is only reported, low values are taken to be. */
export function isBetter(direction) {
  return direction === "maximize" ? (x, y) => x > y : (x, y) => x < y;
}

/** The places of complete trials that have all of these metrics. */
export function complete(trials, metrics) {
  const columns = metrics.map((name) => trials.values[name]);
  const places = [];
  for (let place = 0; place < trials.number.length; place += 1) {
    if (trials.state[place] !== "complete") continue;
    if (columns.every((column) => Number.isFinite(column[place]))) places.push(place);
  }
  return places;
}

/** Whether the trial at a place is within its bounds. */
export function isFeasible(trials, place) {
  return !trials.feasible || trials.feasible[place] !== false;
}

/**
 * The best value so far, after each trial that is within its bounds and better than all before.
 *
 * @param {number[]} places   in the order of the axis
 * @param {number[]} values   of a metric
 * @param {string|null} direction
 * @param {(place: number) => boolean} counts   whether a trial may be the best
 * @returns {number[]} the places that improved on all before
 */
export function bestSoFar(places, values, direction, counts = () => true) {
  const better = isBetter(direction);
  const steps = [];
  for (const place of places) {
    if (!counts(place)) continue;
    const last = steps[steps.length - 1];
    if (last === undefined || better(values[place], values[last])) steps.push(place);
  }
  return steps;
}

/** Whether high or low values of a metric are good; null of one that is only reported. */
export function directionOf(trials, metric) {
  return trials.directions[trials.metrics.indexOf(metric)] ?? null;
}

/**
 * The places that no other place dominates: none is better in one metric and not worse in the
 * other. Ordered by the first metric, the best first.
 *
 * @param {number[]} places
 * @param {[number[], number[]]} values       of the two metrics
 * @param {[string|null, string|null]} directions
 * @returns {number[]}
 */
export function front(places, [xs, ys], [xDirection, yDirection]) {
  const xSign = xDirection === "maximize" ? -1 : 1;
  const ySign = yDirection === "maximize" ? -1 : 1;
  const ordered = [...places].sort((a, b) =>
    xSign * (xs[a] - xs[b]) || ySign * (ys[a] - ys[b]) || a - b);
  const found = [];
  let best = Infinity; // of all with a better first metric
  let x = null;
  let bestHere = Infinity; // of those with the same
  for (const place of ordered) {
    const y = ySign * ys[place];
    if (xs[place] !== x) {
      best = Math.min(best, bestHere);
      x = xs[place];
      bestHere = y; // the best of its kind comes first
    }
    if (y < best && y === bestHere) found.push(place);
  }
  return found;
}

const BINS = 8;

/**
 * Mean result for each candidate of a key, or for ranges of a number.
 *
 * @param {any[]} entries   of a key, one a place
 * @param {string[]|null} labels   of its candidates
 * @param {number[]} values   of a metric
 * @param {number[]} places
 * @returns {{label: string, count: number, mean: number|null, error: number|null,
 *   low: number|null, high: number|null}[]}   low and high: the range, of a number
 */
export function meanPerCandidate(entries, labels, values, places) {
  const groups = labels
    ? labels.map((label) => ({ label, values: [], low: null, high: null }))
    : ranges(places.map((place) => entries[place]).filter(Number.isFinite));
  const add = (group, place) => group?.values.push(values[place]);
  for (const place of places) {
    const entry = entries[place];
    if (entry === null || entry === undefined) continue;
    if (!labels) add(groups.find(({ high }) => entry <= high), place);
    else if (Array.isArray(entry)) for (const index of entry) add(groups[index], place);
    else add(groups[entry], place);
  }
  return groups.map(({ label, values: found, low, high }) => ({
    label, low, high, ...meanAndError(found),
  }));
}

/** Count, mean, and standard error of the mean; null where there are too few for it. */
export function meanAndError(values) {
  const count = values.length;
  if (count === 0) return { count, mean: null, error: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { count, mean, error: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, error: Math.sqrt(squares / (count - 1) / count) };
}

/** The values themselves if they are few, else ranges with as many values in each. */
function ranges(values) {
  const ascending = [...values].sort((a, b) => a - b);
  const different = [...new Set(ascending)];
  if (different.length <= BINS) {
    return different.map((value) => (
      { label: String(value), values: [], low: value, high: value }));
  }
  const groups = [];
  let low = ascending[0];
  for (let bin = 1; bin <= BINS; bin += 1) {
    const high = ascending[Math.ceil((bin * ascending.length) / BINS) - 1];
    if (groups.length && high === groups[groups.length - 1].high) continue;
    groups.push({ label: null, values: [], low, high });
    low = different.find((value) => value > high); // no trial is in two ranges
  }
  return groups;
}

/** Evenly spread places, at most so many, and always those of `kept`. */
export function thinned(places, limit, kept = []) {
  if (places.length <= limit) return places;
  const every = places.length / limit;
  const chosen = new Set(kept);
  for (let i = 0; i < limit; i += 1) chosen.add(places[Math.floor(i * every)]);
  return places.filter((place) => chosen.has(place));
}

/** The smallest and the largest of the finite values; null if there are none. */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}
