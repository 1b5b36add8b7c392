/** How strengths look in boxes: bars, numbers, and lines that are strong or dashed. */

import { scale } from "../colors.js";
import { candidate, percent } from "../format.js";
import { ROW, ROWS } from "./measure.js";

export function drawRows(pen, look, names, values, x, y, w) {
  const { colors, threshold, chosen } = look;
  const limit = threshold > 0 ? threshold : -Infinity;
  let shown = 0;
  let weak = 0;
  for (let i = 0; i < names.length; i += 1) {
    const value = values?.[i];
    if (value !== undefined && value !== null && value < limit) {
      weak += 1;
      continue;
    }
    if (shown === ROWS) continue;
    drawRow(pen, { colors, chosen, values }, names, i, x, y + shown * ROW, w);
    shown += 1;
  }
  const rest = names.length - shown - weak;
  const told = [rest > 0 && `and ${rest} more`, weak > 0 && `${weak} weaker hidden`];
  if (rest > 0 || weak > 0) {
    pen.text(told.filter(Boolean).join(", "), x + 12, y + shown * ROW + 8, {
      size: 10.5, color: colors.faint, max: w - 20,
    });
  }
}

const TRACK = 58;

function drawRow(pen, { colors, chosen, values }, names, i, x, y, w) {
  const value = values?.[i];
  const known = typeof value === "number" && Number.isFinite(value);
  const best = known && isStrongest(values, i);
  bar(pen, colors, known ? value : 0, x + 11, y + 3, TRACK, 10, chosen && known && value > 0);
  pen.text(strengthText(value, chosen), x + 11 + TRACK + 42, y + 8.5, {
    size: 10.5, color: known ? colors.ink : colors.faint, align: "right", bold: best, max: 40,
  });
  pen.text(candidate(names, i), x + 11 + TRACK + 50, y + 8.5, {
    size: 11, color: colors.ink, bold: best, max: w - TRACK - 68,
  });
}

/** A strength in words: chosen or not in an architecture, else a number. */
export function strengthText(value, chosen) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (chosen) return value > 0 ? "yes" : "no";
  return percent(value);
}

function isStrongest(values, i) {
  return values[i] > 0 && values.every((value) => !(value > values[i]));
}

/** A bar of a strength: its length and its color tell it; dashed: not chosen. */
function bar(pen, colors, value, x, y, w, h, solid) {
  const part = Math.min(1, Math.max(0, value));
  pen.rect(x, y, w, h, 2, { fill: colors.paper, stroke: colors.line, width: 1 });
  if (part > 0.004) {
    pen.rect(x, y, Math.max(1.5, w * part), h, 2, {
      fill: scale(value), stroke: solid ? colors.ink : colors.faint, width: solid ? 1.4 : 0.7,
    });
  }
}

/** The bar in the box of an open choice's candidate. */
export function candidateBar(scene, pen, look, item, x, y, w) {
  const { colors, chosen, strengthOf } = look;
  const { key, slot } = scene.model.modules[item].candidate;
  const value = strengthOf(key)?.[slot];
  const known = typeof value === "number" && Number.isFinite(value);
  const track = Math.min(140, Math.max(30, w - 42));
  bar(pen, colors, known ? value : 0, x, y + 2, track, 10, chosen && value > 0);
  pen.text(strengthText(value, chosen), x + track + 6, y + 7.5, {
    size: 10.5, color: colors.ink, max: 40,
  });
}

/** Chosen: a strong line; not chosen: a dashed one. */
export function candidateStyle({ model, plan }, { chosen, strengthOf, colors }, item) {
  if (!chosen || item >= plan.modules || plan.slot[item] < 0) return {};
  const { key, slot } = model.modules[item].candidate;
  const values = strengthOf(key);
  if (!values) return {};
  return values[slot] > 0 ? { stroke: colors.ink, width: 2.2 }
    : { stroke: colors.faint, width: 1, dash: [5, 4] };
}
