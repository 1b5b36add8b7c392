/**
 * The boxes of a graph, as numbers: what the layout needs, and nothing that it does not.
 *
 * An item is a box. Its id is a module's index, or the number of modules plus a node's index, or
 * (what a module holds beyond what can be shown) the number of both plus the module's index.
 * Lists and dictionaries of modules are no boxes: what they hold belongs to their owner. A module
 * that is called once is one box; one that is called several times is a box a call.
 */

import { KIND, childrenOf } from "./items.js";
import { measure } from "./measure.js";

const CONTAINERS = new Set(["ModuleList", "ModuleDict"]);
const SLICE = 2000; // entries between two yields

/**
 * @typedef {object} Plan
 * @property {number} modules          how many there are
 * @property {number} nodes
 * @property {Uint8Array} kind         of each item, see KIND
 * @property {Int32Array} parent       of each item; -1 of the model, -2 of what is no box
 * @property {Int32Array} depth        of each item
 * @property {Int32Array} childStart   of each module, in `children`
 * @property {Int32Array} children     items in the order in which they run
 * @property {Int32Array} itemOf       of each node
 * @property {Int32Array} slot         of each item: its number as a candidate, or -1
 * @property {Float32Array} width      of each item while it is closed
 * @property {Float32Array} height
 * @property {Float32Array} head       of each module: height of its header while it is open
 * @property {Float32Array} headWidth
 * @property {Int32Array} from         of each edge: node
 * @property {Int32Array} to
 * @property {Int32Array} edgeSlot     of each edge: number of a candidate, or -1
 */

/**
 * The plan of a graph, in steps, so that a page stays alive meanwhile.
 *
 * @returns {Generator<undefined, Plan>}
 */
export function* planSteps(model) {
  const modules = model.modules.length;
  const nodes = model.nodes.length;
  const items = modules + nodes;
  const plan = {
    modules, nodes, kind: new Uint8Array(items), parent: new Int32Array(items).fill(-2),
    depth: new Int32Array(items), childStart: new Int32Array(modules + 1),
    children: new Int32Array(0), itemOf: new Int32Array(nodes).fill(-1),
    slot: new Int32Array(items).fill(-1), width: new Float32Array(items),
    height: new Float32Array(items), head: new Float32Array(modules),
    headWidth: new Float32Array(modules), ...edgesOf(model),
  };
  const inside = nodesInside(model);
  yield;
  for (let at = 0; at < modules; at += 1) {
    placeModule(plan, model, inside, at);
    if (at % SLICE === SLICE - 1) yield;
  }
  for (let at = 0; at < nodes; at += 1) {
    placeNode(plan, model, at);
    if (at % SLICE === SLICE - 1) yield;
  }
  yield* orderChildren(plan, model);
  for (let item = 0; item < items; item += 1) {
    if (plan.parent[item] !== -2) measure(plan, model, item);
    if (item % SLICE === SLICE - 1) yield;
  }
  return plan;
}

/** The plan of a graph at once. */
export function planOf(model) {
  return finish(planSteps(model));
}

/** What a generator returns. */
export function finish(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

function edgesOf(model) {
  const { length } = model.edges;
  const from = new Int32Array(length);
  const to = new Int32Array(length);
  const edgeSlot = new Int32Array(length);
  model.edges.forEach((edge, at) => {
    from[at] = edge[0];
    to[at] = edge[1];
    edgeSlot[at] = edge[2] ?? -1;
  });
  return { from, to, edgeSlot };
}

/** How many nodes are in each module. */
function nodesInside(model) {
  const inside = new Int32Array(model.modules.length);
  for (let at = inside.length - 1; at >= 0; at -= 1) {
    const { nodes, parent } = model.modules[at];
    inside[at] += nodes.length;
    if (parent !== null && parent < at) inside[parent] += inside[at];
  }
  return inside;
}

function placeModule(plan, model, inside, at) {
  const module = model.modules[at];
  const ran = model.nodes.length > 0;
  const outer = module.parent;
  if (outer === null) {
    if (at === 0) plan.parent[0] = -1;
    plan.kind[at] = KIND.scope;
    return;
  }
  const open = plan.parent[outer] === -2 ? dissolvedInto(plan, outer) : outer;
  if (open === -2 || plan.kind[open] === KIND.leaf || plan.kind[open] === KIND.input) return;
  if (ran && !inside[at] && !module.candidate) return;
  const full = module.children.some((child) => !ran || inside[child] > 0);
  if (CONTAINERS.has(module.type) && full && !module.nodes.length && !module.choice
    && !module.candidate) {
    plan.slot[at] = -3 - open; // no box: what is in it belongs to `open`
    return;
  }
  plan.kind[at] = moduleKind(model, module, full);
  plan.slot[at] = module.candidate && insideItsChoice(model, module, open)
    ? module.candidate.slot : -1;
  const calls = module.nodes.length;
  if ((plan.kind[at] === KIND.leaf || plan.kind[at] === KIND.input) && calls > 1
    && plan.slot[at] < 0) {
    plan.kind[at] = KIND.none; // each call is a box
    plan.slot[at] = -3 - open;
    return;
  }
  plan.parent[at] = open;
  plan.depth[at] = plan.depth[open] + 1;
}

function insideItsChoice(model, module, open) {
  const choice = model.modules[open].choice;
  return choice !== null && choice.key === module.candidate.key
    && choice.place === module.candidate.place;
}

/** The box that the insides of a module belong to which is none itself. */
function dissolvedInto(plan, module) {
  return plan.slot[module] <= -3 ? -3 - plan.slot[module] : -2;
}

function moduleKind(model, module, full) {
  const kind = module.choice ? model.choices[module.choice.key].kind : "";
  if (kind === "input") return full ? KIND.scope : KIND.input;
  if (kind === "layer") return full ? KIND.layer : KIND.leaf;
  const calls = module.nodes.filter((node) => model.nodes[node].kind !== "op");
  const functions = module.nodes.length - calls.length;
  return full || functions > 1 || (functions && calls.length) ? KIND.scope : KIND.leaf;
}

function placeNode(plan, model, at) {
  const node = model.nodes[at];
  const item = plan.modules + at;
  if (node.module === undefined) {
    put(plan, at, item, 0, KIND.io);
    return;
  }
  const { module } = node;
  const kind = plan.kind[module];
  if (kind === KIND.leaf || kind === KIND.input) {
    plan.itemOf[at] = module;
  } else if (kind === KIND.none) {
    const outer = dissolvedInto(plan, module);
    const call = node.kind === "choice" ? KIND.input : node.kind === "op" ? KIND.op : KIND.leaf;
    if (outer >= 0) put(plan, at, item, outer, call);
  } else {
    put(plan, at, item, module, node.kind === "choice" ? KIND.mix
      : node.kind === "op" ? KIND.op : KIND.leaf);
  }
}

function put(plan, node, item, outer, kind) {
  plan.itemOf[node] = item;
  plan.kind[item] = kind;
  plan.parent[item] = outer;
  plan.depth[item] = plan.depth[outer] + 1;
}

/** Lists the items of each module by when they run; candidates by their numbers. */
function* orderChildren(plan, model) {
  const items = plan.parent.length;
  const seen = new Uint8Array(items);
  const shown = [];
  for (let node = 0; node < plan.nodes; node += 1) {
    for (let item = plan.itemOf[node]; item >= 0 && !seen[item]; item = plan.parent[item]) {
      seen[item] = 1;
      if (plan.parent[item] >= 0) shown.push(item);
    }
    if (node % SLICE === SLICE - 1) yield;
  }
  for (let item = 0; item < items; item += 1) { // those that do not run come last
    if (!seen[item] && plan.parent[item] >= 0) shown.push(item);
  }
  yield;
  for (const item of shown) plan.childStart[plan.parent[item] + 1] += 1;
  for (let at = 0; at < plan.modules; at += 1) plan.childStart[at + 1] += plan.childStart[at];
  const next = plan.childStart.slice();
  plan.children = new Int32Array(shown.length);
  for (const item of shown) {
    const outer = plan.parent[item];
    plan.children[next[outer]] = item;
    next[outer] += 1;
  }
  yield;
  for (const module of model.modules) {
    if (plan.kind[module.index] === KIND.layer) {
      const order = (item) => (plan.slot[item] >= 0 ? plan.slot[item] : items + item);
      childrenOf(plan, module.index).sort((a, b) => order(a) - order(b));
    }
  }
}
