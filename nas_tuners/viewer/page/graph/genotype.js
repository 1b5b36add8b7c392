/** A cell as papers draw it: states, and between them the operations that can be chosen. */

import { contracted } from "./contraction.js";
import { own } from "../keyed.js";
import { range } from "./model.js";

const LISTS = new Set(["ModuleList", "ModuleDict"]);

/**
 * @typedef {object} State
 * @property {number} id
 * @property {string} name           as in papers: "c_{k-1}", "0", "c_{k}"
 * @property {"input"|"node"|"output"|"junction"} kind   "junction": an input choice on the way to
 *   one operation
 * @property {string[]} keys         of the input choices that end in it
 * @property {string|null} [op]      key of the operation that it is, where states are operations
 *
 * @typedef {object} Edge
 * @property {string} id
 * @property {number} from           the place of a state in the list
 * @property {number} to
 * @property {{key: string, module: number, place: number, nested: string[]}|null} op
 * @property {{key: string, index: number}|null} slot
 * @property {boolean} bypass        whether its end takes the operation's input, too
 *
 * @typedef {object} Genotype
 * @property {State[]} states        in order of execution
 * @property {Edge[]} edges
 * @property {string[]} rest         keys that the drawing does not show
 * @property {boolean} [connected]   whether only what is between input and output is there
 */

/**
 * The drawing of a cell, with all that can be chosen.
 *
 * @param {object} model   a GraphModel
 * @param {{module: number, instances: number[], keys: string[]}} cell
 * @returns {Genotype}
 */
export function genotype(model, cell) {
  const module = clearest(model, cell);
  const vertices = apart(model, module, contracted(model, module));
  const placeOf = new Map(vertices.map((vertex, place) => [vertex, place]));
  const edges = vertices.flatMap((to) => [...to.ins].map(({ from, op, slot, bypass }) => ({
    from: placeOf.get(from), to: placeOf.get(to), op, slot, bypass,
  })));
  edges.sort((a, b) => a.to - b.to || a.from - b.from ||
    (a.slot?.index ?? 0) - (b.slot?.index ?? 0) || (a.op?.module ?? 0) - (b.op?.module ?? 0));
  edges.forEach((edge, number) => { edge.id = `e${number}`; });
  const states = named(model, module, vertices.map((vertex) => stateOf(vertex)), cell);
  return { states, edges, rest: notShown(cell.keys, edges) };
}

/** What is drawn of a genotype if it is reduced to a choice: key -> indices. */
export function reducedTo(full, choice) {
  const goes = ({ slot }) => slot && own(choice, slot.key)?.includes(slot.index) === false;
  let edges = full.edges.filter((edge) => !goes(edge));
  const skipped = new Set();
  full.states.forEach((state, place) => {
    if (state.kind !== "junction") return;
    const into = edges.filter((edge) => edge.to === place);
    const [out] = edges.filter((edge) => edge.from === place);
    if (!out || into.length > 1) return;
    skipped.add(place);
    edges = edges.filter((edge) => edge.to !== place && edge !== out);
    const [before] = into;
    if (before) edges.push({ ...out, from: before.from, slot: out.slot ?? before.slot });
  });
  if (full.connected) edges = betweenEnds(full.states, edges);
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const stays = (place) => !skipped.has(place) &&
    (!full.connected || full.states[place].kind !== "node" || used.has(place));
  const kept = full.states.map((_, place) => place).filter(stays);
  const placeOf = new Map(kept.map((place, number) => [place, number]));
  edges.sort((a, b) => a.to - b.to || a.from - b.from);
  return {
    ...full,
    states: kept.map((place) => full.states[place]),
    edges: edges.map((edge) => ({
      ...edge, from: placeOf.get(edge.from), to: placeOf.get(edge.to),
    })),
  };
}

/** Edges on the ways from an input to an output. */
function betweenEnds(states, edges) {
  const reach = (kind, side, other) => {
    const found = new Set(states.flatMap((state, place) => (state.kind === kind ? [place] : [])));
    const open = [...found];
    while (open.length) {
      const at = open.pop();
      for (const edge of edges) {
        if (edge[side] !== at || found.has(edge[other])) continue;
        found.add(edge[other]);
        open.push(edge[other]);
      }
    }
    return found;
  };
  const fed = reach("input", "from", "to");
  const used = reach("output", "to", "from");
  return edges.filter(({ from, to }) => fed.has(from) && used.has(to));
}

/** Whether a drawing is one line, one operation after the other. */
export function isChain({ states, edges }) {
  return states.length > 2 && edges.length === states.length - 1 &&
    edges.every(({ from, to }) => to === from + 1);
}

/** The instance that tells its inputs best: in the first one they may be the same. */
function clearest(model, { module, instances }) {
  let best = module;
  if ((instances?.length ?? 1) < 2) {
    while (LISTS.has(model.modules[best].type) && model.modules[best].parent !== null) {
      best = model.modules[best].parent; // a list of modules does not run
    }
    return best;
  }
  let most = -1;
  for (const one of instances.slice(0, 16)) {
    const inputs = inputsOf(model, one);
    if (inputs > most) [best, most] = [one, inputs];
  }
  return best;
}

/**
 * The first of several cells may get one state for two: its ways in are drawn as in the others.
 */
function apart(model, module, vertices) {
  const inputs = vertices.filter(({ kind }) => kind === "input");
  const ways = [...(inputs[0]?.outs ?? [])];
  const isWay = ({ op, slot, to }) => !op && !slot && to.ins.size === 1 && to.kind === "plain" &&
    !to.output;
  if (inputs.length !== 1 || ways.length !== 2 || !ways.every(isWay)) return vertices;
  if (!siblings(model, module).some((one) => inputsOf(model, one) === 2)) return vertices;
  for (const way of ways) {
    way.to.kind = "input";
    way.to.ins.clear();
  }
  return vertices.filter((vertex) => vertex !== inputs[0]);
}

function inputsOf(model, module) {
  const [start, end] = range(model, module);
  const inside = ({ module: at }) => at !== undefined && at >= start && at < end;
  const found = new Set();
  for (const [from, to] of model.edges) {
    if (inside(model.nodes[to]) && !inside(model.nodes[from])) found.add(from);
  }
  return found.size;
}

function stateOf({ id, kind, output, ins, outs }) {
  const keys = [...new Set([...ins].filter(({ slot }) => slot).map(({ slot }) => slot.key))];
  const onward = [...outs][0];
  const junction = kind === "select" && !output && outs.size === 1 && onward.op &&
    ![...ins].some(({ op }) => op);
  if (kind === "input") return { id, name: "", kind: "input", keys };
  return { id, name: "", kind: output ? "output" : junction ? "junction" : "node", keys };
}

function named(model, module, states, { instances }) {
  const of = (kind) => states.filter((state) => state.kind === kind);
  const repeated = (instances?.length ?? 1) > 1 || siblings(model, module).length > 0;
  const [inputs, outputs] = [of("input"), of("output")];
  const asInPapers = repeated && inputs.length === 2;
  inputs.forEach((state, number) => {
    if (asInPapers) state.name = `c_{k-${2 - number}}`;
    else if (!repeated) state.name = producer(model, module, model.nodes[state.id]);
    else state.name = inputs.length > 1 ? `input ${number + 1}` : "input";
  });
  outputs.forEach((state, number) => {
    if (outputs.length > 1) state.name = `output ${number + 1}`;
    else state.name = asInPapers ? "c_{k}" : "output";
  });
  of("node").forEach((state, number) => { state.name = String(number); });
  return states;
}

function siblings(model, module) {
  const { type, parent } = model.modules[module];
  if (parent === null) return [];
  return model.modules[parent].children.filter(
    (one) => one !== module && model.modules[one].type === type,
  );
}

/** What makes an input, by the name of the part that it is. */
function producer(model, module, node) {
  if (node.kind === "input") return node.name || "input";
  const made = model.modules[node.module];
  const around = model.modules[model.modules[module].parent ?? 0].path;
  const inner = around && made.path.startsWith(`${around}.`) ? made.path.slice(around.length + 1)
    : made.path;
  const parts = inner.split(".");
  const count = /^\d+$/.test(parts[1] ?? "") && parts[0] !== "stem" ? 2 : 1;
  return parts.slice(0, count).join(".") || node.op || made.type;
}

function notShown(keys, edges) {
  const shown = new Set();
  for (const { op, slot } of edges) {
    if (op) [op.key, ...op.nested].forEach((key) => shown.add(key));
    if (slot) shown.add(slot.key);
  }
  return keys.filter((key) => !shown.has(key));
}
