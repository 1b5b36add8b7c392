/**
 * Each edge of a graph as edges of open boxes: between the two children of the innermost box
 * around both ends, and from and to the ports of all borders that it passes. Bundled.
 */

import { KIND } from "./items.js";

export const PORTS = 16; // that a border has at most
const SOURCES = 12; // that are followed through what is left out

/** Items, edges and ports of each open box. */
export function* scopesOf(plan, request, seen) {
  const { modules, nodes } = plan;
  const scopes = new Map();
  for (const scope of seen.scopes) {
    const items = seen.items.get(scope);
    scopes.set(scope, {
      items, at: new Map(items.map((item, at) => [item, at])), edges: new Map(),
      ins: new Map(), outs: new Map(), solved: null,
    });
  }
  const outerOf = (box) => (box >= modules + nodes ? box - modules - nodes : plan.parent[box]);
  const depthOf = (box) => (box >= modules + nodes ? plan.depth[box - modules - nodes] + 1
    : plan.depth[box]);
  const sources = sourcesOf(plan, request.hidden);
  for (let edge = 0; edge < plan.from.length; edge += 1) {
    if (edge % 2000 === 1999) yield;
    const to = plan.to[edge];
    if (request.hidden[to] || plan.itemOf[to] < 0) continue;
    for (const from of sources(plan.from[edge])) {
      if (plan.itemOf[from] < 0) continue;
      const a = seen.standsFor(plan.itemOf[from]);
      const b = seen.standsFor(plan.itemOf[to]);
      if (a >= 0 && b >= 0 && a !== b) {
        lift(scopes, { a, b, tensor: from, slot: plan.edgeSlot[edge] }, outerOf, depthOf, plan);
      }
    }
  }
  return scopes;
}

/** The nodes that an edge comes from when those that are left out are passed through. */
function sourcesOf(plan, hidden) {
  const into = new Map();
  for (let edge = 0; edge < plan.from.length; edge += 1) {
    const to = plan.to[edge];
    if (!hidden[to]) continue;
    if (!into.has(to)) into.set(to, []);
    into.get(to).push(plan.from[edge]);
  }
  const known = new Map();
  return (node) => {
    if (!hidden[node]) return [node];
    if (known.has(node)) return known.get(node);
    const found = new Set();
    const passed = new Set([node]);
    const stack = [node];
    while (stack.length && found.size < SOURCES && passed.size < 5000) {
      for (const from of into.get(stack.pop()) ?? []) {
        if (!hidden[from]) found.add(from);
        else if (!passed.has(from)) {
          passed.add(from);
          stack.push(from);
        }
      }
    }
    known.set(node, [...found]);
    return known.get(node);
  };
}

/** Enters an edge between two boxes into every open box that it passes. */
function lift(scopes, { a, b, tensor, slot }, outerOf, depthOf, plan) {
  let [from, to] = [a, b];
  const ups = [];
  const downs = [];
  while (outerOf(from) !== outerOf(to)) {
    if (depthOf(from) > depthOf(to)) {
      ups.push(from);
      from = outerOf(from);
    } else {
      downs.push(to);
      to = outerOf(to);
    }
    if (from < 0 || to < 0) return;
  }
  if (from === to) return;
  for (const box of ups) {
    const scope = scopes.get(outerOf(box));
    const port = portOf(scope.outs, tensor);
    bundle(scope, scope.at.get(box), -1 - port, tensor, -1);
  }
  bundle(scopes.get(outerOf(from)), scopes.get(outerOf(from)).at.get(from),
    scopes.get(outerOf(from)).at.get(to), tensor, to === b && endsInChoice(plan, b) ? slot : -1);
  for (const box of downs) {
    const scope = scopes.get(outerOf(box));
    const port = portOf(scope.ins, tensor);
    bundle(scope, -1 - port, scope.at.get(box), tensor,
      box === b && endsInChoice(plan, b) ? slot : -1);
  }
}

function endsInChoice(plan, item) {
  return plan.kind[item] === KIND.input || plan.kind[item] === KIND.mix;
}

function portOf(ports, tensor) {
  if (!ports.has(tensor)) ports.set(tensor, Math.min(ports.size, PORTS - 1));
  return ports.get(tensor);
}

function bundle(scope, a, b, tensor, slot) {
  if (a === undefined || b === undefined) return;
  const key = `${a},${b},${slot}`;
  const found = scope.edges.get(key);
  if (found) found.tensors.add(tensor);
  else scope.edges.set(key, { a, b, slot, tensors: new Set([tensor]) });
}
