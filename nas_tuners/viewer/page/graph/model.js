/** The supernet as the page asks for it: an index over a graph of schema nas-graph/1. */

/**
 * @typedef {object} Module
 * @property {number} index
 * @property {number|null} parent
 * @property {string} name        in its parent; "" of the model
 * @property {string} type
 * @property {number} params
 * @property {string} text        its arguments
 * @property {string} path        names from the model on, with dots
 * @property {number} depth
 * @property {number} end         where those in it end: they stand one after the other
 * @property {number[]} children
 * @property {number[]} nodes     of calls of it, or of functions in its own forward
 * @property {{key: string, place: number}|null} choice   if it is one
 * @property {{key: string, place: number, slot: number}|null} candidate   if it is one
 *
 * @typedef {object} GraphModel
 * @property {object} json
 * @property {Module[]} modules
 * @property {object[]} nodes     as in the file, each with its `index`
 * @property {number[][]} edges   [from, to] or [from, to, slot]
 * @property {number[][]} into    for each node the numbers of the edges that end in it
 * @property {number[][]} outOf   for each node the numbers of the edges that begin in it
 * @property {{[key: string]: object}} choices
 * @property {string[]} keys
 * @property {Cell[]} cells
 * @property {number[]} choosing  the modules that are choices
 *
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} module       the one that is drawn
 * @property {number[]} instances  all that are built alike
 * @property {string[]} keys       of the choices in it
 */

/** @returns {GraphModel} */
export function graphModel(json) {
  const modules = (json.modules ?? []).map((module, index) => ({
    index, parent: module.parent, name: module.name, type: module.type,
    params: module.params ?? 0, text: json.texts?.[module.text] ?? "", path: "", depth: 0,
    end: index + 1, children: [], nodes: [], choice: null, candidate: null,
  }));
  for (const module of modules) {
    if (module.parent === null) continue;
    const parent = modules[module.parent];
    parent.children.push(module.index);
    module.depth = parent.depth + 1;
    module.path = parent.path ? `${parent.path}.${module.name}` : module.name;
  }
  for (let at = modules.length - 1; at > 0; at -= 1) {
    const { parent, end } = modules[at];
    if (parent !== null) modules[parent].end = Math.max(modules[parent].end, end);
  }
  const nodes = (json.nodes ?? []).map((node, index) => ({ ...node, index }));
  for (const node of nodes) {
    if (node.module !== undefined) modules[node.module].nodes.push(node.index);
  }
  const edges = json.edges ?? [];
  const choices = json.choices ?? {};
  markChoices(modules, choices);
  const model = {
    json, modules, nodes, edges, choices, keys: Object.keys(choices),
    into: nodes.map(() => []), outOf: nodes.map(() => []), cells: [],
    choosing: modules.filter(({ choice }) => choice).map(({ index }) => index),
  };
  edges.forEach(([from, to], number) => {
    model.outOf[from].push(number);
    model.into[to].push(number);
  });
  model.cells = cellsOf(model);
  return model;
}

function markChoices(modules, choices) {
  for (const [key, choice] of Object.entries(choices)) {
    choice.places.forEach((place, number) => {
      if (place.module === undefined || place.module === null) return;
      modules[place.module].choice = { key, place: number };
      (place.slots ?? []).forEach((slot, index) => {
        if (slot.module === undefined || slot.module === null) return;
        modules[slot.module].candidate = { key, place: number, slot: index };
      });
    });
  }
}

/** A module and its parents, the model first. */
export function trail(model, module) {
  const found = [];
  for (let at = module; at !== null; at = model.modules[at].parent) found.unshift(at);
  return found;
}

/** The modules from one on and in it: the first, and the one after the last. */
export function range(model, module) {
  return [module, model.modules[module].end];
}

/** Keys of the choices in a module, in order of definition, each once. */
export function keysInside(model, module) {
  const [start, end] = range(model, module);
  const { choosing } = model;
  const found = new Set();
  for (let at = firstFrom(choosing, start); choosing[at] < end; at += 1) {
    found.add(model.modules[choosing[at]].choice.key);
  }
  return [...found];
}

/** The place of the first entry of an ascending list that is no less than a number. */
function firstFrom(ascending, number) {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What is drawn as a cell: what is repeated and has choices, other modules of its class, and
 * classes of which several hold choices of their own; of what is left the module around it.
 */
function cellsOf(model) {
  const cells = [];
  const templates = model.json.templates ?? [];
  for (const { name, modules: instances } of templates) {
    const keys = keysInside(model, instances[0]);
    if (keys.length) cells.push({ name, module: instances[0], instances, keys });
  }
  const known = new Set(cells.flatMap((cell) => cell.keys));
  for (const module of singleCells(model, cells.map((cell) => cell.module), known)) {
    const keys = keysInside(model, module);
    const name = commonPrefix(keys) || cellName(model, module);
    cells.push({ name, module, instances: [module], keys });
    for (const key of keys) known.add(key);
  }
  const left = model.keys.filter((key) => !known.has(key) && model.choices[key].places.length);
  if (left.length && model.modules.length) {
    const module = nearestCommon(model, left);
    cells.push({ name: cellName(model, module), module, instances: [module], keys: left });
  }
  return distinct(cells);
}

const CONTAINERS = new Set(["ModuleList", "ModuleDict", "Sequential"]);
const LEAST = 4; // choices in a cell: with fewer it is a layer of something larger

/** Modules with choices that no template has, which look like cells: several of one class. */
function singleCells(model, templates, known) {
  const types = new Set(templates.map((module) => model.modules[module].type));
  const found = new Map();
  for (const { index, type, parent, choice, candidate } of model.modules) {
    if (parent === null || choice || candidate || CONTAINERS.has(type)) continue;
    const keys = keysInside(model, index);
    const least = types.has(type) ? 1 : LEAST;
    if (keys.length < least || keys.some((key) => known.has(key))) continue;
    if (!found.has(type)) found.set(type, []);
    found.get(type).push(index);
  }
  const cells = [...found]
    .filter(([type, modules]) => types.has(type) || modules.length > 1)
    .flatMap(([, modules]) => modules)
    .sort((a, b) => a - b);
  let end = 0; // of the last one that is in no other
  return cells.filter((module) => {
    if (module < end) return false;
    [, end] = range(model, module);
    return true;
  });
}

function cellName(model, module) {
  const { path, type } = model.modules[module];
  return path ? `${type} ${path}` : type;
}

/** The innermost module that holds all places of some keys. */
function nearestCommon(model, keys) {
  let common = null;
  for (const key of keys) {
    for (const place of model.choices[key].places) {
      if (place.module === undefined || place.module === null) continue;
      const here = trail(model, model.modules[place.module].parent ?? place.module);
      common = common === null ? here : common.filter((module, at) => here[at] === module);
    }
  }
  return common?.length ? common[common.length - 1] : 0;
}

/** Cells with names, told apart by their first keys where they are equal. */
function distinct(cells) {
  const alike = new Map();
  for (const { name } of cells) alike.set(name, (alike.get(name) ?? 0) + 1);
  const before = new Map();
  return cells.map((cell) => {
    const { name, keys } = cell;
    if (alike.get(name) === 1) return cell;
    before.set(name, (before.get(name) ?? 0) + 1);
    return { ...cell, name: `${name} ${commonPrefix(keys) || before.get(name)}` };
  });
}

/** What some keys begin with, without what stands after the last separator: "normal". */
function commonPrefix(keys) {
  let prefix = keys[0] ?? "";
  for (const key of keys) {
    while (!key.startsWith(prefix)) prefix = prefix.slice(0, -1);
  }
  return keys.length > 1 ? prefix.replace(/[._-]?[^._-]*$/, "") : "";
}
