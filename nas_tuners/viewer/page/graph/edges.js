/** How edges look: width and color by the strength of the candidate that they belong to. */

import { scale } from "../colors.js";
import { percent } from "../format.js";
import { choiceOf, KIND } from "./items.js";

/** Draws the edges directly in an open box. */
export function drawEdges(scene, pen, look, at) {
  const { layout } = scene;
  for (let edge = layout.edgeStart[at]; edge < layout.edgeStart[at + 1]; edge += 1) {
    if (look.hidden(layout.edgeFrom[edge]) || look.hidden(layout.edgeTo[edge])) continue;
    drawEdge(scene, pen, look, edge);
  }
}

function drawEdge(scene, pen, look, edge) {
  const { layout } = scene;
  const from = layout.pathStart[edge];
  const to = layout.pathStart[edge + 1];
  const { paths } = layout;
  if (!inSight(pen, paths, from, to)) return;
  const value = valueOf(scene, look, layout.edgeChoice[edge], layout.edgeSlot[edge]);
  if (value !== null && look.threshold > 0 && value < look.threshold) return;
  const touched = look.selected !== null
    && (layout.edgeFrom[edge] === look.selected || layout.edgeTo[edge] === look.selected);
  const style = styleOf(look, value, touched);
  const enters = layout.edgeTo[edge] >= 0;
  pen.curve(paths, from, to, { ...style, arrow: enters && pen.scale > 0.2 });
  const [x, y] = [paths[to - 2], paths[to - 1]];
  if (value !== null && enters && scene.plan.kind[layout.edgeTo[edge]] === KIND.input) {
    badge(pen, look, look.chosen ? (value > 0 ? "yes" : "no") : percent(value), x, y - 17);
  } else if (layout.edgeCount[edge] > 1) {
    const middle = from + 6 * Math.floor((to - from - 2) / 12);
    badge(pen, look, `×${layout.edgeCount[edge]}`,
      (paths[middle] + paths[middle + 6]) / 2, (paths[middle + 1] + paths[middle + 7]) / 2);
  }
}

function inSight(pen, paths, from, to) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = from; i < to; i += 2) {
    left = Math.min(left, paths[i]);
    right = Math.max(right, paths[i]);
    top = Math.min(top, paths[i + 1]);
    bottom = Math.max(bottom, paths[i + 1]);
  }
  return pen.sees(left - 4, top - 4, right - left + 8, bottom - top + 8);
}

/** The strength that an edge shows, or null. */
function valueOf({ model }, { strengthOf }, item, slot) {
  if (item < 0) return null;
  const choice = choiceOf(model, item);
  const value = choice && strengthOf(choice.key)?.[slot];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function styleOf({ colors, chosen }, value, touched) {
  const color = touched ? colors.accent : colors.faint;
  if (value === null) return { color, width: touched ? 2.4 : 1.2, dash: null };
  if (chosen) {
    return value > 0 ? { color: touched ? colors.accent : colors.ink, width: 3, dash: null }
      : { color, width: 1, dash: [5, 4] };
  }
  const part = Math.min(1, Math.max(0, value));
  return {
    color: touched ? colors.accent : scale(value), casing: colors.faint, width: 0.8 + 7 * part,
    dash: null,
  };
}

function badge(pen, { colors }, text, x, y) {
  if (pen.scale < 0.35) return;
  const w = 8 + 6.4 * text.length;
  pen.rect(x - w / 2, y - 7, w, 14, 7, { fill: colors.paper, stroke: colors.line, width: 1 });
  pen.text(text, x, y + 0.5, { size: 10, color: colors.ink, align: "center", max: w - 2 });
}
