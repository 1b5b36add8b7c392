/**
 * The part of a graph that lies in a module, as a small network of vertices and links in which
 * only decisions and merges are left.
 */

import { range } from "./model.js";

/**
 * @typedef {object} Vertex
 * @property {number} id          the first node that it stands for
 * @property {"input"|"layer"|"select"|"merge"|"plain"} kind   "select": an input choice
 * @property {string|null} key    of the input choice
 * @property {boolean} adds       whether it is a sum
 * @property {boolean} output     whether something outside takes it
 * @property {Set<Link>} ins
 * @property {Set<Link>} outs
 *
 * @typedef {object} Link
 * @property {Vertex} from
 * @property {Vertex} to
 * @property {{key: string, module: number, place: number, nested: string[]}|null} op
 *   the layer choice on the way
 * @property {{key: string, index: number}|null} slot   which input of an input choice it is
 * @property {boolean} bypass     whether the merge at its end takes the layer choice's input, too
 */

const SUMS = new Set(["add", "iadd", "radd", "sum"]);

/** @returns {Vertex[]} in order of execution: what is left of a module; none of a huge one */
export function contracted(model, module) {
  const net = built(model, module);
  prune(net);
  if (net.size > MOST) return [];
  const vertices = [...net.values()].sort((a, b) => a.id - b.id);
  const open = [...vertices];
  const waiting = new Set(open);
  let left = EFFORT * vertices.length; // what needs more than this is too tangled to be drawn
  for (let at = 0; at < open.length && left > 0; at += 1) {
    const vertex = open[at];
    waiting.delete(vertex);
    if (!net.has(vertex.id)) continue;
    const near = [vertex, ...neighbours(vertex)];
    left -= near.length;
    if (!reduce(net, vertex)) continue;
    for (const one of near) {
      if (!net.has(one.id) || waiting.has(one)) continue;
      waiting.add(one);
      open.push(one);
    }
  }
  return vertices.filter((vertex) => net.has(vertex.id));
}

const EFFORT = 100;
const MOST = 20_000; // vertices; more are not drawn

function neighbours({ ins, outs }) {
  return [...[...ins].map(({ from }) => from), ...[...outs].map(({ to }) => to)];
}

/** The network of a module before anything is contracted; insides of candidates are gone. */
function built(model, module) {
  const hidden = hiddenNodes(model, module);
  const [start, end] = range(model, module);
  const isInside = (node) => node.kind !== "input" && node.kind !== "output" &&
    node.module >= start && node.module < end;
  const net = new Map();
  const at = (node) => {
    if (!net.has(node.index)) net.set(node.index, vertexOf(model, node, isInside(node)));
    return net.get(node.index);
  };
  for (const node of model.nodes) {
    if (!isInside(node) || hidden.has(node.index)) continue;
    const vertex = at(node);
    const choice = vertex.kind === "layer" ? node : null;
    const op = choice && opOf(model, choice);
    for (const source of sourcesOf(model, node, choice ? hidden : null)) {
      const slot = vertex.kind === "select" ? { key: node.key, index: source.slot ?? 0 } : null;
      const from = model.nodes[source.node];
      if (!hidden.has(from.index)) link(at(from), vertex, op, slot);
    }
    vertex.output = model.outOf[node.index].some(
      (number) => !isInside(model.nodes[model.edges[number][1]]),
    );
  }
  return net;
}

function vertexOf(model, node, inside) {
  const isChoice = inside && node.kind === "choice";
  const layer = isChoice && model.choices[node.key]?.kind !== "input";
  const kind = !inside ? "input" : isChoice ? (layer ? "layer" : "select") : "plain";
  const adds = node.kind === "op" && SUMS.has(String(node.op).replace(/^_+|_+$/g, ""));
  return {
    id: node.index, kind, adds: inside && adds, key: isChoice ? node.key : null, output: false,
    ins: new Set(), outs: new Set(),
  };
}

/** Nodes inside of layer choices, apart from those at which their candidates come together. */
function hiddenNodes(model, module) {
  const [start, end] = range(model, module);
  const hidden = new Set();
  for (let at = start; at < end; at += 1) {
    const { choice } = model.modules[at];
    if (!choice || model.choices[choice.key].kind !== "layer") continue;
    const [, after] = range(model, at);
    for (let inner = at; inner < after; inner += 1) {
      for (const node of model.modules[inner].nodes) {
        const meets = inner === at && model.nodes[node].kind === "choice";
        if (!meets) hidden.add(node);
      }
    }
    at = after - 1;
  }
  return hidden;
}

/** What a node takes; for a layer choice what its candidates take, which are hidden. */
function sourcesOf(model, node, hidden) {
  const found = [];
  const seen = new Set();
  const open = [node.index];
  while (open.length) {
    for (const number of model.into[open.pop()]) {
      const [from, , slot] = model.edges[number];
      if (!hidden) found.push({ node: from, slot });
      if (!hidden || seen.has(from)) continue;
      seen.add(from);
      if (hidden.has(from)) open.push(from);
      else found.push({ node: from });
    }
  }
  return found.sort((a, b) => a.node - b.node);
}

function opOf(model, node) {
  const [start, end] = range(model, node.module);
  const nested = new Set();
  for (let at = start + 1; at < end; at += 1) {
    const { choice } = model.modules[at];
    if (choice && choice.key !== node.key) nested.add(choice.key);
  }
  const place = model.modules[node.module].choice?.place ?? 0;
  return { key: node.key, module: node.module, place, nested: [...nested] };
}

function link(from, to, op = null, slot = null, bypass = false) {
  const made = { from, to, op, slot, bypass };
  from.outs.add(made);
  to.ins.add(made);
  return made;
}

function unlink(gone) {
  gone.from.outs.delete(gone);
  gone.to.ins.delete(gone);
}

function drop(net, vertex) {
  for (const one of [...vertex.ins, ...vertex.outs]) unlink(one);
  net.delete(vertex.id);
}

/** Without what comes from no input (constants) and what leads neither out nor to a choice. */
function prune(net) {
  const vertices = [...net.values()];
  const ends = vertices.filter((vertex) => vertex.output);
  if (!ends.length) {
    for (const vertex of vertices) {
      if (vertex.kind !== "input" && !vertex.outs.size) vertex.output = true;
    }
  }
  const inputs = vertices.filter((vertex) => vertex.kind === "input");
  const aims = vertices.filter(({ output, key }) => output || key !== null);
  const fed = inputs.length ? reached(inputs, "outs", "to") : null;
  const used = reached(aims, "ins", "from");
  for (const vertex of vertices) {
    if (!used.has(vertex) || (fed && !fed.has(vertex))) drop(net, vertex);
  }
}

function reached(starts, side, end) {
  const found = new Set(starts);
  const open = [...starts];
  while (open.length) {
    for (const one of open.pop()[side]) {
      if (found.has(one[end])) continue;
      found.add(one[end]);
      open.push(one[end]);
    }
  }
  return found;
}

/** @returns {boolean} whether something was simplified at a vertex */
function reduce(net, vertex) {
  if (vertex.kind === "input") return false;
  const fewer = withoutTwins(vertex);
  const [only] = vertex.ins;
  if (vertex.ins.size === 1 && vertex.kind !== "select") {
    if (intoLink(net, vertex, only) || intoPredecessor(net, vertex, only)) return true;
  }
  return absorbed(net, vertex) || fewer;
}

/** Links that bring the same as another one of the same source go. */
function withoutTwins(vertex) {
  let fewer = false;
  const first = new Map();
  for (const one of [...vertex.ins].sort((a, b) => weight(b) - weight(a))) {
    if (one.slot) continue;
    const ops = first.get(one.from);
    if (!ops) first.set(one.from, [one]);
    else if (!one.op && (ops.length === 1 || !ops[0].op)) {
      ops[0].bypass = ops[0].op !== null;
      unlink(one);
      fewer = true;
    } else if (ops.some(({ op }) => op && one.op?.module === op.module)) {
      unlink(one);
      fewer = true;
    } else ops.push(one);
  }
  return fewer;
}

const weight = ({ op }) => (op ? 1 : 0);

/** A vertex with one link in and one out becomes a part of the link. */
function intoLink(net, vertex, before) {
  if (vertex.outs.size !== 1 || vertex.output) return false;
  const [after] = vertex.outs;
  if (before.op && after.op) return false;
  const { from } = before;
  const { to, slot } = after;
  drop(net, vertex);
  link(from, to, before.op ?? after.op, slot, before.bypass || after.bypass);
  return true;
}

/** A vertex that only passes on a state is that state. Ways into the module stay apart. */
function intoPredecessor(net, vertex, before) {
  const { from } = before;
  if (before.op || (from.kind === "input" && (from.outs.size > 1 || vertex.output))) return false;
  const { outs, output } = vertex;
  const after = [...outs];
  drop(net, vertex);
  for (const { to, op, slot, bypass } of after) link(from, to, op, slot, bypass);
  from.output ||= output;
  return true;
}

/** A part of a sum is the sum itself, if the sum takes decisions or the part takes none. */
function absorbed(net, vertex) {
  if (vertex.output || vertex.outs.size !== 1) return false;
  const [after] = vertex.outs;
  const { to } = after;
  if (after.op || after.slot || !to.adds) return false;
  if (!vertex.adds && vertex.kind !== "select") return false;
  const others = [...to.ins].filter((one) => one !== after);
  const decides = ({ op, slot }) => op || slot;
  if (!others.some(decides) && [...vertex.ins].some(decides)) return false;
  if (vertex.kind === "select" && [...vertex.ins].some(({ op }) => op)) return false;
  const before = [...vertex.ins];
  drop(net, vertex);
  for (const { from, op, slot, bypass } of before) link(from, to, op, slot, bypass);
  return true;
}
