/**
 * The hierarchical layout: which boxes are in sight, which edges between them, and where all are.
 *
 * Scopes are laid out one by one from the inside outwards (arrange.js). Scopes that look alike are
 * laid out once: what a layout depends on is written down as a list of numbers, and is the key
 * under which it is kept. So the cells of a network cost one layout, and opening a box costs that
 * of the box and of those around it.
 */

import { arrange } from "./arrange.js";
import { KIND } from "./items.js";
import { PORTS, scopesOf } from "./lift.js";
import { finish } from "./plan.js";
import { inSight } from "./sight.js";

const PAD = 14;
const SHAPE = 14; // height of a line with a shape
const DAGRE = 120; // boxes that dagre places, by default

/**
 * @typedef {object} Request
 * @property {Uint8Array} open      of each module: whether its box is open
 * @property {Uint8Array} hidden    of each node: whether it is left out
 * @property {[number, number][]} widths   items that are wider than planned
 * @property {boolean} shapes       whether boxes have a line for a shape
 * @property {number} [dagre]       the most boxes of a scope that dagre places
 *
 * @typedef {object} Layout         of n boxes (outer ones stand before inner ones) and m edges
 * @property {Int32Array} ids       items
 * @property {Uint8Array} opened    of each box
 * @property {Int32Array} end       of each box: where those in it end
 * @property {Int32Array} outer     of each box: the one around it, or -1
 * @property {Int32Array} more      of each box: for how many it stands that are not shown
 * @property {Float32Array} box     x, y, width, height of each
 * @property {Int32Array} edgeStart of each box: where the edges directly in it begin; n + 1
 * @property {Int32Array} edgeFrom  item of each edge; -1: it comes from outside
 * @property {Int32Array} edgeTo
 * @property {Int32Array} edgeChoice   item of the choice that the edge belongs to, or -1
 * @property {Int32Array} edgeSlot
 * @property {Int32Array} edgeCount    how many tensors it bundles
 * @property {Int32Array} pathStart    where its numbers in `paths` begin; m + 1
 * @property {Float32Array} paths      see curve.js
 * @property {Int32Array} portStart    of each box: where its ports begin; n + 1
 * @property {Float32Array} ports      x, y of each port on a border
 * @property {number} width
 * @property {number} height
 * @property {number} unshown       how many boxes in sight are too many
 */

/**
 * The layout, in steps.
 *
 * @param {Map<string, object>} cache   kept by the caller from call to call
 * @returns {Generator<undefined, Layout>}
 */
export function* layoutSteps(plan, request, cache = new Map()) {
  if (cache.size > 20000) cache.clear();
  const seen = inSight(plan, request);
  yield;
  const scopes = yield* scopesOf(plan, request, seen);
  for (let at = seen.scopes.length - 1; at >= 0; at -= 1) {
    solve(plan, request, scopes, seen.scopes[at], cache);
    yield;
  }
  return flatten(plan, request, seen, scopes);
}

/** The layout at once. */
export function layoutOf(plan, request, cache) {
  return finish(layoutSteps(plan, request, cache));
}

/** Lays out one scope, or finds that of one that is alike. */
function solve(plan, request, scopes, id, cache) {
  const scope = scopes.get(id);
  const wider = (request.wider ??= new Map(request.widths ?? []));
  const sizes = scope.items.map((item) => sizeOf(plan, request, scopes, item, wider));
  scope.edges = [...scope.edges.values()];
  const edges = scope.edges.map((edge) => [
    edge.a, edge.b, end(scopes.get(scope.items[edge.a])?.outs, edge),
    end(scopes.get(scope.items[edge.b])?.ins, edge), edge.slot,
  ]);
  const row = plan.kind[id] === KIND.layer && scope.items.every(
    (item) => plan.slot[item] >= 0 || plan.kind[item] === KIND.mix,
  );
  const joins = row ? scope.items.filter((item) => plan.slot[item] < 0).length : 0;
  const counts = [portCount(scope.ins), portCount(scope.outs), joins, row ? 1 : 0,
    request.dagre ?? DAGRE];
  const spread = scope.items.map((item) => plan.kind[item] === KIND.input);
  const key = [counts, id === 0 ? 0 : plan.head[id], id === 0 ? 0 : plan.headWidth[id],
    sizes.map(({ w, h, id: own }, i) => `${w} ${h} ${own} ${spread[i] ? 1 : 0}`).join(),
    edges.join(";")].join("|");
  scope.solved = cache.get(key);
  if (scope.solved) return;
  const flat = {
    w: sizes.map(({ w }) => w), h: sizes.map(({ h }) => h), spread, row, joins,
    portsIn: sizes.map((size) => size.inX), portsOut: sizes.map((size) => size.outX),
    edges: edges.map(([a, b, out, into]) => ({ a, b, out, in: into })),
    ins: counts[0], outs: counts[1],
  };
  const arranged = arrange(flat, request.dagre ?? DAGRE);
  scope.solved = { id: cache.size, ...framed(plan, id, arranged) };
  cache.set(key, scope.solved);
}

function portCount(ports) {
  return Math.min(ports.size, PORTS);
}

/** The port of a box that a bundle begins or ends at: that of its only tensor. */
function end(ports, { tensors }) {
  if (!ports || tensors.size !== 1) return -1;
  const [tensor] = tensors;
  return ports.get(tensor) ?? -1;
}

function sizeOf(plan, request, scopes, item, wider) {
  const inner = scopes.get(item);
  if (inner) return inner.solved;
  const rest = item >= plan.modules + plan.nodes;
  if (rest) return { id: -1, w: 190, h: 34, inX: [], outX: [] };
  const kind = plan.kind[item];
  const line = request.shapes && [KIND.leaf, KIND.op, KIND.io].includes(kind) ? SHAPE : 0;
  return {
    id: -1, w: Math.max(plan.width[item], wider.get(item) ?? 0, line ? 96 : 0),
    h: plan.height[item] + line, inX: [], outX: [],
  };
}

/** Puts a header and borders round what was arranged: edges begin below the header. */
function framed(plan, id, arranged) {
  if (id === 0) return arranged;
  const head = plan.head[id];
  const width = Math.max(arranged.w + 2 * PAD, plan.headWidth[id], 120);
  const left = (width - arranged.w) / 2;
  const top = head + arranged.above;
  return {
    w: width, h: top + arranged.h + arranged.above, x: arranged.x.map((x) => x + left),
    y: arranged.y.map((y) => y + top), inX: arranged.inX.map((x) => x + left),
    outX: arranged.outX.map((x) => x + left),
    paths: arranged.paths.map((path) => path.map((value, i) => value + (i % 2 ? top : left))),
  };
}

/** All in the coordinates of the drawing, in arrays that can be handed over. */
function flatten(plan, request, seen, scopes) {
  const order = [];
  const root = scopes.get(0);
  const stack = root ? [[0, 0, 0, -1]] : [];
  const list = { ids: [], opened: [], outer: [], more: [], box: [], ports: [], depth: [],
    portStart: [] };
  while (stack.length) {
    const [item, x, y, outer] = stack.pop();
    const scope = scopes.get(item);
    const at = list.ids.length;
    const size = scope ? scope.solved : sizeOf(plan, request, scopes, item, request.wider);
    list.ids.push(item);
    list.portStart.push(list.ports.length / 2);
    list.opened.push(scope ? 1 : 0);
    list.outer.push(outer);
    list.more.push(seen.more.get(item) ?? 0);
    list.box.push(x, y, size.w, size.h);
    list.depth.push(outer < 0 ? 0 : list.depth[outer] + 1);
    order.push(scope ? [scope, x, y] : null);
    if (!scope) continue;
    if (item !== 0) {
      for (const port of size.inX) list.ports.push(x + port, y);
      for (const port of size.outX) list.ports.push(x + port, y + size.h);
    }
    for (let i = scope.items.length - 1; i >= 0; i -= 1) {
      stack.push([scope.items[i], x + size.x[i], y + size.y[i], at]);
    }
  }
  const first = root?.solved;
  return {
    ids: Int32Array.from(list.ids), opened: Uint8Array.from(list.opened),
    portStart: Int32Array.from([...list.portStart, list.ports.length / 2]),
    outer: Int32Array.from(list.outer), more: Int32Array.from(list.more),
    box: Float32Array.from(list.box), ports: Float32Array.from(list.ports),
    end: endsOf(list.depth), ...flatEdges(plan, order),
    width: first?.w ?? 0, height: first?.h ?? 0, unshown: seen.unshown,
  };
}

function endsOf(depth) {
  const end = new Int32Array(depth.length);
  const open = [];
  for (let at = 0; at <= depth.length; at += 1) {
    while (open.length && (at === depth.length || depth[open[open.length - 1]] >= depth[at])) {
      end[open.pop()] = at;
    }
    open.push(at);
  }
  return end;
}

function flatEdges(plan, order) {
  const start = [0];
  const list = { from: [], to: [], choice: [], slot: [], count: [], begin: [0], paths: [] };
  for (const one of order) {
    if (one) {
      const [scope, x, y] = one;
      scope.edges.forEach((edge, number) => {
        const from = edge.a >= 0 ? scope.items[edge.a] : -1;
        const to = edge.b >= 0 ? scope.items[edge.b] : -1;
        const [choice, slot] = strengthOfEdge(plan, from, to, edge.slot);
        list.from.push(from);
        list.to.push(to);
        list.choice.push(choice);
        list.slot.push(slot);
        list.count.push(edge.tensors.size);
        scope.solved.paths[number].forEach((value, i) => {
          list.paths.push(value + (i % 2 ? y : x));
        });
        list.begin.push(list.paths.length);
      });
    }
    start.push(list.from.length);
  }
  return {
    edgeStart: Int32Array.from(start), edgeFrom: Int32Array.from(list.from),
    edgeTo: Int32Array.from(list.to), edgeChoice: Int32Array.from(list.choice),
    edgeSlot: Int32Array.from(list.slot), edgeCount: Int32Array.from(list.count),
    pathStart: Int32Array.from(list.begin), paths: Float32Array.from(list.paths),
  };
}

/** Which candidate's strength an edge shows: those into an input choice, and of a layer choice. */
function strengthOfEdge(plan, from, to, slot) {
  if (to >= 0 && plan.kind[to] === KIND.input && slot >= 0) return [to, slot];
  for (const item of [to, from]) {
    if (item >= 0 && item < plan.modules && plan.slot[item] >= 0) {
      return [plan.parent[item], plan.slot[item]];
    }
  }
  return [-1, -1];
}

/** What of a layout is handed over instead of copied. */
export function buffersOf(layout) {
  return Object.values(layout).filter(ArrayBuffer.isView).map((array) => array.buffer);
}
