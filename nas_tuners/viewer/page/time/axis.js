/** Records on a line: what a pixel shows, and where the ticks are. */

import { grouped } from "../format.js";

/**
 * Which records of an overview each column of pixels shows: those whose numbers fall into it, or
 * the nearest one if there are none.
 *
 * @param {number[]} index   ascending numbers of the records
 * @param {number} count     how many records there are in all
 * @param {number} width     pixels
 * @returns {{from: Int32Array, to: Int32Array}}   places, `to` excluded; empty without records
 */
export function columnsOf(index, count, width) {
  const filled = index.length ? width : 0;
  const from = new Int32Array(filled);
  const to = new Int32Array(filled);
  let place = 0;
  for (let pixel = 0; pixel < filled; pixel += 1) {
    const end = ((pixel + 1) * count) / width;
    from[pixel] = place;
    while (place < index.length && index[place] < end) place += 1;
    to[pixel] = place;
    if (to[pixel] > from[pixel]) continue;
    const middle = ((pixel + 0.5) * count) / width - 0.5;
    const before = Math.max(0, place - 1);
    const after = Math.min(index.length - 1, place);
    from[pixel] = middle - index[before] <= index[after] - middle ? before : after;
    to[pixel] = from[pixel] + 1;
  }
  return { from, to };
}

/** The middle of a record's column, in pixels. */
export function xOf(number, count, width) {
  return count > 0 ? ((number + 0.5) * width) / count : 0;
}

/** The number of the record whose column is at some pixels. */
export function numberAt(x, count, width) {
  if (!(width > 0) || count < 1) return 0;
  return Math.min(count - 1, Math.max(0, Math.floor((x * count) / width)));
}

/** The smallest of 1, 2, 5, 10, 20, 50, ... that is not less than a number. */
export function niceStep(least) {
  if (!(least > 1)) return 1;
  const unit = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((step) => step >= least * (1 - 1e-9));
}

/** The smallest of ..., 0.1, 0.2, 0.5, 1, 2, ... that is not less than a number above 0. */
export function niceTop(least) {
  if (!(least > 0) || !Number.isFinite(least)) return 1;
  const unit = 10 ** Math.floor(Math.log10(least));
  const tops = [1, 2, 5, 10].map((factor) => factor * unit);
  const top = tops.find((one) => one >= least * (1 - 1e-9));
  return Number(top.toPrecision(6));
}

/**
 * Marks along the records: where epochs begin, or every so many records if there are no epochs.
 *
 * @param {{index: number[], epoch: (number|null)[], count: number}} log
 * @param {number} most   how many there may be
 * @returns {{unit: "epoch"|"record", ticks: {number: number, label: string}[]}}
 */
export function ticksOf(log, most) {
  const starts = epochStarts(log);
  if (starts.length > 1) {
    const span = starts[starts.length - 1].epoch - starts[0].epoch + 1;
    const step = niceStep(span / Math.max(1, most));
    const ticks = starts
      .filter(({ epoch }) => epoch % step === 0)
      .map(({ number, epoch }) => ({ number, label: String(epoch) }));
    return { unit: "epoch", ticks };
  }
  const step = niceStep(log.count / Math.max(1, most));
  const ticks = [];
  for (let number = step === 1 ? 0 : step - 1; number < log.count; number += step) {
    ticks.push({ number, label: grouped(number + 1) });
  }
  return { unit: "record", ticks };
}

const LETTER = 7; // pixels, at the size of ticks

/**
 * Where ticks are and what is written beside them: the first with its unit, none over another or
 * over the end.
 *
 * @param {{unit: string, ticks: {number: number, label: string}[]}} given
 * @param {(number: number) => number} place   from a record to pixels
 * @returns {{number: number, x: number, text: string}[]}
 */
export function written({ unit, ticks }, place, width) {
  let free = 0;
  return ticks.map(({ number, label }, at) => {
    const x = place(number);
    const text = at === 0 ? `${unit} ${label}` : label;
    const end = x + text.length * LETTER + 6;
    if (x < free || end > width) return { number, x, text: "" };
    free = end;
    return { number, x, text };
  });
}

/** The first record known of each epoch; an epoch that comes again is not counted again. */
export function epochStarts({ index, epoch }) {
  const starts = [];
  let last = -Infinity;
  epoch.forEach((one, place) => {
    if (!Number.isFinite(one) || one <= last) return;
    last = one;
    starts.push({ number: index[place], epoch: one });
  });
  return starts;
}

/** Move labels apart: heights in ascending order, at least `gap` between them, within bounds. */
export function spread(heights, gap, low, high) {
  const order = [...heights.keys()].sort((a, b) => heights[a] - heights[b]);
  const placed = heights.slice();
  let floor = low;
  for (const at of order) {
    placed[at] = Math.max(placed[at], floor);
    floor = placed[at] + gap;
  }
  let ceiling = high;
  for (const at of order.reverse()) {
    placed[at] = Math.min(placed[at], ceiling);
    ceiling = placed[at] - gap;
  }
  return placed;
}
