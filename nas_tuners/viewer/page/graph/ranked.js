/** Boxes in ranks by dagre, for scopes of some dozens. */

import { Graph, layout as dagre } from "../vendor/dagre.js";
import { GAP_X, GAP_Y } from "./stacks.js";

const TOP = -1;
const BOTTOM = -2;

/** By dagre: entries on top, exits at the bottom. Null where it fails. */
export function layered(flat) {
  const graph = new Graph();
  const many = flat.w.length > 50;
  graph.setGraph({
    rankdir: "TB", nodesep: GAP_X, edgesep: 10, ranksep: GAP_Y,
    ranker: many ? "tight-tree" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  flat.w.forEach((width, i) => graph.setNode(`${i}`, { width, height: flat.h[i] }));
  const name = (end, side) => (end >= 0 ? `${end}` : `${side}${-1 - end}`);
  if (flat.ins) frame(graph, TOP, flat.ins, "i");
  if (flat.outs) frame(graph, BOTTOM, flat.outs, "o");
  flat.edges.forEach(({ a, b }) => {
    const [from, to] = [name(a, "i"), name(b, "o")];
    if (from !== to) graph.setEdge(from, to, { weight: a < 0 || b < 0 ? 1 : 2, minlen: 1 });
  });
  if (flat.outs) {
    for (let i = 0; i < flat.w.length; i += 1) {
      if (!graph.outEdges(`${i}`)?.length) graph.setEdge(`${i}`, "bottom", { weight: 0 });
    }
  }
  try {
    dagre(graph);
  } catch {
    return null;
  }
  return fromDagre(flat, graph, name);
}

/** A border with ports, held together by edges that are not drawn. */
function frame(graph, side, ports, letter) {
  const border = side === TOP ? "top" : "bottom";
  graph.setNode(border, { width: 1, height: 0 });
  for (let i = 0; i < ports; i += 1) {
    const port = `${letter}${i}`;
    graph.setNode(port, { width: 8, height: 0 });
    const [from, to] = side === TOP ? [border, port] : [port, border];
    graph.setEdge(from, to, { weight: 50, minlen: 1 });
  }
}

function fromDagre(flat, graph, name) {
  const nodes = flat.w.map((_, i) => graph.node(`${i}`));
  const left = Math.min(...nodes.map((n) => n.x - n.width / 2));
  const right = Math.max(...nodes.map((n) => n.x + n.width / 2));
  const top = Math.min(...nodes.map((n) => n.y - n.height / 2));
  const bottom = Math.max(...nodes.map((n) => n.y + n.height / 2));
  const within = (x) => Math.min(right, Math.max(left, x)) - left;
  const ports = (count, letter) => Array.from(
    { length: count }, (_, i) => within(graph.node(`${letter}${i}`).x),
  );
  const bends = flat.edges.map(({ a, b }) => {
    const edge = graph.edge(name(a, "i"), name(b, "o"));
    return widened((edge?.points ?? []).slice(1, -1).map(({ x, y }) => [x - left, y - top]));
  });
  return {
    w: right - left, h: bottom - top, x: nodes.map((n) => n.x - n.width / 2 - left),
    y: nodes.map((n) => n.y - n.height / 2 - top), bends,
    inX: ports(flat.ins, "i"), outX: ports(flat.outs, "o"),
  };
}

/**
 * Bends without those of the half ranks at both ends: an edge may use the whole gap between two
 * ranks to get aside.
 */
function widened(bends) {
  if (bends.length < 2) return [];
  const [first, last] = [bends[0], bends[bends.length - 1]];
  return [[first[0], first[1] + GAP_Y / 2], ...bends.slice(1, -1), [last[0], last[1] - GAP_Y / 2]];
}
