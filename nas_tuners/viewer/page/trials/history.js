/** How the best result grew: every trial a point, the best so far a line. */

import { html, useMemo } from "../html.js";
import { Chart } from "./chart.js";
import { metricText } from "./columns.js";
import { bestSoFar, complete, directionOf, extent, isFeasible } from "./figures.js";
import { drawAxes, drawDots, drawMarkers, drawSteps, inside, sizeAmong } from "./paint.js";
import { useSliced } from "./sliced.js";
import { axis, roomy } from "./ticks.js";

export function History({ store, trials, metric, byTime, shown, marked, onPick }) {
  const content = useSliced(() => contentOf(trials, metric, byTime), [trials, metric, byTime]);
  const draw = useMemo(() => content && ((frame) => paint(frame, content, shown)),
    [content, shown]);
  if (content === undefined) return null;
  if (!content) return html`<p class="empty">No complete trial has ${metric} yet.</p>`;
  const describe = (place) =>
    `trial ${trials.number[place]}: ${content.metric} ${metricText(content.ys[place])}`;
  return html`<${Chart} store=${store} draw=${draw} describe=${describe} marked=${marked}
    onPick=${onPick} label=${inWords(content, trials)} />`;
}

const UNITS = [["hours", 3600], ["minutes", 60], ["seconds", 1]];

function* contentOf(trials, metric, byTime) {
  const ys = trials.values[metric] ?? [];
  const begun = extent(trials.start.map((start) => start ?? NaN));
  const timed = byTime && begun;
  const end = (place) => (trials.start[place] ?? begun[1]) + (trials.seconds[place] ?? 0);
  const last = timed ? extent(trials.number.map((_, place) => end(place)))[1] - begun[0] : 0;
  const [unitName, unit] = UNITS.find(([, seconds]) => last >= 2 * seconds) ?? UNITS[2];
  const xs = timed
    ? trials.number.map((_, place) => (end(place) - begun[0]) / unit)
    : trials.number;
  const places = complete(trials, [metric]).sort((a, b) => xs[a] - xs[b]);
  if (!places.length) return null;
  yield;
  const direction = directionOf(trials, metric);
  const allowed = (place) => isFeasible(trials, place);
  const steps = direction ? bestSoFar(places, ys, direction, allowed) : [];
  const feasible = new Set(places.filter((place) => isFeasible(trials, place)));
  const xName = timed ? `${unitName} since the first trial` : "trial";
  return { places, xs, ys, steps, feasible, metric, xName, direction };
}

function inWords({ places, ys, steps, metric, direction }, trials) {
  if (!direction) {
    return `${metric} of ${places.length} complete trials. It is reported only, so none is the `
      + "best. Arrow keys go through the trials.";
  }
  const head = `Best ${metric} so far. ${places.length} complete trials`;
  if (!steps.length) return `${head}, none within its bounds.`;
  const [first, last] = [steps[0], steps[steps.length - 1]];
  return `${head}; the best went from ${metricText(ys[first])} to ${metricText(ys[last])} `
    + `in ${steps.length} steps, the last at trial ${trials.number[last]}. `
    + "Arrow keys go through the trials.";
}

function* paint(frame, { places, xs, ys, steps, feasible, metric, xName, direction }, shown) {
  const box = inside(frame);
  const xRange = extent(places.map((place) => xs[place]));
  const x = axis(roomy(xRange, 0.02), [box.left, box.right]);
  const y = axis(roomy(rangeOf(places, ys, direction)), [box.bottom, box.top]);
  const text = metricText;
  const yName = direction ? metric : `${metric} (no goal)`;
  drawAxes(frame, box, { x, y, xName, yName, xText: String, yText: text });
  yield;
  const at = (place) => [x.to(xs[place]), y.to(Math.min(y.high, Math.max(y.low, ys[place])))];
  const some = (test) => places.filter(test).map(at);
  const { colors } = frame;
  const size = sizeAmong(places.length);
  yield* drawDots(frame, some((place) => !shown.has(place)), colors.line, 2 * size);
  const beyond = some((place) => shown.has(place) && !feasible.has(place));
  yield* drawMarkers(frame, beyond, "cross", colors.warn, 1.7 * size);
  yield* drawDots(frame, some((p) => shown.has(p) && feasible.has(p)), colors.faint, 2.6 * size);
  const best = steps.map(at);
  drawSteps(frame, best, colors.accent, box.right);
  yield* drawMarkers(frame, best, "diamond", colors.accent, 3);
  const points = places.map(at);
  frame.picks = { x: points.map(([a]) => a), y: points.map(([, b]) => b), places };
}

/** Without the worst hundredth, which would press all others together; these lie on the edge. */
function rangeOf(places, ys, direction) {
  const values = places.map((place) => ys[place]).sort((a, b) => a - b);
  if (values.length < 50 || !direction) return [values[0], values[values.length - 1]];
  const cut = Math.floor(values.length / 100);
  return direction === "maximize"
    ? [values[cut], values[values.length - 1]]
    : [values[0], values[values.length - 1 - cut]];
}
