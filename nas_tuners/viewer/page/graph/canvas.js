/** The pen that paints on a canvas, and what a camera sees of a drawing. */

import { textWidth } from "./measure.js";

export const FONT = 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const READABLE = 4.8; // pixels: smaller texts are not drawn

/**
 * @typedef {object} Camera
 * @property {number} x      what of the drawing is at the left border of the canvas
 * @property {number} y
 * @property {number} scale
 */

/** A pen for a canvas of so many CSS pixels. */
export function canvasPen(context, camera, width, height) {
  const { x, y, scale } = camera;
  const [right, bottom] = [x + width / scale, y + height / scale];
  const pen = {
    scale,
    sees: (left, top, w, h) => left <= right && top <= bottom && left + w >= x && top + h >= y,
    rect(left, top, w, h, radius, style) {
      context.beginPath();
      const small = Math.min(w, h) * scale < 4;
      if (small || radius * scale < 1.5) context.rect(left, top, w, h);
      else context.roundRect(left, top, w, h, Math.min(radius, w / 2, h / 2));
      if (style.fill) {
        context.fillStyle = style.fill;
        context.fill();
      }
      if (style.stroke && (!small || style.width > 1.5)) {
        stroke(style.stroke, style.width, style.dash);
      }
    },
    text(text, left, middle, style) {
      if (style.size * scale < READABLE || style.max <= 4) {
        return Math.min(style.max ?? Infinity, textWidth(text, style.size));
      }
      const font = `${style.bold ? "600 " : ""}${style.size}px ${FONT}`;
      if (context.font !== font) context.font = font;
      const [shown, used] = fitted(context, font, String(text), style.max);
      context.fillStyle = style.color;
      context.textBaseline = "middle";
      context.textAlign = style.align ?? "left";
      context.fillText(shown, left, middle);
      return used;
    },
    curve(path, from, to, style) {
      if (to - from < 8) return;
      context.beginPath();
      context.moveTo(path[from], path[from + 1]);
      for (let i = from + 2; i + 5 < to; i += 6) {
        context.bezierCurveTo(path[i], path[i + 1], path[i + 2], path[i + 3], path[i + 4],
          path[i + 5]);
      }
      if (style.casing && style.width * scale > 0.4) {
        stroke(style.casing, style.width + 0.9, null);
      }
      stroke(style.color, style.width, style.dash);
      if (style.arrow) arrow(path[to - 2], path[to - 1], path[to - 4], path[to - 3], style);
    },
    triangle(left, middle, size, open, color) {
      if (size * scale < 1.5) return;
      context.beginPath();
      if (open) polygon(left - size, middle - size / 2, left + size, middle - size / 2, left,
        middle + size * 0.7);
      else polygon(left - size / 2, middle - size, left + size * 0.7, middle, left - size / 2,
        middle + size);
      context.fillStyle = color;
      context.fill();
    },
    dot(left, middle, radius, style) {
      context.beginPath();
      context.arc(left, middle, radius, 0, 2 * Math.PI);
      if (style.fill) {
        context.fillStyle = style.fill;
        context.fill();
      }
      if (style.stroke) stroke(style.stroke, 1, null);
    },
  };
  function stroke(color, wide, dash) {
    context.strokeStyle = color;
    context.lineWidth = Math.max(wide ?? 1, 0.6 / scale);
    if (dash) context.setLineDash(dash);
    context.stroke();
    if (dash) context.setLineDash([]);
  }
  function polygon(ax, ay, bx, by, cx, cy) {
    context.moveTo(ax, ay);
    context.lineTo(bx, by);
    context.lineTo(cx, cy);
    context.closePath();
  }
  function arrow(tipX, tipY, fromX, fromY, style) {
    const size = 5 + Math.min(3, style.width * 0.5);
    const [ax, ay, bx, by] = arrowEnds(tipX, tipY, fromX, fromY, size);
    context.beginPath();
    polygon(tipX, tipY, ax, ay, bx, by);
    context.fillStyle = style.casing ?? style.color;
    context.fill();
  }
  return pen;
}

/** The back corners of an arrow's head. */
export function arrowEnds(tipX, tipY, fromX, fromY, size) {
  const angle = Math.atan2(tipY - fromY, tipX - fromX);
  const [left, right] = [angle + Math.PI - 0.42, angle + Math.PI + 0.42];
  return [tipX + size * Math.cos(left), tipY + size * Math.sin(left),
    tipX + size * Math.cos(right), tipY + size * Math.sin(right)];
}

const known = new Map(); // widths, by font and text

function widthOf(context, font, text) {
  const key = `${font}|${text}`;
  let width = known.get(key);
  if (width === undefined) {
    if (known.size > 20000) known.clear();
    width = context.measureText(text).width;
    known.set(key, width);
  }
  return width;
}

function fitted(context, font, whole, max = Infinity) {
  const text = whole.length > 200 ? `${whole.slice(0, 200)}…` : whole;
  const full = widthOf(context, font, text);
  if (full <= max) return [text, full];
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(context, font, `${text.slice(0, middle)}…`) <= max) low = middle;
    else high = middle - 1;
  }
  return low ? [`${text.slice(0, low)}…`, max] : ["", 0];
}

/** The camera that shows a part of the drawing as a whole. */
export function fit(box, width, height, { most = 1.4, margin = 24 } = {}) {
  const [x, y, w, h] = box;
  const scale = Math.max(0.005, Math.min(most, (width - 2 * margin) / Math.max(w, 1),
    (height - 2 * margin) / Math.max(h, 1)));
  return { scale, x: x + w / 2 - width / 2 / scale, y: y + h / 2 - height / 2 / scale };
}

/** The camera after zooming so that a point of the canvas stays where it is. */
export function zoomed(camera, factor, atX, atY) {
  const scale = Math.min(6, Math.max(0.005, camera.scale * factor));
  return {
    scale, x: camera.x + atX / camera.scale - atX / scale,
    y: camera.y + atY / camera.scale - atY / scale,
  };
}

/** The camera moved as little as shows a box; where it is too large, its upper part. */
export function reveal(camera, box, width, height, margin = 40) {
  const { scale } = camera;
  const [x, y, w, h] = box;
  const along = (at, seen, from, size) => {
    const rim = Math.min(margin / scale, seen / 4);
    if (size + 2 * rim > seen) return from - rim;
    if (from < at + rim) return from - rim;
    if (from + size > at + seen - rim) return from + size + rim - seen;
    return at;
  };
  return {
    scale, x: along(camera.x, width / scale, x, w), y: along(camera.y, height / scale, y, h),
  };
}
