/** Canvases of the heat map: each is painted when what it shows changes, and only then. */

import { html, useLayoutEffect, useRef } from "../html.js";
import { bandsOf, columnMeans, inkOn, kindOf, linePoints, paintMeans } from "./paint.js";
import { GAP, TIE } from "./settling.js";

/**
 * @typedef {object} Painting   how all rows are painted
 * @property {{from: Int32Array, to: Int32Array}} columns
 * @property {Uint32Array} colors   the scale
 * @property {number} top           the value of its strongest color
 * @property {boolean} tall         whether a column is as high as its value
 * @property {number} height        of a row, in pixels of the screen
 * @property {object} theme         colors
 * @property {number} rest          a pixel of its paper
 */

/** A candidate's weight over time. */
export function HeatCanvas({ series, slot, painting }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const { columns, height, tall } = painting;
    const rows = tall ? height : 1; // stretched by the style
    if (!fitted(ref.current, columns.from.length, rows)) return;
    const image = new ImageData(columns.from.length, rows);
    const pixels = new Uint32Array(image.data.buffer);
    paintMeans(pixels, columnMeans(series, slot, columns), rows, painting);
    ref.current.getContext("2d").putImageData(image, 0, 0);
  }, [series, slot, painting]);
  return html`<canvas ref=${ref} class="heat-canvas"></canvas>`;
}

/** What the search would decide for over time: colored, named where there is room. */
export function BandCanvas({ series, labels, painting }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const { columns, height, theme } = painting;
    if (!fitted(ref.current, columns.from.length, height)) return;
    const context = ref.current.getContext("2d");
    context.clearRect(0, 0, columns.from.length, height);
    context.font = `${Math.round(height * 0.62)}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    for (const band of bandsOf(series.decisions, columns)) {
      drawBand(context, band, { series, labels, height, theme });
    }
  }, [series, labels, painting]);
  return html`<canvas ref=${ref} class="heat-canvas"></canvas>`;
}

function drawBand(context, { from, to, decision }, { series, labels, height, theme }) {
  if (decision === GAP) return;
  const inset = Math.round(height / 8);
  const set = series.sets[decision];
  const color = set?.length ? kindOf(setNumber(set, decision, series.n)).color : theme.line;
  context.fillStyle = color;
  context.fillRect(from, inset, to - from, height - 2 * inset);
  context.fillStyle = theme.paper;
  if (from > 0) context.fillRect(from, inset, 1, height - 2 * inset);
  const text = decision === TIE ? "equal" : namesOf(set, labels);
  const room = to - from - height / 2;
  const shown = fitting(context, text, room);
  if (!shown) return;
  context.fillStyle = set?.length ? inkOn(color) : theme.ink;
  context.fillText(shown, from + height / 4, height / 2 + 0.5);
}

/** One candidate has its own color, wherever; sets of several have others. */
const setNumber = (set, decision, n) => (set.length === 1 ? set[0] : n + decision);

/** "a + b" of the candidates in a set. */
export function namesOf(set, labels) {
  return set.length ? set.map((slot) => labels[slot] ?? `#${slot}`).join(" + ") : "none";
}

function fitting(context, text, room) {
  if (room < 12) return "";
  if (context.measureText(text).width <= room) return text;
  for (let letters = text.length - 1; letters >= 3; letters -= 1) {
    const shorter = `${text.slice(0, letters)}…`;
    if (context.measureText(shorter).width <= room) return shorter;
  }
  return "";
}

/** Entropy over time, from 0 at the bottom to 1. */
export function Sparkline({ values, columns, painting }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const { height, theme } = painting;
    const width = columns.from.length;
    if (!fitted(ref.current, width, height)) return;
    const context = ref.current.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.strokeStyle = theme.ink;
    context.lineWidth = Math.max(1, height / 16);
    context.beginPath();
    let drawn = false;
    for (const point of linePoints(values, columns)) {
      if (point) {
        const y = height - 2 - point[1] * (height - 4);
        if (drawn) context.lineTo(point[0] + 0.5, y);
        else context.moveTo(point[0] + 0.5, y);
      }
      drawn = point !== null;
    }
    context.stroke();
  }, [values, columns, painting]);
  return html`<canvas ref=${ref} class="heat-spark"></canvas>`;
}

/** Give a canvas its size, if it has another one; whether there is something to paint. */
function fitted(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return width > 0 && height > 0;
}
