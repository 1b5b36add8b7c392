/** Smooth lines through points: monotone downwards, so that none loops. */

/**
 * Bézier pieces from one point to another through bends.
 *
 * @param {number[][]} bends   those that do not lie below each other are left out
 * @returns {number[]} x, y, then x1, y1, x2, y2, x, y for each piece
 */
export function curve(x0, y0, x1, y1, bends = []) {
  if (y1 <= y0) return upwards(x0, y0, x1, y1);
  const points = thinned([[x0, y0], ...downwards(bends, y0, y1), [x1, y1]]);
  const slopes = slopesOf(points);
  const path = [x0, y0];
  for (let i = 1; i < points.length; i += 1) {
    const [xa, ya] = points[i - 1];
    const [xb, yb] = points[i];
    const third = (yb - ya) / (points.length === 2 ? 2 : 3);
    path.push(xa + slopes[i - 1] * third, ya + third, xb - slopes[i] * third, yb - third, xb, yb);
  }
  return path;
}

/** An edge against the direction, of a cycle: out below, round, and in above. */
function upwards(x0, y0, x1, y1) {
  const reach = 30 + Math.abs(y0 - y1) / 4;
  return [x0, y0, x0 + reach, y0 + reach, x1 + reach, y1 - reach, x1, y1];
}

function downwards(bends, y0, y1) {
  let last = y0;
  return bends.filter(([, y]) => {
    if (y <= last + 1 || y >= y1 - 1) return false;
    last = y;
    return true;
  });
}

/** Without bends that lie on the line between their neighbours. */
function thinned(points) {
  const kept = [points[0]];
  for (let i = 1; i + 1 < points.length; i += 1) {
    const [xa, ya] = kept[kept.length - 1];
    const [x, y] = points[i];
    const [xb, yb] = points[i + 1];
    if (Math.abs(xa + ((xb - xa) * (y - ya)) / (yb - ya) - x) > 0.5) kept.push(points[i]);
  }
  kept.push(points[points.length - 1]);
  return kept;
}

/** dx/dy at each point, as in Fritsch and Carlson: no piece goes beyond its ends. */
function slopesOf(points) {
  const steps = [];
  for (let i = 1; i < points.length; i += 1) {
    steps.push((points[i][0] - points[i - 1][0]) / (points[i][1] - points[i - 1][1]));
  }
  return points.map((_, i) => {
    if (i === 0 || i === points.length - 1) return 0;
    const [before, after] = [steps[i - 1], steps[i]];
    if (before * after <= 0) return 0;
    return Math.sign(before) * Math.min(Math.abs(before), Math.abs(after),
      (Math.abs(before) + Math.abs(after)) / 2);
  });
}
