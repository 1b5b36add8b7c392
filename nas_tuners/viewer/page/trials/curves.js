/** What trials reported while they ran. */

import { html, useMemo } from "../html.js";
import { KINDS } from "../colors.js";
import { Chart } from "./chart.js";
import { metricText } from "./columns.js";
import { extent } from "./figures.js";
import { drawAxes, drawMarkers, inside } from "./paint.js";
import { axis, roomy } from "./ticks.js";

/**
 * @param {object} props
 * @param {{[number: string]: [number, number|null][]}} props.curves
 * @param {{[number: string]: string}} props.states   of these trials
 * @param {number|null} props.marked   a trial's number
 * @param {(number: number) => void} [props.onPick]
 */
export function Curves({ store, curves: all, states, name, marked = null, onPick }) {
  const curves = useMemo(() => drawable(all), [all]);
  const draw = useMemo(() => (frame) => paint(frame, { curves, states, name, marked }),
    [curves, states, name, marked]);
  const numbers = Object.keys(curves);
  if (!numbers.length) {
    return html`<p class="empty">No trial has reported anything on its way.</p>`;
  }
  const describe = (number) => {
    const last = lastOf(curves[number]);
    return `trial ${number}: ${metricText(last[1])} at step ${last[0]}, ${states[number] ?? ""}`;
  };
  const label = `Intermediate results of ${numbers.length} trials by step. `
    + "Arrow keys go through their ends.";
  return html`<${Chart} store=${store} draw=${draw} describe=${describe} onPick=${onPick}
    marked=${marked} label=${label} />`;
}

/** Curves that have at least one number; in them, `null` is where a line is broken. */
function drawable(curves) {
  const known = ([, points]) => points.some(([, value]) => Number.isFinite(value));
  return Object.fromEntries(Object.entries(curves).filter(known));
}

const lastOf = (points) => points.findLast(([, value]) => Number.isFinite(value));

/** How the line of a state is drawn: its color is never all. */
const STYLES = {
  complete: { kind: KINDS[0], dash: [] },
  running: { kind: KINDS[2], dash: [2, 2] },
  pruned: { kind: KINDS[1], dash: [6, 3] },
  fail: { kind: KINDS[3], dash: [8, 2, 2, 2] },
};

function* paint(frame, { curves, states, name, marked }) {
  const { ctx, colors } = frame;
  const box = inside(frame);
  const all = Object.values(curves).flat();
  const x = axis(roomy(extent(all.map(([step]) => step)) ?? [0, 1], 0.02), [box.left, box.right]);
  const y = axis(roomy(extent(all.map(([, value]) => value ?? NaN)) ?? [0, 1]),
    [box.bottom, box.top]);
  drawAxes(frame, box, { x, y, xName: "step", yName: name, xText: String, yText: metricText });
  yield;
  const ends = { x: [], y: [], places: [] };
  const last = String(marked);
  const order = Object.keys(curves).sort((a, b) => (a === last) - (b === last) || a - b);
  const alone = order.length === 1;
  for (const number of order) {
    const points = curves[number];
    const style = STYLES[states[number]] ?? STYLES.complete;
    ctx.strokeStyle = number === last && !alone ? colors.ink : style.kind.color;
    ctx.lineWidth = number === last ? 2.5 : 1;
    ctx.setLineDash(style.dash);
    ctx.beginPath();
    const isKnown = (i) => Number.isFinite(points[i]?.[1]);
    points.forEach(([step, value], i) => {
      if (!isKnown(i)) return;
      if (isKnown(i - 1)) ctx.lineTo(x.to(step), y.to(value));
      else ctx.moveTo(x.to(step), y.to(value));
      // what stands alone between two gaps is a point
      if (!isKnown(i - 1) && !isKnown(i + 1)) ctx.rect(x.to(step) - 0.5, y.to(value) - 0.5, 1, 1);
    });
    ctx.stroke();
    ctx.setLineDash([]);
    const [step, value] = lastOf(points);
    ends.x.push(x.to(step));
    ends.y.push(y.to(value));
    ends.places.push(Number(number));
    const shape = { complete: "circle", pruned: "cross", fail: "cross" }[states[number]] ?? "ring";
    yield* drawMarkers(frame, [[x.to(step), y.to(value)]], shape, ctx.strokeStyle, 2.5);
    yield;
  }
  frame.picks = ends;
}
