/** Small shapes and lines on a canvas, by which candidates are told apart. */

const SHAPES = {
  circle: (path, x, y, r) => path.arc(x, y, r, 0, 2 * Math.PI),
  square: (path, x, y, r) => path.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8),
  triangle: (path, x, y, r) => polygon(path, [[x, y - r], [x + r, y + r], [x - r, y + r]]),
  down: (path, x, y, r) => polygon(path, [[x, y + r], [x + r, y - r], [x - r, y - r]]),
  diamond: (path, x, y, r) => polygon(path, [[x, y - r * 1.2], [x + r * 1.2, y], [x, y + r * 1.2],
    [x - r * 1.2, y]]),
  cross: (path, x, y, r) => strokes(path, [[x - r, y - r, x + r, y + r],
    [x - r, y + r, x + r, y - r]]),
  plus: (path, x, y, r) => strokes(path, [[x - r, y, x + r, y], [x, y - r, x, y + r]]),
  star: (path, x, y, r) => strokes(path, [[x - r, y, x + r, y],
    [x - r / 2, y - r, x + r / 2, y + r], [x - r / 2, y + r, x + r / 2, y - r]]),
};

function polygon(path, corners) {
  corners.forEach(([x, y], at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
}

function strokes(path, lines) {
  for (const [x, y, toX, toY] of lines) {
    path.moveTo(x, y);
    path.lineTo(toX, toY);
  }
}

/** A marker of a kind of candidate; `paper` lies around it, so that it is seen on lines. */
export function drawMarker(context, { marker, color }, x, y, radius, paper) {
  const path = new Path2D();
  SHAPES[marker](path, x, y, radius);
  context.save();
  context.setLineDash([]);
  context.lineWidth = radius * 0.9;
  context.strokeStyle = paper;
  context.stroke(path);
  context.lineWidth = radius * 0.45;
  context.strokeStyle = color;
  context.fillStyle = color;
  context.stroke(path);
  if (!["cross", "plus", "star"].includes(marker)) context.fill(path);
  context.restore();
}

/** A piece of line with its marker, as in a legend. */
export function drawSample(context, kind, x, y, width, ratio, paper) {
  context.save();
  context.strokeStyle = kind.color;
  context.lineWidth = 2 * ratio;
  context.setLineDash(kind.dash.map((length) => length * ratio));
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + width, y);
  context.stroke();
  context.restore();
  drawMarker(context, kind, x + width / 2, y, 3.5 * ratio, paper);
}
