/** What plots are drawn with: axes, markers, lines. */

const MARGIN = { left: 58, right: 24, top: 10, bottom: 34 };

/** The part of a frame within the axes. */
export function inside({ width, height }, margin = MARGIN) {
  return {
    left: margin.left, top: margin.top, right: width - margin.right,
    bottom: height - margin.bottom,
  };
}

/** Lines, marks and names of both axes. */
export function drawAxes({ ctx, colors }, box, { x, y, xName, yName, xText, yText }) {
  ctx.lineWidth = 1;
  ctx.fillStyle = colors.faint;
  ctx.strokeStyle = colors.line;
  ctx.textAlign = "right";
  for (const value of y.ticks(Math.max(2, (box.bottom - box.top) / 30))) {
    const at = Math.round(y.to(value)) + 0.5;
    line(ctx, box.left, at, box.right, at);
    ctx.fillText(yText(value), box.left - 5, at);
  }
  ctx.textAlign = "center";
  for (const value of x.ticks(Math.max(2, (box.right - box.left) / 84))) {
    const at = Math.round(x.to(value)) + 0.5;
    line(ctx, at, box.bottom, at, box.bottom + 4);
    ctx.fillText(xText(value), at, box.bottom + 11);
  }
  ctx.strokeStyle = colors.faint;
  line(ctx, box.left + 0.5, box.top, box.left + 0.5, box.bottom);
  line(ctx, box.left, box.bottom + 0.5, box.right, box.bottom + 0.5);
  const width = box.right - box.left;
  ctx.fillText(fitted(ctx, xName, width), box.left + width / 2, box.bottom + 26);
  ctx.save();
  ctx.translate(8, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(fitted(ctx, yName, box.bottom - box.top), 0, 0);
  ctx.restore();
}

export function line(ctx, fromX, fromY, toX, toY) {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

const LONGEST = 200; // letters: more never fit
const SLICE = 400; // markers between two chances to pause

/** How large a marker is among so many: a few may be seen better. */
export function sizeAmong(count) {
  if (count < 60) return 2.6;
  return count < 600 ? 1.6 : 1;
}

/** Many small squares: what thousands of points are drawn with. */
export function* drawDots({ ctx }, points, color, size = 3) {
  ctx.fillStyle = color;
  let count = 0;
  for (const [x, y] of points) {
    ctx.fillRect(x - size / 2, y - size / 2, size, size);
    count += 1;
    if (count % SLICE === 0) {
      yield;
      ctx.fillStyle = color; // nobody else draws on this canvas, but its state is cheap to set
    }
  }
}

/** Markers of a shape: "circle", "ring", "diamond" or "cross". */
export function* drawMarkers({ ctx }, points, shape, color, size = 4) {
  let count = 0;
  for (const [x, y] of points) {
    ctx.fillStyle = color;
    ctx.strokeStyle = color;
    ctx.lineWidth = size < 2 ? 0.9 : 1.5;
    ctx.beginPath();
    trace(ctx, shape, x, y, size);
    if (shape === "cross" || shape === "ring") ctx.stroke();
    else ctx.fill();
    count += 1;
    if (count % SLICE === 0) yield;
  }
}

function trace(ctx, shape, x, y, size) {
  if (shape === "circle" || shape === "ring") {
    ctx.arc(x, y, size, 0, 7);
  } else if (shape === "diamond") {
    ctx.moveTo(x, y - size * 1.3);
    ctx.lineTo(x + size * 1.3, y);
    ctx.lineTo(x, y + size * 1.3);
    ctx.lineTo(x - size * 1.3, y);
  } else {
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x - size, y + size);
    ctx.lineTo(x + size, y - size);
  }
}

/** A line through points that goes right, then up or down. */
export function drawSteps({ ctx }, points, color, end) {
  if (!points.length) return;
  ctx.strokeStyle = color;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(...points[0]);
  for (let i = 1; i < points.length; i += 1) {
    ctx.lineTo(points[i][0], points[i - 1][1]);
    ctx.lineTo(...points[i]);
  }
  ctx.lineTo(end, points[points.length - 1][1]);
  ctx.stroke();
}

/**
 * A name that fits, with "…" where it is cut.
 *
 * @param {number} [share]   of what is kept, so much is of its beginning: names of keys often
 *   differ in their ends
 */
export function fitted(ctx, text, width, share = 1) {
  if (ctx.measureText(text).width <= width) return text;
  const cut = (kept) => {
    const head = Math.ceil(kept * share);
    return `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`;
  };
  let kept = Math.min(text.length - 1, LONGEST);
  while (kept > 1 && ctx.measureText(cut(kept)).width > width) kept -= 1;
  return cut(kept);
}
