/**
 * What is to be drawn of a layout, for any pen: canvas.js has one that paints, svg.js one that
 * writes. Pens know rectangles, texts, curves, triangles and dots; all else is decided here.
 */

import { drawBox } from "./boxes.js";
import { drawEdges } from "./edges.js";
import { canOpen } from "./items.js";
import { HEADER } from "./measure.js";

/**
 * @typedef {object} Scene
 * @property {object} model
 * @property {object} plan
 * @property {object} layout
 * @property {Map<number, string>} labels    what items are called instead of by their own names
 *
 * @typedef {object} Look
 * @property {object} colors                  of themeColors
 * @property {(key: string) => number[]|null} strengthOf
 * @property {boolean} chosen                 whether strengths are those of an architecture
 * @property {number} threshold               weaker candidates and edges are not drawn
 * @property {boolean} shapes
 * @property {string} [told]                  in words, whose strengths these are
 * @property {number|null} selected           an item
 * @property {Set<number>} [marked]           items that a search has found
 *
 * @typedef {object} Pen
 * @property {number} scale                   pixels of the screen for one of the drawing
 * @property {(x, y, w, h) => boolean} sees   whether something there is in sight
 * @property {(x, y, w, h, radius, style: {fill, stroke, width, dash}) => void} rect
 * @property {(text, x, y, style: {size, color, bold, align, max}) => number} text   its width
 * @property {(path, from, to, style: {color, width, dash, arrow}) => void} curve
 * @property {(x, y, size, open: boolean, color) => void} triangle
 * @property {(x, y, radius, style: {fill, stroke}) => void} dot
 */

/**
 * Draws what is in sight.
 *
 * @param {Scene} scene
 * @param {Pen} pen
 * @param {Look} look
 */
export function draw(scene, pen, look) {
  const { layout } = scene;
  const { box, end, opened, outer, ids } = layout;
  const hidden = hiddenTest(scene, look);
  const view = { ...look, hidden };
  let at = 0;
  while (at < ids.length) {
    const [x, y] = [box[4 * at], box[4 * at + 1]];
    const [w, h] = [box[4 * at + 2], box[4 * at + 3]];
    const tiny = Math.max(w, h) * pen.scale < 1.2;
    if (tiny || !pen.sees(x - 8, y - 8, w + 16, h + 16) || (outer[at] >= 0 && hidden(ids[at]))) {
      at = end[at];
      continue;
    }
    if (outer[at] >= 0) drawBox(scene, pen, view, at, x, y, w, h);
    if (opened[at] && (h * pen.scale < 22 || w * pen.scale < 22) && outer[at] >= 0) {
      at = end[at]; // too small to see what is in it
      continue;
    }
    if (opened[at]) drawEdges(scene, pen, view, at);
    drawPorts(layout, pen, look, at);
    at += 1;
  }
}

function drawPorts({ ports, portStart }, pen, { colors }, at) {
  if (pen.scale < 0.3) return;
  for (let i = 2 * portStart[at]; i < 2 * portStart[at + 1]; i += 2) {
    pen.dot(ports[i], ports[i + 1], 2.6, { fill: colors.paper, stroke: colors.faint });
  }
}

/** The item that is drawn at a point, or -1. */
export function itemAt({ layout }, x, y, isHidden = () => false) {
  const { box, end, outer, ids } = layout;
  let found = -1;
  let at = 0;
  while (at < ids.length) {
    const [left, top] = [box[4 * at], box[4 * at + 1]];
    const [w, h] = [box[4 * at + 2], box[4 * at + 3]];
    const inside = outer[at] < 0
      || (x >= left && x <= left + w && y >= top && y <= top + h && !isHidden(ids[at]));
    if (inside && outer[at] >= 0) found = at;
    at = inside ? at + 1 : end[at];
  }
  return found < 0 ? -1 : ids[found];
}

/** Whether a point is on what opens and closes a box. */
export function onOpener(scene, item, x, y) {
  const at = scene.layout.ids.indexOf(item);
  if (at < 0 || !canOpen(scene.plan, item)) return false;
  const [left, top] = scene.layout.box.subarray(4 * at, 4 * at + 2);
  return x <= left + 24 && y <= top + HEADER;
}

const nothingHidden = () => false;

/** Whether an item is not drawn as it, or what it is in, is weaker than the threshold. */
export function hiddenTest({ model, plan }, { threshold, strengthOf, chosen }) {
  if (!(threshold > 0)) return nothingHidden;
  const limit = chosen ? Math.min(threshold, 1) : threshold;
  return (item) => {
    if (item < 0 || item >= plan.modules || plan.slot[item] < 0) return false;
    const { key, slot } = model.modules[item].candidate;
    const value = strengthOf(key)?.[slot];
    return value !== undefined && value !== null && value < limit;
  };
}

/** How many candidates are weaker than the threshold, of how many: each key counts once. */
export function countHidden(model, { threshold, strengthOf }) {
  let weak = 0;
  let all = 0;
  for (const key of model.keys) {
    const values = strengthOf(key);
    all += model.choices[key].names.length;
    if (values) weak += values.filter((value) => value < threshold).length;
  }
  return { weak: threshold > 0 ? weak : 0, all };
}
