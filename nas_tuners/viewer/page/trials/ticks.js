/** Axes: where their marks stand, and how values become places. */

const MOST = 1000; // marks; where numbers are too large to be counted through there is no end

/**
 * Round numbers within a range, about so many.
 *
 * @returns {number[]}
 */
export function ticks(low, high, about = 5) {
  if (!(low < high)) return [low];
  const raw = (high - low) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  const found = [];
  const tidy = (value) => Number(value.toFixed(Math.min(digits, 20)));
  for (let i = 0; i <= Math.min(last - first, MOST); i += 1) found.push(tidy((first + i) * step));
  return found;
}

/** Powers of ten (or of ten, twos and fives) within a range of positive numbers. */
export function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    const value = Number(`1e${power}`);
    if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
  }
  return found.length >= 2 ? found : ticks(low, high, 3);
}

/** A range with a little room at both ends; a single value gets some around it. */
export function roomy([low, high], share = 0.04) {
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    return [low - room, high + room];
  }
  const room = (high - low) * share;
  return [low - room, high + room];
}

/**
 * From values to pixels and back.
 *
 * @param {[number, number]} range   of the values
 * @param {[number, number]} pixels
 * @param {boolean} log   whether the range is logarithmic
 */
export function axis([low, high], [from, to], log = false) {
  const on = log ? Math.log : (x) => x;
  const [a, b] = [on(low), on(high)];
  const width = b - a || 1;
  return {
    low, high, log,
    to: (value) => from + ((on(value) - a) / width) * (to - from),
    back: (pixel) => {
      const x = a + ((pixel - from) / (to - from)) * width;
      return log ? Math.exp(x) : x;
    },
    ticks: (about) => (log ? logTicks(low, high) : ticks(low, high, about)),
  };
}
