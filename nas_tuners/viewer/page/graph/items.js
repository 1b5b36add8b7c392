/** Boxes by their numbers: what they are, and what is written on them. */

export const KIND = {
  none: 0, leaf: 1, scope: 2, layer: 3, input: 4, op: 5, mix: 6, io: 7, more: 8,
};

/** Items of a module. */
export function childrenOf(plan, module) {
  return plan.children.subarray(plan.childStart[module], plan.childStart[module + 1]);
}

/** Whether a box can be opened. */
export function canOpen(plan, item) {
  return item < plan.modules && plan.childStart[item + 1] > plan.childStart[item];
}

/** The module of an item, or null: of a function, its scope is not meant. */
export function moduleOf(model, item) {
  const { length } = model.modules;
  if (item < length) return model.modules[item];
  const node = model.nodes[item - length];
  if (!node || node.kind === "op" || node.module === undefined) return null;
  return model.modules[node.module];
}

/** The node of an item: of a function, or of the first call of a leaf module; or null. */
export function nodeOf(model, item) {
  const { length } = model.modules;
  if (item >= length) return model.nodes[item - length] ?? null;
  const calls = model.modules[item].nodes;
  return calls.length ? model.nodes[calls[0]] : null;
}

/** The choice that an item shows as rows: {key, place}, or null. */
export function choiceOf(model, item) {
  const { length } = model.modules;
  if (item < length) return model.modules[item].choice;
  const node = model.nodes[item - length];
  if (!node || node.kind !== "choice") return null;
  const module = model.modules[node.module];
  return model.choices[node.key]?.kind === "input" ? module.choice : null;
}

/** Name of an item in the box around it. */
export function nameOf(plan, model, item) {
  const module = moduleOf(model, item);
  if (!module) {
    const node = model.nodes[item - model.modules.length];
    return node ? (node.op ?? node.name ?? node.kind) : "";
  }
  const outer = plan.parent[item];
  if (outer < 0) return module.name || module.type;
  if (!/^\d*$/.test(module.name)) return module.name;
  const before = model.modules[outer].path; // "cells.0" of a list tells more than "0"
  return before ? module.path.slice(before.length + 1) : module.path;
}

/** What a candidate is called; unnamed ones by their number. */
export function candidateName(model, module) {
  const { key, slot } = module.candidate;
  return model.choices[key].names[slot] || `#${slot}`;
}
