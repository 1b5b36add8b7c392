/**
 * What a log tells of one choice. Rows are kept as one flat list of numbers, `n` a record; NaN
 * stands where a record says nothing.
 */

/** Rows as a log has them, `null` where the key is missing -> n numbers a record. */
export function flatten(rows, n) {
  const flat = new Float32Array(rows.length * n).fill(NaN);
  rows.forEach((row, place) => {
    if (!Array.isArray(row)) return;
    for (let slot = 0; slot < Math.min(n, row.length); slot += 1) {
      const value = row[slot];
      if (typeof value === "number" || typeof value === "boolean") flat[place * n + slot] = value;
    }
  });
  return flat;
}

/** How many candidates a key has at most, by its names and by its records. */
export function widthOf(rows, names = []) {
  return rows.reduce((most, row) => Math.max(most, row?.length ?? 0), names.length);
}

/**
 * Entropy of weights, -Σ p ln p in nats with p = weight / sum, divided by ln n.
 *
 * 0: one candidate has all the weight; 1: all have the same. NaN if none has any.
 */
export function entropy(flat, from = 0, n = flat.length) {
  let sum = 0;
  let weighted = 0;
  for (let at = from; at < from + n; at += 1) {
    const value = flat[at];
    if (!(value > 0) || value === Infinity) continue;
    sum += value;
    weighted += value * Math.log(value);
  }
  if (sum === 0) return NaN;
  return n < 2 ? 0 : Math.max(0, (Math.log(sum) - weighted / sum) / Math.log(n));
}

/**
 * Mean entropy of candidates that are in or out each by itself: -p ln p - (1 - p) ln(1 - p) in
 * nats, divided by ln 2.
 */
export function freeEntropy(flat, from = 0, n = flat.length) {
  let sum = 0;
  let counted = 0;
  for (let at = from; at < from + n; at += 1) {
    if (Number.isNaN(flat[at])) continue;
    sum += ofTwo(Math.min(1, Math.max(0, flat[at])));
    counted += 1;
  }
  return counted ? sum / counted / Math.LN2 : NaN;
}

/**
 * Entropy of several that are chosen, `chosen` of n: the mean of -p ln p - (1 - p) ln(1 - p) over
 * the candidates' chances p, divided by that of p = chosen / n. Of one, that of `entropy`.
 *
 * 0: as many as are chosen have all the weight; 1: all have the same. NaN if none has any.
 */
export function chosenEntropy(flat, chosen, from = 0, n = flat.length) {
  if (chosen === 1) return entropy(flat, from, n);
  const weights = Array.from(flat.slice(from, from + n), (value) => (
    value > 0 && value !== Infinity ? value : 0));
  if (!weights.some(Boolean)) return NaN;
  if (chosen <= 0 || chosen >= n) return 0; // nothing to choose
  const sum = chances(weights, chosen).reduce((all, p) => all + ofTwo(p), 0);
  return Math.min(1, sum / n / ofTwo(chosen / n));
}

/**
 * The chance of each candidate to be among the chosen ones, the likeliest first: in proportion to
 * the weights, but for those that would have more than 1. They add up to `chosen`.
 *
 * @param {number[]} weights   none below 0
 * @param {number} chosen      fewer than there are weights
 */
export function chances(weights, chosen) {
  const most = Math.max(...weights);
  const sorted = weights.map((weight) => weight / most).sort((a, b) => b - a); // sums stay finite
  const rest = [...sorted]; // of each and those after it, the sum
  for (let at = rest.length - 2; at >= 0; at -= 1) rest[at] += rest[at + 1];
  const isSure = (at) => sorted[at] > 0 && (chosen - at) * sorted[at] >= rest[at];
  let sure = 0;
  while (sure < chosen && isSure(sure)) sure += 1;
  const open = sorted.length - sure;
  const shareOf = (weight) => (rest[sure] > 0 ? weight / rest[sure] : 1 / open);
  return sorted.map((weight, at) => (at < sure ? 1 : (chosen - sure) * shareOf(weight)));
}

/** Entropy of what has the probability p, in nats. */
function ofTwo(p) {
  return p <= 0 || p >= 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p);
}

/**
 * The candidates that a row decides for, in ascending order: the `chosen` strongest; if any
 * number may be chosen, those above one half.
 *
 * @param {number|null|number[]} chosen   a number, or null or [low, high] for any number
 * @returns {number[]|null}   null if equal weights leave it open
 */
export function decided(row, chosen) {
  const order = [...row.keys()].filter((slot) => !Number.isNaN(row[slot]));
  if (typeof chosen !== "number") {
    const [low, high] = chosen ?? [0, row.length];
    order.sort((a, b) => row[b] - row[a] || a - b);
    const above = order.filter((slot) => row[slot] > 0.5).length;
    return order.slice(0, Math.min(high, Math.max(low, above))).sort((a, b) => a - b);
  }
  if (chosen >= order.length) return order;
  order.sort((a, b) => row[b] - row[a]);
  if (row[order[chosen - 1]] === row[order[chosen]]) return null;
  return order.slice(0, chosen).sort((a, b) => a - b);
}

/** How many candidates are chosen, by the rows alone: all 0 or 1 tell, else it is one. */
export function guessChosen(flat, n) {
  const sums = new Set();
  for (let from = 0; from < flat.length; from += n) {
    let sum = 0;
    for (let slot = 0; slot < n; slot += 1) {
      const value = flat[from + slot];
      if (value !== 0 && value !== 1 && !Number.isNaN(value)) return 1;
      sum += value;
    }
    if (!Number.isNaN(sum)) sums.add(sum);
  }
  return sums.size > 1 ? null : Math.max(1, ...sums);
}

/**
 * How often each candidate was taken in the last records of kind "sample", up to each of them;
 * other records stay as they are.
 */
export function frequencies(flat, n, kinds, window) {
  const result = Float32Array.from(flat);
  const within = []; // places of samples, the oldest first
  let oldest = 0;
  const sums = new Float64Array(n);
  const counts = new Float64Array(n);
  const add = (place, sign) => {
    for (let slot = 0; slot < n; slot += 1) {
      const value = flat[place * n + slot];
      if (Number.isNaN(value)) continue;
      sums[slot] += sign * value;
      counts[slot] += sign;
    }
  };
  for (let place = 0; place * n < flat.length; place += 1) {
    if (kinds[place] !== "sample" || isGap(flat, place, n)) continue;
    within.push(place);
    add(place, 1);
    if (within.length - oldest > window) {
      add(within[oldest], -1);
      oldest += 1;
    }
    for (let slot = 0; slot < n; slot += 1) {
      result[place * n + slot] = counts[slot] ? sums[slot] / counts[slot] : NaN;
    }
  }
  return result;
}

/** Whether a record says nothing of the key. */
export function isGap(flat, place, n) {
  for (let at = place * n; at < (place + 1) * n; at += 1) {
    if (!Number.isNaN(flat[at])) return false;
  }
  return true;
}
