/**
 * Where the boxes of one scope stand, and how its edges run: pure, sizes and pairs in, places out.
 *
 * Rows of boxes and the candidates of a choice follow rules of their own, scopes of some dozens of
 * boxes are given to dagre, and what is larger is layered in one pass.
 */

import { curve } from "./curve.js";
import { layered } from "./ranked.js";
import { candidates, column, grid, line } from "./stacks.js";
import { layers } from "./strata.js";

/**
 * @typedef {object} Flat
 * @property {number[]} w          of each box
 * @property {number[]} h
 * @property {number[][]} portsIn  of each box: where on its upper border edges may end
 * @property {number[][]} portsOut
 * @property {boolean[]} spread    of each box: whether edges end side by side
 * @property {{a: number, b: number, out: number, in: number}[]} edges   boxes; -1 - i is the
 *   scope's own port number i: an entry as `a`, an exit as `b`. `out`, `in`: ports of the boxes,
 *   -1: the middle
 * @property {number} ins          how many entries the scope has
 * @property {number} outs
 * @property {boolean} row         whether the boxes are candidates, and the last ones join them
 * @property {number} joins        how many of the last ones
 *
 * @typedef {object} Arranged
 * @property {number} w
 * @property {number} h
 * @property {number} above        how far above the boxes entries are; exits are as far below
 * @property {number[]} x          left of each box
 * @property {number[]} y          top, from 0 on
 * @property {number[]} inX        of each entry
 * @property {number[]} outX
 * @property {number[][]} paths    of each edge: x, y, then x1, y1, x2, y2, x, y for each piece
 */

/**
 * @param {Flat} flat
 * @param {number} limit   the most boxes that dagre is asked to place
 * @returns {Arranged}
 */
export function arrange(flat, limit = 120) {
  const count = flat.w.length;
  if (!count) {
    const ports = { inX: Array(flat.ins).fill(0), outX: Array(flat.outs).fill(0) };
    return { w: 0, h: 0, above: 4, x: [], y: [], ...ports, paths: [] };
  }
  if (flat.row) return joined(flat, candidates(flat));
  const inner = flat.edges.filter(({ a, b }) => a >= 0 && b >= 0);
  if (!inner.length) return joined(flat, flat.edges.length ? line(flat) : grid(flat));
  if (isChain(flat, inner)) return joined(flat, column(flat));
  const small = count <= limit && flat.edges.length <= limit * 4;
  return joined(flat, small ? layered(flat) ?? layers(flat, inner) : layers(flat, inner));
}

/** Whether the boxes follow each other, and only the first and the last have to do with others. */
function isChain(flat, inner) {
  const last = flat.w.length - 1;
  if (inner.some(({ a, b }) => b !== a + 1)) return false;
  return flat.edges.every(({ a, b }) => (a >= 0 || b === 0) && (b >= 0 || a === last));
}

/** Adds the ports of the border, and the edges as curves. */
function joined(flat, placed) {
  const inX = placed.inX ?? portsBy(flat, placed, flat.ins, true);
  const outX = placed.outX ?? portsBy(flat, placed, flat.outs, false);
  const full = { ...placed, inX, outX };
  const ends = spreadEnds(flat, full);
  const above = placed.above ?? 32;
  const paths = flat.edges.map((edge, number) => {
    const [x0, y0] = edge.a < 0 ? [inX[-1 - edge.a], -above]
      : [full.x[edge.a] + portAt(flat.portsOut[edge.a], edge.out, flat.w[edge.a]),
        full.y[edge.a] + flat.h[edge.a]];
    const [x1, y1] = edge.b < 0 ? [outX[-1 - edge.b], full.h + above]
      : [ends.get(number)
        ?? full.x[edge.b] + portAt(flat.portsIn[edge.b], edge.in, flat.w[edge.b]),
      full.y[edge.b]];
    return { x0, y0, x1, y1, bends: placed.bends[number] ?? [] };
  });
  return {
    w: full.w, h: full.h, above, x: full.x, y: full.y, inX, outX,
    paths: paths.map(({ x0, y0, x1, y1, bends }) => curve(x0, y0, x1, y1, bends)),
  };
}

function portAt(ports, number, width) {
  return number >= 0 && number < ports.length ? ports[number] : width / 2;
}

/** Ports above (or below) the middle of what they lead to, not on top of each other. */
function portsBy(flat, placed, count, entering) {
  const sums = Array.from({ length: count }, () => [0, 0]);
  for (const { a, b } of flat.edges) {
    const [port, box] = entering ? [-1 - a, b] : [-1 - b, a];
    if (port < 0 || port >= count || box < 0) continue;
    sums[port][0] += placed.x[box] + flat.w[box] / 2;
    sums[port][1] += 1;
  }
  const wish = sums.map(([sum, many]) => (many ? sum / many : placed.w / 2));
  const order = wish.map((x, i) => [x, i]).sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  const gap = Math.min(14, placed.w / (count + 1));
  let least = 0;
  for (const [x, i] of order) {
    wish[i] = Math.min(Math.max(x, least), placed.w);
    least = wish[i] + gap;
  }
  return wish;
}

/** Where edges end that lead to a box which shows each of them. */
function spreadEnds(flat, placed) {
  const into = new Map();
  flat.edges.forEach((edge, number) => {
    if (edge.b >= 0 && flat.spread[edge.b]) {
      if (!into.has(edge.b)) into.set(edge.b, []);
      into.get(edge.b).push(number);
    }
  });
  const ends = new Map();
  for (const [box, numbers] of into) {
    const begin = (number) => {
      const { a } = flat.edges[number];
      const bends = placed.bends[number] ?? [];
      if (bends.length) return bends[bends.length - 1][0];
      return a < 0 ? placed.inX[-1 - a] : placed.x[a] + flat.w[a] / 2;
    };
    numbers.sort((p, q) => begin(p) - begin(q) || p - q);
    numbers.forEach((number, at) => {
      ends.set(number, placed.x[box] + (flat.w[box] * (at + 1)) / (numbers.length + 1));
    });
  }
  return ends;
}
