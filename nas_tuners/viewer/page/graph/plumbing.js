/** What a reader can do without: functions that only change the form, and rows of functions. */

import { KIND } from "./items.js";

const FORM = new Set([
  "view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "permute", "transpose", "t",
  "contiguous", "squeeze", "unsqueeze", "expand", "expand_as", "clone", "detach", "to", "type",
  "type_as", "float", "half", "size", "dim", "shape", "getitem", "__getitem__", "getattr",
  "movedim", "swapaxes", "swapdims", "ravel", "alias", "identity", "zeros", "zeros_like", "ones",
  "ones_like", "full", "full_like", "empty", "empty_like", "arange", "tensor", "as_tensor",
  "scalar_tensor", "new_zeros", "new_ones", "new_full", "numel", "item", "__get__", "constant",
]);
const TYPES = new Set(["Identity", "Flatten", "Unflatten"]);

/**
 * Which nodes are left out, and what the box is called that a row of functions becomes.
 *
 * @returns {{hidden: Uint8Array, labels: Map<number, string>}} a number a node; labels by item
 */
export function plumbing(model, plan) {
  const hidden = new Uint8Array(plan.nodes);
  for (let node = 0; node < plan.nodes; node += 1) {
    if (isPlumbing(model, plan, node)) hidden[node] = 1;
  }
  return { hidden, labels: joinRows(model, plan, hidden) };
}

function isPlumbing(model, plan, node) {
  const { kind, op } = model.nodes[node];
  const item = plan.itemOf[node];
  if (item >= 0 && plan.slot[item] >= 0) return false; // a candidate stays in sight
  if (model.outOf[node].some((edge) => plan.edgeSlot[edge] >= 0)) return false; // and its end
  if (kind === "op") return FORM.has(baseName(op));
  return kind === "module" && TYPES.has(model.modules[model.nodes[node].module].type);
}

/** "aten::view_" -> "view" */
function baseName(op) {
  const name = String(op).split(/[.:]/).pop();
  return name.length > 1 && name.endsWith("_") && !name.endsWith("__") ? name.slice(0, -1) : name;
}

/** Of functions of one module that follow each other, the last stands for all. */
function joinRows(model, plan, hidden) {
  const labels = new Map();
  const joined = new Map();
  for (let node = 0; node < plan.nodes; node += 1) {
    const before = onlySource(model, hidden, node);
    if (before === -1 || !isFunction(model, plan, node) || !isFunction(model, plan, before)) {
      continue;
    }
    if (model.nodes[node].module !== model.nodes[before].module) continue;
    const row = [...(joined.get(before) ?? [model.nodes[before].op]), model.nodes[node].op];
    joined.delete(before);
    joined.set(node, row.slice(-4));
    hidden[before] = 1;
    labels.delete(plan.itemOf[before]);
    labels.set(plan.itemOf[node], row.length > 4 ? `… → ${row.slice(-3).join(" → ")}`
      : row.join(" → "));
  }
  return labels;
}

function isFunction(model, plan, node) {
  return model.nodes[node].kind === "op" && plan.kind[plan.itemOf[node]] === KIND.op;
}

/** The only node that another one takes, if it gives to no other; else -1. */
function onlySource(model, hidden, node) {
  if (hidden[node] || model.into[node].length !== 1) return -1;
  const [before] = model.edges[model.into[node][0]];
  if (before >= node || hidden[before] || model.outOf[before].length !== 1) return -1;
  return before;
}
