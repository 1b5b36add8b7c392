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
export function Curves({ store, curves, states, name, marked = null, onPick }) {
  const draw = useMemo(() => (frame) => paint(frame, { curves, states, name, marked }),
    [curves, states, name, marked]);
  const numbers = Object.keys(curves);
  if (!numbers.length) {
    return html`<p class="empty">No trial has reported anything on its way.</p>`;
  }
  const describe = (number) => {
    const last = curves[number][curves[number].length - 1];
    return `trial ${number}: ${metricText(last[1])} at step ${last[0]}, ${states[number] ?? ""}`;
  };
  const label = `Intermediate results of ${numbers.length} trials by step. `
    + "Arrow keys go through their ends.";
  return html`<${Chart} store=${store} draw=${draw} describe=${describe} onPick=${onPick}
    marked=${marked} label=${label} />`;
}

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
    const points = curves[number].filter(([, value]) => Number.isFinite(value));
    if (!points.length) continue;
    const style = STYLES[states[number]] ?? STYLES.complete;
    ctx.strokeStyle = number === last && !alone ? colors.ink : style.kind.color;
    ctx.lineWidth = number === last ? 2.5 : 1;
    ctx.setLineDash(style.dash);
    ctx.beginPath();
    points.forEach(([step, value], i) => {
      if (i) ctx.lineTo(x.to(step), y.to(value));
      else ctx.moveTo(x.to(step), y.to(value));
    });
    ctx.stroke();
    ctx.setLineDash([]);
    const [step, value] = points[points.length - 1];
    ends.x.push(x.to(step));
    ends.y.push(y.to(value));
    ends.places.push(Number(number));
    const shape = { complete: "circle", pruned: "cross", fail: "cross" }[states[number]] ?? "ring";
    yield* drawMarkers(frame, [[x.to(step), y.to(value)]], shape, ctx.strokeStyle, 2.5);
    yield;
  }
  frame.picks = ends;
}
