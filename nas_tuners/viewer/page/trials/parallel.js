/** What trials choose and what they found: a line for each trial over an axis for each key. */

import { html, useMemo, useRef, useState } from "../html.js";
import { Chart } from "./chart.js";
import { entryText, metricText, numberText } from "./columns.js";
import { complete, directionOf, extent, isFeasible, thinned } from "./figures.js";
import { fieldOf, metricField, parse, termText, withoutQuotes } from "./filter.js";
import { fitted, inside, line } from "./paint.js";
import { useSliced } from "./sliced.js";
import { axis } from "./ticks.js";

const GAP = 78; // pixels between two axes, at least
export const AXES = 120; // more make a picture too wide for browsers
const LINES = 600; // more cannot be told apart
const BEST = 50;
const MARGIN = { left: 26, right: 66, top: 36, bottom: 12 };

/**
 * @param {object} props
 * @param {string[]} props.keys
 * @param {Set<number>} props.shown
 * @param {string} props.filter
 * @param {(key: string, terms: string[]) => void} props.onBrush
 */
export function Parallel({
  store, trials, keys, metric, shown, filter, marked, onPick, onBrush,
}) {
  const content = useSliced(() => axesOf(trials, keys, metric), [trials, keys, metric]);
  const [drag, setDrag] = useState(null);
  const draw = useMemo(() => content && ((frame) => paint(frame, content, shown, filter)),
    [content, shown, filter]);
  const over = useMemo(() => drag && ((frame) => drawPart(frame, drag.x, drag.from, drag.to)),
    [drag]);
  const start = useRef(null);
  if (content === undefined) return null;
  if (!content) return html`<p class="empty">No complete trial yet.</p>`;
  const { axes } = content;
  const brush = {
    down(x, y, frame) {
      const place = axisAt(frame, axes.length, x);
      if (place === null) return false;
      start.current = { place, y, x: axisX(inside(frame, MARGIN), axes.length, place) };
      return true;
    },
    move(x, y) {
      setDrag({ x: start.current.x, from: start.current.y, to: y });
    },
    up(x, y, frame) {
      const { place, y: from } = start.current;
      const one = axes[place];
      const box = inside(frame, MARGIN);
      const moved = Math.abs(y - from) > 4;
      const terms = moved ? one.terms(...[from, y].map((at) => heightAt(box, at)).sort(byNumber))
        : [];
      setDrag(null);
      onBrush(one.field, terms);
    },
  };
  const describe = (place) => `trial ${trials.number[place]}: ${metric} `
    + metricText(trials.values[metric][place]);
  const label = `What trials choose, and ${metric}: a line for each of `
    + `the trials, ${LINES} at most, over ${axes.length} axes. `
    + "Shift and arrow keys scroll. The filter shows what a range of an axis shows; the table has "
    + "the same data.";
  return html`<${Chart} store=${store} draw=${draw} describe=${describe} marked=${marked}
    onPick=${onPick} brush=${brush} over=${over} label=${label}
    least=${(axes.length - 1) * GAP + MARGIN.left + MARGIN.right} />`;
}

const byNumber = (a, b) => a - b;

/** From pixels to 0 (below) .. 1 (above). */
function heightAt(box, y) {
  return Math.min(1, Math.max(0, (box.bottom - y) / (box.bottom - box.top)));
}

/**
 * @typedef {object} Axis
 * @property {string} id
 * @property {string} field        what the filter calls it
 * @property {Float32Array} at     where each place is, 0 to 1, upwards; NaN: nowhere
 * @property {{at: number, text: string}[]} marks
 * @property {(low: number, high: number) => string[]} terms   of a filter that keeps this part
 * @property {(value: number) => number} [place]   of a number, 0 to 1
 */

function* axesOf(trials, keys, metric) {
  const axes = [];
  for (const key of keys) {
    const entries = trials.architecture[key] ?? [];
    const labels = trials.labels[key] ?? null;
    const field = fieldOf(trials, key);
    axes.push(labels ? categoryAxis({ id: key, field }, entries, labels, trials.number)
      : numberAxis({ id: key, field }, entries));
    yield;
  }
  const values = trials.values[metric] ?? [];
  const counted = values.map((x, place) => (trials.state[place] === "complete" ? x : null));
  const last = { id: metric, field: metricField(metric) };
  axes.push(numberAxis(last, counted, { text: metricText, plain: true }));
  const found = axes.filter(Boolean);
  yield;
  if (!found.length || !complete(trials, [metric]).length) return null;
  return { axes: found, trials, metric };
}

function numberAxis({ id, field }, entries, { text = numberText, plain = false } = {}) {
  const range = extent(entries.map((x) => x ?? NaN));
  if (!range) return null;
  const log = !plain && range[0] > 0 && range[1] / range[0] > 100;
  const same = range[0] === range[1];
  const scale = axis(range, [0, 1], log);
  const to = same ? () => 0.5 : scale.to;
  const marks = (same ? [range[0]] : scale.ticks(4)).map((x) => ({ at: to(x), text: text(x) }));
  return {
    id, field, marks,
    at: Float32Array.from(entries, (x) => (Number.isFinite(x) ? to(x) : NaN)),
    place: (value) => Math.min(1, Math.max(0, scale.to(value))),
    terms: (low, high) => [
      termText(field, ">=", [rounded(scale.back(low))]),
      termText(field, "<=", [rounded(scale.back(high))]),
    ],
  };
}

const rounded = (x) => Number(x.toPrecision(4));

/** Candidates from below, trials spread a little around theirs, so that many look like many. */
function categoryAxis({ id, field }, entries, labels, numbers) {
  const several = entries.some(Array.isArray);
  const { texts, indices } = several
    ? subsets(entries, labels) : { texts: labels, indices: entries };
  if (!texts.length) return null;
  const size = 1 / texts.length;
  const at = new Float32Array(entries.length).fill(NaN);
  for (let place = 0; place < entries.length; place += 1) {
    const index = indices[place];
    if (index === null || index === undefined) continue;
    const spread = ((numbers[place] * 0.618034) % 1) - 0.5;
    at[place] = (index + 0.5 + spread * 0.5) * size;
  }
  const marks = texts.map((text, index) => ({ at: (index + 0.5) * size, text }));
  const within = (middle, low, high) => middle + 0.3 * size >= low && middle - 0.3 * size <= high;
  return {
    id, field, at, marks,
    terms: (low, high) => {
      const kept = marks.filter((mark) => within(mark.at, low, high)).map(({ text }) => text);
      return kept.length ? [termText(field, "=", kept)] : [];
    },
  };
}

/** What is chosen together, in words, and which of these each trial chooses. */
function subsets(entries, labels) {
  const names = entries.map((entry) => (entry === null ? null : String(entry)));
  const known = new Map();
  entries.forEach((entry, place) => {
    if (entry !== null && !known.has(names[place])) {
      known.set(names[place], entryText(entry, labels) || "none");
    }
  });
  const ordered = [...known].sort(([, a], [, b]) => (a < b ? -1 : 1));
  const index = new Map(ordered.map(([name], i) => [name, i]));
  return {
    texts: ordered.map(([, text]) => text),
    indices: names.map((name) => (name === null ? null : index.get(name))),
  };
}

function axisX(box, count, place) {
  return count === 1 ? box.left : box.left + ((box.right - box.left) * place) / (count - 1);
}

function axisAt(frame, count, x) {
  const box = inside(frame, MARGIN);
  for (let place = 0; place < count; place += 1) {
    if (Math.abs(axisX(box, count, place) - x) <= 12) return place;
  }
  return null;
}

const BATCH = 12; // lines between two chances to pause

function* paint(frame, { trials, axes, metric }, shown, filter) {
  const { ctx, colors } = frame;
  const box = inside(frame, MARGIN);
  const xs = axes.map((_, place) => axisX(box, axes.length, place));
  const groups = groupsOf(trials, metric, shown);
  const styles = [[colors.line, 0.5], [colors.faint, 0.5], [colors.accent, 1.4]];
  for (const [index, places] of groups.entries()) {
    for (let from = 0; from < places.length; from += BATCH) {
      [ctx.strokeStyle, ctx.lineWidth] = styles[index];
      ctx.beginPath();
      for (const place of places.slice(from, from + BATCH)) trace(ctx, axes, xs, box, place);
      ctx.stroke();
      yield;
    }
  }
  const kept = keptParts(filter, axes);
  axes.forEach((one, place) => drawAxis(frame, box, xs[place], one, kept[place]));
  const drawn = [...groups[2], ...groups[1]];
  const last = axes.length - 1;
  const ends = drawn.map((place) => heightOf(box, axes[last].at[place]));
  frame.picks = { x: drawn.map(() => xs[last]), y: ends, places: drawn };
}

/** The places that are drawn: some that the filter leaves out, some that it shows, their best. */
function groupsOf(trials, metric, shown) {
  const all = complete(trials, [metric]);
  const direction = directionOf(trials, metric);
  const sign = direction === "maximize" ? -1 : 1;
  const values = trials.values[metric];
  const inFilter = all.filter((place) => shown.has(place));
  const allowed = direction ? inFilter.filter((place) => isFeasible(trials, place)) : [];
  const ranked = allowed.sort((a, b) => sign * (values[a] - values[b]));
  const best = ranked.slice(0, Math.min(BEST, Math.ceil(ranked.length / 10)));
  const bestOnes = new Set(best);
  const others = inFilter.filter((place) => !bestOnes.has(place));
  const out = all.filter((place) => !shown.has(place));
  const some = thinned(others, LINES - best.length);
  return [thinned(out, Math.max(0, LINES - some.length - best.length)), some, best];
}

function heightOf(box, at) {
  return box.bottom - at * (box.bottom - box.top);
}

/** Through all axes on which the trial has a place. */
function trace(ctx, axes, xs, box, place) {
  let begun = false;
  for (let i = 0; i < axes.length; i += 1) {
    const at = axes[i].at[place];
    if (Number.isNaN(at)) {
      begun = false;
    } else if (begun) {
      ctx.lineTo(xs[i], heightOf(box, at));
    } else {
      ctx.moveTo(xs[i], heightOf(box, at));
      begun = true;
    }
  }
}

function drawAxis(frame, box, x, one, kept) {
  const { ctx, colors } = frame;
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = 1.2;
  line(ctx, x, box.top, x, box.bottom);
  ctx.textAlign = "left";
  ctx.lineJoin = "round";
  const room = Math.max(1, Math.ceil(one.marks.length / ((box.bottom - box.top) / 12)));
  one.marks.forEach(({ at, text }, index) => {
    if (index % room) return;
    haloed(frame, fitted(ctx, text, GAP - 14), x + 4, heightOf(box, at), colors.ink);
  });
  ctx.save();
  ctx.textAlign = "center";
  ctx.font = "600 11px system-ui, sans-serif";
  const middle = Math.min(frame.width - 36, Math.max(36, x));
  haloed(frame, fitted(ctx, one.id, GAP - 14, 0.35), middle, 14, colors.ink);
  ctx.restore();
  for (const [low, high] of kept) drawPart(frame, x, heightOf(box, low), heightOf(box, high));
}

function haloed({ ctx, colors }, text, x, y, color) {
  ctx.strokeStyle = colors.paper;
  ctx.lineWidth = 3;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = color;
  ctx.fillText(text, x, y);
}

function drawPart({ ctx, colors }, x, from, to) {
  ctx.strokeStyle = colors.accent;
  ctx.lineWidth = 3;
  ctx.strokeRect(x - 7, Math.min(from, to), 14, Math.abs(to - from));
}

/** For each axis the parts that the filter keeps. */
function keptParts(filter, axes) {
  const { terms } = parse(filter);
  return axes.map(({ field, marks, place }) => {
    const mine = terms.filter((term) => term.field === field && !term.not);
    const equal = mine.filter(({ operator }) => operator === "=" || operator === ":");
    const half = 0.4 / marks.length;
    const parts = marks
      .filter(({ text }) => equal.some(({ values }) => values.includes(withoutQuotes(text))))
      .map(({ at }) => [at - half, at + half]);
    const bound = (operator) => mine.find((term) => term.operator === operator)?.values[0];
    const [low, high] = [bound(">="), bound("<=")];
    if (low === undefined && high === undefined) return parts;
    if (!place) return parts;
    const at = (value, otherwise) => (value === undefined ? otherwise : place(Number(value)));
    return [...parts, [at(low, 0), at(high, 1)]];
  });
}
