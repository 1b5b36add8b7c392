/** Two metrics against each other, and the trials that none beats in both. */

import { html, useMemo } from "../html.js";
import { Chart } from "./chart.js";
import { metricText } from "./columns.js";
import { complete, directionOf, extent, front, isFeasible } from "./figures.js";
import { drawAxes, drawDots, drawMarkers, inside, line, sizeAmong } from "./paint.js";
import { useSliced } from "./sliced.js";
import { axis, roomy } from "./ticks.js";

export function Pareto({ store, trials, x, y, shown, marked, onPick }) {
  const content = useSliced(() => contentOf(trials, x, y), [trials, x, y]);
  const draw = useMemo(() => content && ((frame) => paint(frame, content, shown)),
    [content, shown]);
  if (content === undefined) return null;
  if (!content) {
    return html`<p class="empty">No complete trial has both ${x} and ${y} yet.</p>`;
  }
  const told = (metric, place) => `${metric} ${metricText(trials.values[metric][place])}`;
  const describe = (place) =>
    `trial ${trials.number[place]}: ${told(x, place)}, ${told(y, place)}`
    + (content.best.has(place) ? ", on the front" : "");
  return html`<${Chart} store=${store} draw=${draw} describe=${describe} marked=${marked}
    onPick=${onPick} label=${inWords(content)} />`;
}

function* contentOf(trials, x, y) {
  const xs = trials.values[x] ?? [];
  const ys = trials.values[y] ?? [];
  const places = complete(trials, [x, y].filter((name) => trials.values[name]));
  if (!places.length) return null;
  const directions = [x, y].map((name) => directionOf(trials, name));
  yield;
  const feasible = new Set(places.filter((place) => isFeasible(trials, place)));
  const ordered = front([...feasible], [xs, ys], directions);
  return { places, xs, ys, x, y, directions, feasible, ordered, best: new Set(ordered) };
}

/** "flops, lower is better". */
function axisName(metric, direction) {
  return `${metric}, ${direction === "maximize" ? "higher" : "lower"} is better`;
}

function inWords({ places, feasible, ordered, x, y, directions }) {
  const beyond = places.length - feasible.size;
  return `Pareto front of ${axisName(x, directions[0])} and ${axisName(y, directions[1])}: `
    + `${ordered.length} of ${places.length} trials`
    + `${beyond ? `; ${beyond} are beyond their bounds` : ""}. Arrow keys go along the front.`;
}

function* paint(frame, content, shown) {
  const { places, xs, ys, feasible, ordered, best } = content;
  const box = inside(frame);
  const range = (list) => roomy(extent(places.map((place) => list[place])));
  const x = axis(range(xs), [box.left, box.right]);
  const y = axis(range(ys), [box.bottom, box.top]);
  const names = [content.x, content.y].map((name, i) => axisName(name, content.directions[i]));
  drawAxes(frame, box, {
    x, y, xName: names[0], yName: names[1], xText: metricText, yText: metricText,
  });
  yield;
  const at = (place) => [x.to(xs[place]), y.to(ys[place])];
  const some = (test) => places.filter(test).map(at);
  const { ctx, colors } = frame;
  const size = sizeAmong(places.length);
  yield* drawDots(frame, some((place) => !shown.has(place)), colors.line, 2 * size);
  const plain = (place) => shown.has(place) && !best.has(place);
  const beyond = some((p) => plain(p) && !feasible.has(p));
  yield* drawMarkers(frame, beyond, "cross", colors.warn, 1.7 * size);
  yield* drawDots(frame, some((p) => plain(p) && feasible.has(p)), colors.faint, 2.5 * size);
  ctx.strokeStyle = colors.accent;
  ctx.lineWidth = 1.5;
  const points = ordered.map(at);
  for (let i = 1; i < points.length; i += 1) line(ctx, ...points[i - 1], ...points[i]);
  yield* drawMarkers(frame, points, "diamond", colors.accent, 3.5);
  const all = [...ordered, ...places.filter(plain)];
  const spots = all.map(at);
  frame.picks = { x: spots.map(([a]) => a), y: spots.map(([, b]) => b), places: all };
}
