/** Where states and the links between them are drawn: in layers from left to right, or in rows. */

import { Graph, layout } from "../vendor/dagre.js";

/**
 * @typedef {{x: number, y: number}} Point
 *
 * @typedef {object} Drawing
 * @property {number} width
 * @property {number} height
 * @property {Point[]} states          centers
 * @property {{points: Point[], at: Point}[]} edges   the way of each, and where its label stands
 */

const MARGIN = 6;
const BACK = 10; // how far before a state the way comes back to a row
const CROWDED = 16; // with more links than these they are drawn closer
const BARE = 16; // room for the bend of a link without a label

/**
 * A drawing in layers: a link leads to the right, its label has a place of its own.
 *
 * @param {{width: number, height: number}[]} states
 * @param {{from: number, to: number, label: {width: number, height: number}|null}[]} edges
 * @param {number[]} first   states that stand at the left
 * @returns {Drawing}
 */
export function layered(states, edges, first = []) {
  const graph = new Graph({ multigraph: true });
  const gaps = edges.length > CROWDED ? { nodesep: 10, edgesep: 5, ranksep: 26 }
    : { nodesep: 26, edgesep: 14, ranksep: 40 };
  graph.setGraph({ rankdir: "LR", marginx: MARGIN, marginy: MARGIN, ...gaps });
  states.forEach(({ width, height }, at) => graph.setNode(String(at), { width, height }));
  edges.forEach(({ from, to, label }, number) => {
    if (from === to) return;
    graph.setEdge(String(from), String(to),
      { width: label?.width ?? BARE, height: label?.height ?? 2, labelpos: "c" },
      String(number));
  });
  if (first.length > 1) pull(graph, first);
  layout(graph);
  const places = states.map((_, at) => graph.node(String(at)));
  const left = Math.min(...places.map(({ x, width }) => x - width / 2));
  const shift = Number.isFinite(left) ? left - MARGIN : 0;
  const { width, height } = graph.graph();
  const moved = ({ x, y }) => ({ x: x - shift, y });
  return {
    width: finite(width - shift), height: finite(height), states: places.map(moved),
    edges: edges.map(({ from, to }, number) => (from === to ? loop(moved(places[from])) : way(
      graph.edge(String(from), String(to), String(number)), moved,
    ))),
  };
}

/** Hold states together at the left, by something invisible before them. */
function pull(graph, first) {
  graph.setNode("before", { width: 0, height: 0 });
  for (const at of first) {
    graph.setEdge("before", String(at), { width: 0, height: 0, weight: 50 }, "pull");
  }
}

const finite = (size) => (Number.isFinite(size) ? size : 2 * MARGIN);

function way({ points, x, y }, moved) {
  const places = points.map(moved);
  return { points: places, at: x === undefined ? places[places.length >> 1] : moved({ x, y }) };
}

const loop = (at) => ({ points: [at, at], at });

/**
 * A drawing of states one after the other, in rows from left to right.
 *
 * @param {{width: number, height: number}[]} states
 * @param {{from: number, to: number, label: {width: number, height: number}|null}[]} edges
 * @param {number} room   how wide the drawing may be
 * @returns {Drawing}
 */
export function wrapped(states, edges, room) {
  const wide = Math.max(...states.map(({ width }) => width));
  const high = Math.max(...states.map(({ height }) => height));
  const gap = Math.max(40, ...edges.map(({ label }) => (label?.width ?? 0) + 36));
  const step = wide + gap;
  const columns = (from) => Math.max(2, Math.floor((room - from - MARGIN + gap) / step));
  const left = states.length > columns(MARGIN) ? MARGIN + BACK : MARGIN;
  const count = columns(left);
  const line = high + 34;
  const centers = states.map((_, at) => ({
    x: left + wide / 2 + (at % count) * step,
    y: MARGIN + high / 2 + Math.floor(at / count) * line,
  }));
  const rows = Math.ceil(states.length / count);
  return {
    width: left + MARGIN + Math.min(count, states.length) * step - gap + (rows > 1 ? gap / 2 : 0),
    height: 2 * MARGIN + rows * line - (line - high),
    states: centers,
    edges: edges.map(({ from, to }) => nextStep(
      centers[from], centers[to], states[from], states[to], line, gap,
    )),
  };
}

/** To the next state: straight in a row; around the end of the row and back to the left else. */
function nextStep(a, b, from, to, line, gap) {
  const start = { x: a.x + from.width / 2, y: a.y };
  const end = { x: b.x - to.width / 2, y: b.y };
  if (a.y === b.y) {
    return { points: [start, end], at: { x: (start.x + end.x) / 2, y: a.y } };
  }
  const between = a.y + line / 2;
  const turn = start.x + gap / 2;
  const back = end.x - BACK;
  return {
    points: [start, { x: turn, y: a.y }, { x: turn, y: between }, { x: back, y: between },
      { x: back, y: b.y }, end],
    at: { x: (turn + back) / 2, y: between },
    corners: true,
  };
}

const TURN = 6;

/** The way of a link as the text of an SVG path: level at the points it goes through. */
export function pathOf({ points, corners }) {
  const [first, ...rest] = points;
  let text = `M${round(first.x)},${round(first.y)}`;
  let last = first;
  rest.forEach((point, number) => {
    if (corners) {
      text += corner(last, point, rest[number + 1]);
    } else {
      const middle = round((last.x + point.x) / 2);
      text += `C${middle},${round(last.y)} ${middle},${round(point.y)} ` +
        `${round(point.x)},${round(point.y)}`;
    }
    last = point;
  });
  return text;
}

/** A straight line to a point, rounded off where it turns there. */
function corner(last, point, next) {
  if (!next) return `L${round(point.x)},${round(point.y)}`;
  const before = towards(point, last);
  const after = towards(point, next);
  return `L${round(before.x)},${round(before.y)}Q${round(point.x)},${round(point.y)} ` +
    `${round(after.x)},${round(after.y)}`;
}

function towards(from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const share = Math.min(TURN, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

const round = (number) => Math.round(number * 10) / 10;
