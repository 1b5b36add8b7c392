/** Boxes in lines and columns. */

export const GAP_X = 18;
export const GAP_Y = 40;
export const WRAP = 24; // boxes in a line of a large layer
const GRID_GAP = 12;

export function column({ w, h }) {
  const width = Math.max(...w);
  const y = [];
  let at = 0;
  for (const height of h) {
    y.push(at);
    at += height + GAP_Y * 0.7;
  }
  const x = w.map((own) => (width - own) / 2);
  return { w: width, h: at - GAP_Y * 0.7, x, y, bends: [], above: 18 };
}

/** Boxes that have nothing to do with each other: lines of about a screen's form. */
export function grid({ w, h }) {
  const area = w.reduce((sum, width, i) => sum + (width + GRID_GAP) * (h[i] + GRID_GAP), 0);
  const wide = Math.max(Math.max(...w), Math.sqrt(area * 1.8));
  return lines(w, h, wide, GRID_GAP, false);
}

/** Boxes side by side, in further lines where they would be too many. */
export function line({ w, h }) {
  const all = w.reduce((sum, width) => sum + width + GAP_X, 0);
  return lines(w, h, w.length > WRAP ? Math.sqrt(all * 150) : all, GAP_X, true);
}

function lines(w, h, wide, gap, centered) {
  const x = [];
  const y = [];
  let left = 0;
  let top = 0;
  let tallest = 0;
  let width = 0;
  let first = 0;
  const end = (until) => {
    const slack = left - gap;
    width = Math.max(width, slack);
    rows.push([first, until, slack]);
  };
  const rows = [];
  w.forEach((own, i) => {
    if (left > 0 && left + own > wide) {
      end(i);
      [first, left, top, tallest] = [i, 0, top + tallest + gap, 0];
    }
    x.push(left);
    y.push(top);
    left += own + gap;
    tallest = Math.max(tallest, h[i]);
  });
  end(w.length);
  if (centered) {
    for (const [from, until, used] of rows) {
      for (let i = from; i < until; i += 1) x[i] += (width - used) / 2;
    }
  }
  return { w: width, h: top + tallest, x, y, bends: [] };
}

/** Candidates side by side, what joins them below. */
export function candidates(flat) {
  const above = flat.w.length - flat.joins;
  const placed = line({ w: flat.w.slice(0, above), h: flat.h.slice(0, above) });
  const below = line({ w: flat.w.slice(above), h: flat.h.slice(above) });
  const width = Math.max(placed.w, flat.joins ? below.w : 0);
  const shift = (width - placed.w) / 2;
  const x = placed.x.map((left) => left + shift);
  const y = [...placed.y];
  let height = placed.h;
  const bends = flat.edges.map(({ a, b }) => (a >= 0 && a < above && (b >= above || b < 0)
    ? [[x[a] + flat.w[a] / 2, placed.h]] : [])); // past the others, which may be taller
  if (flat.joins) {
    for (let i = 0; i < flat.joins; i += 1) {
      x.push(below.x[i] + (width - below.w) / 2);
      y.push(placed.h + GAP_Y * 0.8 + below.y[i]);
    }
    height = placed.h + GAP_Y * 0.8 + below.h;
  }
  return { w: width, h: height, x, y, bends };
}
