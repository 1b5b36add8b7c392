/** What there is to know of a box. */

import { shape } from "../format.js";
import { strongest } from "../store.js";
import { range } from "./model.js";
import { shownFor } from "./open.js";
import { candidateName, choiceOf, moduleOf, nameOf } from "./items.js";

const LISTED = 60;

/**
 * @returns {{title: string, path: string, type: string, text: string, params: number|null,
 *   flops: number, calls: number, shapesIn: string[], shapesOut: string[],
 *   inputs: {item: number, label: string, shape: string}[], outputs: object[], more: number[],
 *   choice: object|null, candidate: object|null, places: number[], instances: number[]}}
 */
export function detailsOf(model, plan, item) {
  const module = moduleOf(model, item);
  const own = item >= plan.modules ? model.nodes[item - plan.modules] : null;
  const nodes = own ? [own.index] : nodesIn(model, module.index);
  const inside = new Set(nodes);
  const { sources, targets } = neighbours(model, nodes, inside);
  const choice = choiceOf(model, item)
    ?? (own?.kind === "choice" ? model.modules[own.module].choice : null);
  return {
    title: nameOf(plan, model, item),
    path: module ? module.path : placeOf(model, own),
    type: module ? module.type : own.kind === "op" ? `function ${own.op}` : own.kind,
    text: module?.text ?? "",
    params: module ? module.params : null,
    flops: nodes.reduce((sum, node) => sum + (model.nodes[node].flops ?? 0), 0),
    calls: nodes.length,
    shapesIn: distinct(sources.map((node) => shapesOf(model, node))),
    shapesOut: distinct(exits(model, nodes, inside).map((node) => shapesOf(model, node))),
    inputs: listed(model, plan, sources), outputs: listed(model, plan, targets),
    more: [Math.max(0, sources.length - LISTED), Math.max(0, targets.length - LISTED)],
    choice: choice && choiceDetails(model, choice),
    candidate: module?.candidate ?? null,
    places: choice ? otherPlaces(model, plan, choice, item) : [],
    instances: module ? instancesOf(model, module.index) : [],
  };
}

function distinct(texts) {
  return [...new Set(texts)].slice(0, 8);
}

/** Calls and functions in a module. */
export function nodesIn(model, module) {
  const [start, end] = range(model, module);
  const found = [];
  for (let at = start; at < end; at += 1) found.push(...model.modules[at].nodes);
  return module === 0 ? model.nodes.map((node) => node.index) : found;
}

/** What nodes take from others, and those that take from them. */
function neighbours(model, nodes, inside) {
  const sources = new Set();
  const targets = new Set();
  for (const node of nodes) {
    for (const edge of model.into[node]) {
      if (!inside.has(model.edges[edge][0])) sources.add(model.edges[edge][0]);
    }
    for (const edge of model.outOf[node]) {
      if (!inside.has(model.edges[edge][1])) targets.add(model.edges[edge][1]);
    }
  }
  return { sources: [...sources], targets: [...targets] };
}

function exits(model, nodes, inside) {
  return nodes.filter((node) => !model.outOf[node].length
    || model.outOf[node].some((edge) => !inside.has(model.edges[edge][1])));
}

function shapesOf(model, node) {
  return (model.nodes[node].shapes ?? []).map(shape).join(", ") || "unknown";
}

function listed(model, plan, nodes) {
  return nodes.slice(0, LISTED).map((node) => ({
    item: plan.itemOf[node], label: labelOf(model, node), shape: shapesOf(model, node),
  }));
}

/** A node by the path of its module. */
function labelOf(model, node) {
  const { kind, op, name, module, key } = model.nodes[node];
  if (module === undefined) return name ?? kind;
  const { path, type } = model.modules[module];
  if (kind === "op") return path ? `${path} · ${op}` : op;
  return path || key || type;
}

function placeOf(model, node) {
  if (node.module === undefined) return node.name ?? node.kind;
  return `${model.modules[node.module].path || model.modules[node.module].type} · `
    + `${node.op ?? node.kind}`;
}

function choiceDetails(model, { key, place }) {
  const { kind, names, n_chosen: chosen, places } = model.choices[key];
  return { key, kind, names, chosen, slots: places[place]?.slots ?? [] };
}

function otherPlaces(model, plan, { key }, item) {
  return model.choices[key].places
    .map(({ module }) => module)
    .filter((module) => Number.isInteger(module) && shownFor(model, plan, module) !== item);
}

/** The others of the innermost group of modules built alike that a module is in, or belongs to. */
function instancesOf(model, module) {
  for (const { modules } of model.json.templates ?? []) {
    if (modules.includes(module)) return modules.filter((other) => other !== module);
  }
  return [];
}

/** One line on an item, for people who hear the page. */
export function spoken(model, plan, item, open, strengthOf) {
  const module = moduleOf(model, item);
  const choice = choiceOf(model, item);
  const parts = [nameOf(plan, model, item), module?.type];
  if (plan.slot[item] >= 0) {
    const { key, slot } = module.candidate;
    const value = strengthOf(key)?.[slot];
    parts.splice(0, 1, `candidate ${candidateName(model, module)} of ${key}`);
    if (Number.isFinite(value)) parts.push(`strength ${value.toFixed(2)}`);
  }
  if (choice) {
    const { names } = model.choices[choice.key];
    const values = strengthOf(choice.key);
    parts.push(`choice ${choice.key}, ${names.length} candidates`);
    const best = strongest(values ?? []);
    if (best >= 0 && Number.isFinite(values[best])) {
      parts.push(`strongest ${names[best] || `number ${best}`} ${values[best].toFixed(2)}`);
    }
  }
  if (item < plan.modules && plan.childStart[item + 1] > plan.childStart[item]) {
    parts.push(open.has(item) ? "open" : "closed");
  }
  return parts.filter(Boolean).join(", ");
}
