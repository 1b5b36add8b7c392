/** Boxes in layers in one pass, for scopes of any size. */

import { GAP_X, GAP_Y, WRAP } from "./stacks.js";

/** Any number of boxes: a layer is the longest way to it, ordered by what stands above. */
export function layers(flat, inner) {
  const count = flat.w.length;
  const rank = ranks(count, inner);
  const before = Array.from({ length: count }, () => []);
  for (const { a, b } of inner) before[b].push(a);
  const byRank = [];
  for (let i = 0; i < count; i += 1) (byRank[rank[i]] ??= []).push(i);
  const x = Array(count).fill(0);
  const y = Array(count).fill(0);
  let top = 0;
  let width = 0;
  for (const layer of byRank.filter(Boolean)) {
    const middle = (i) => {
      const above = before[i].filter((j) => rank[j] < rank[i]);
      return above.reduce((sum, j) => sum + x[j] + flat.w[j] / 2, 0) / (above.length || 1);
    };
    const keyed = layer.map((i) => [middle(i), i]).sort((p, q) => p[0] - q[0] || p[1] - q[1]);
    for (let from = 0; from < keyed.length; from += WRAP) {
      const part = keyed.slice(from, from + WRAP);
      const used = part.reduce((sum, [, i]) => sum + flat.w[i] + GAP_X, -GAP_X);
      const aim = part.reduce((sum, [at]) => sum + at, 0) / part.length;
      let left = aim - used / 2;
      for (const [, i] of part) {
        x[i] = left;
        y[i] = top;
        left += flat.w[i] + GAP_X;
      }
      top += Math.max(...part.map(([, i]) => flat.h[i])) + GAP_Y;
    }
  }
  const left = x.reduce((low, value) => Math.min(low, value), Infinity);
  x.forEach((value, i) => {
    x[i] = value - left;
    width = Math.max(width, x[i] + flat.w[i]);
  });
  const bends = flat.edges.map(({ a, b }, number) => aside(flat, { x, y, rank }, a, b, number));
  return { w: width, h: top - GAP_Y, x, y, bends };
}

/** Beside the boxes that lie between the two of an edge. */
function aside({ w, h }, { x, y, rank }, a, b, number) {
  if (a < 0 || b < 0 || rank[b] - rank[a] < 2) return [];
  const at = Math.max(x[a] + w[a], x[b] + w[b]) + 8 + 5 * (number % 4);
  return [[at, y[a] + h[a] + GAP_Y], [at, y[b] - GAP_Y]];
}

/** The longest way to each box; in a cycle the edge that closes it does not count. */
function ranks(count, inner) {
  const rank = Array(count).fill(0);
  const left = Array(count).fill(0);
  const after = Array.from({ length: count }, () => []);
  for (const { a, b } of inner) {
    if (a === b) continue;
    after[a].push(b);
    left[b] += 1;
  }
  const done = Array(count).fill(false);
  const ready = [];
  for (let i = count - 1; i >= 0; i -= 1) if (!left[i]) ready.push(i);
  let next = 0;
  for (;;) {
    if (!ready.length) {
      while (next < count && done[next]) next += 1;
      if (next === count) return rank;
      ready.push(next); // all that are left wait for each other: begin with the first
    }
    const i = ready.pop();
    if (done[i]) continue;
    done[i] = true;
    for (const j of after[i]) {
      if (done[j]) continue;
      rank[j] = Math.max(rank[j], rank[i] + 1);
      left[j] -= 1;
      if (left[j] === 0) ready.push(j);
    }
  }
}
