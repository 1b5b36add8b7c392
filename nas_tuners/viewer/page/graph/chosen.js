/** An architecture as a graph of its own: what a supernet becomes when all else is taken out. */

import { keyed, own } from "../keyed.js";
import { graphModel, range } from "./model.js";

/**
 * The graph with the chosen candidates only, as graphModel makes it.
 *
 * A layer choice of which one candidate is left becomes this candidate; an input choice of one
 * input, or of none, vanishes. Where several are left, a function joins them. What nothing asks
 * for any more is gone, as it does not run. Choices without a decision stay choices; sizes are
 * those of the supernet, as a graph cannot tell what a value changes. The graph has two more
 * properties: `original` ({modules, nodes}: the numbers in the supernet) and `undecided` (keys
 * that the architecture leaves open).
 *
 * @param {import("./model.js").GraphModel} model
 * @param {{[key: string]: number[]}} choice
 */
export function chosenOnly(model, choice) {
  const gone = goneModules(model, choice);
  const edges = keptEdges(model, choice, gone);
  const nodes = neededNodes(model, edges, gone);
  const joined = throughJoins(model, choice, edges, nodes);
  const kept = keptModules(model, choice, gone, nodes);
  const made = graphModel(written(model, choice, kept, joined));
  return Object.assign(made, {
    original: { modules: kept.numbers, nodes: joined.numbers },
    undecided: model.keys.filter((key) => !decided(choice, key)),
  });
}

/** Whether something was chosen, be it nothing: an input choice may take none. */
function decided(choice, key) {
  return Array.isArray(own(choice, key));
}

/** Modules of candidates that are not chosen, and all in them. */
function goneModules(model, choice) {
  const gone = new Uint8Array(model.modules.length);
  for (const module of model.modules) {
    if (!module.candidate || !decided(choice, module.candidate.key)) continue;
    if (choice[module.candidate.key].includes(module.candidate.slot)) continue;
    const [start, end] = range(model, module.index);
    gone.fill(1, start, end);
  }
  return gone;
}

/** Edges whose ends are left, and which bring a chosen candidate. */
function keptEdges(model, choice, gone) {
  const isGone = (node) => {
    const { module } = model.nodes[node];
    return module !== undefined && gone[module] === 1;
  };
  return model.edges.filter(([from, to, slot]) => {
    if (isGone(from) || isGone(to)) return false;
    const { kind, key } = model.nodes[to];
    if (kind !== "choice" || slot === undefined || !decided(choice, key)) return true;
    return choice[key].includes(slot);
  });
}

/** Nodes that an output needs; all that are left where there is no output. */
function neededNodes(model, edges, gone) {
  const before = new Map();
  for (const [from, to] of edges) {
    if (!before.has(to)) before.set(to, []);
    before.get(to).push(from);
  }
  const outputs = model.nodes.filter(({ kind }) => kind === "output");
  const left = ({ module }) => module === undefined || !gone[module];
  if (!outputs.length) return new Set(model.nodes.filter(left).map(({ index }) => index));
  const needed = new Set(outputs.map(({ index }) => index));
  const stack = [...needed];
  while (stack.length) {
    for (const from of before.get(stack.pop()) ?? []) {
      if (!needed.has(from)) {
        needed.add(from);
        stack.push(from);
      }
    }
  }
  for (const node of model.nodes) if (node.kind === "input") needed.add(node.index);
  return needed;
}

/** Nodes and edges without the choices that have nothing left to join. */
function throughJoins(model, choice, edges, needed) {
  const into = new Map();
  for (const [from, to, slot] of edges) {
    if (!needed.has(from) || !needed.has(to)) continue;
    if (!into.has(to)) into.set(to, []);
    into.get(to).push([from, slot]);
  }
  const passes = (node) => {
    const { kind, key } = model.nodes[node];
    return kind === "choice" && decided(choice, key) && (into.get(node)?.length ?? 0) === 1;
  };
  const isNothing = (node) => {
    const { kind, key } = model.nodes[node];
    return kind === "choice" && own(choice, key)?.length === 0;
  };
  const source = (node) => {
    let at = node;
    for (let steps = 0; passes(at) && steps <= model.nodes.length; steps += 1) {
      [[at]] = into.get(at);
    }
    return at;
  };
  const numbers = [...needed].filter((node) => !passes(node) && !isNothing(node))
    .sort((a, b) => a - b);
  const place = new Map(numbers.map((node, number) => [node, number]));
  const joined = [];
  for (const to of numbers) {
    for (const [from, slot] of into.get(to) ?? []) {
      const begin = place.get(source(from));
      if (begin === undefined) continue;
      const open = model.nodes[to].kind === "choice" && !decided(choice, model.nodes[to].key);
      joined.push(open && slot !== undefined ? [begin, place.get(to), slot]
        : [begin, place.get(to)]);
    }
  }
  return { numbers, edges: joined };
}

/** Modules that are left, those of joined choices taken by their candidates. */
function keptModules(model, choice, gone, nodes) {
  const used = new Uint8Array(model.modules.length);
  for (const node of nodes) {
    let at = model.nodes[node].module;
    while (at !== undefined && at !== null && !used[at]) {
      used[at] = 1;
      at = model.modules[at].parent;
    }
  }
  const dissolved = (module) => {
    if (!module.choice || !decided(choice, module.choice.key)) return false;
    const { kind } = model.choices[module.choice.key];
    return kind !== "value" && choice[module.choice.key].length <= 1;
  };
  const full = withNodes(model);
  const stays = new Uint8Array(model.modules.length);
  for (const { index, parent } of model.modules) {
    const here = !gone[index] && (used[index] || !full[index]);
    stays[index] = here && (parent === null || stays[parent]) ? 1 : 0;
  }
  const numbers = model.modules.filter((module) => module.index === 0
    || (stays[module.index] && !dissolved(module))).map(({ index }) => index);
  return { numbers, dissolved, set: new Set(numbers) };
}

/** Of each module whether it or something in it ran in the supernet. */
function withNodes(model) {
  const full = model.modules.map(({ nodes }) => nodes.length > 0);
  for (let at = full.length - 1; at > 0; at -= 1) {
    const { parent } = model.modules[at];
    if (parent !== null) full[parent] ||= full[at];
  }
  return full;
}

/** The rest as a file of schema nas-graph/1. */
function written(model, choice, kept, joined) {
  const place = new Map(kept.numbers.map((module, number) => [module, number]));
  const own = ownParameters(model);
  const modules = kept.numbers.map((index) => {
    const module = model.modules[index];
    const { parent, name } = holder(model, module, place);
    return {
      parent, name, type: module.type, params: own[index],
      ...(module.text ? { text: model.json.modules[index].text } : {}),
    };
  });
  for (let at = modules.length - 1; at > 0; at -= 1) {
    modules[modules[at].parent].params += modules[at].params;
  }
  const nodes = joined.numbers.map((index) => nodeOf(model, choice, index, place));
  const { choices, templates, ...rest } = model.json;
  return {
    ...rest, modules, nodes, edges: joined.edges, parameters: modules[0]?.params ?? 0,
    choices: openChoices(model, choice, place, joined.numbers), templates: [],
  };
}

/** Where a module is now, and its name: that of the choice before that of the candidate. */
function holder(model, module, place) {
  let name = module.name;
  let parent = module.parent;
  while (parent !== null && !place.has(parent)) {
    name = `${model.modules[parent].name}: ${name}`;
    parent = model.modules[parent].parent;
  }
  return { parent: parent === null ? null : place.get(parent), name };
}

/** Parameters of each module that are in none of its children. */
function ownParameters(model) {
  const own = model.modules.map(({ params }) => params);
  for (const { parent, params } of model.modules) if (parent !== null) own[parent] -= params;
  return own.map((number) => Math.max(0, number)); // shared ones are in several children
}

function nodeOf(model, choice, index, place) {
  const { index: _, module, ...node } = model.nodes[index];
  if (module === undefined) return node;
  let at = module;
  while (!place.has(at)) at = model.modules[at].parent;
  if (node.kind !== "choice" || !decided(choice, node.key)) {
    return { ...node, module: place.get(at) };
  }
  const { key, kind, ...rest } = node;
  return { ...rest, kind: "op", op: "sum", module: place.get(at) };
}

/** Choices that nothing was decided about. */
function openChoices(model, choice, place, nodes) {
  const moved = new Map(nodes.map((node, number) => [node, number]));
  const left = keyed();
  for (const key of model.keys) {
    if (decided(choice, key) || model.choices[key].kind === "value") continue;
    const { places, ...rest } = model.choices[key];
    left[key] = {
      ...rest,
      places: places.filter(({ module }) => place.has(module)).map((one) => ({
        ...one, module: place.get(one.module),
        nodes: (one.nodes ?? []).filter((node) => moved.has(node)).map((node) => moved.get(node)),
        slots: (one.slots ?? []).map((slot) => (slot.module === undefined || slot.module === null
          ? slot : { ...slot, module: place.get(slot.module) ?? null })),
      })),
    };
  }
  return left;
}
