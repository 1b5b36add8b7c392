/** Which boxes are open: sets of modules, made anew at each change. */

import { canOpen, childrenOf, KIND } from "./items.js";
import { own } from "../keyed.js";

const LIMIT = 30000; // boxes that "all" are at most

/** The boxes around an item. */
export function around(plan, item) {
  const found = [];
  for (let at = plan.parent[item]; at >= 0; at = plan.parent[at]) found.unshift(at);
  return found;
}

/** Open what is around some items. */
export function openedTo(plan, open, items) {
  const wider = new Set(open);
  for (const item of items) {
    for (const box of around(plan, item)) if (box !== 0) wider.add(box);
  }
  return wider;
}

/** Open or close one. */
export function toggled(open, item) {
  const changed = new Set(open);
  if (!changed.delete(item)) changed.add(item);
  return changed;
}

/** Open the ways to the first place of every key. */
export function openChoices(model, plan) {
  const items = [];
  for (const key of model.keys) {
    const place = model.choices[key].places.find(({ module }) => Number.isInteger(module));
    if (place) items.push(shownFor(model, plan, place.module));
  }
  return openedTo(plan, new Set(), items.filter((item) => item >= 0));
}

/** Open everything, outer boxes first, until there is more than can be drawn. */
export function openAll(plan, limit = LIMIT) {
  const open = new Set();
  const queue = [0];
  let total = 0;
  for (let at = 0; at < queue.length; at += 1) {
    const children = childrenOf(plan, queue[at]);
    if (at > 0 && total + children.length > limit) continue;
    if (at > 0) open.add(queue[at]);
    total += children.length;
    for (const item of children) if (canOpen(plan, item)) queue.push(item);
  }
  return open;
}

/** The box that shows a module: its own, that of its first call, or the nearest around it. */
export function shownFor(model, plan, module) {
  if (plan.parent[module] !== -2) return module;
  const [call] = model.modules[module].nodes;
  if (call !== undefined && plan.itemOf[call] >= 0) return plan.itemOf[call];
  for (let at = model.modules[module].parent; at !== null; at = model.modules[at].parent) {
    if (plan.parent[at] !== -2) return at;
  }
  return -1;
}

/** The item that the page's `selected` means: a module, a key, or {node}; null for none. */
export function itemOfSelected(model, plan, selected) {
  let item = -1;
  if (typeof selected === "number" && selected < plan.modules) {
    item = shownFor(model, plan, selected);
  } else if (typeof selected === "string") {
    const { places } = own(model.choices, selected) ?? { places: [] };
    const place = places.find(({ module }) => Number.isInteger(module));
    if (place) item = shownFor(model, plan, place.module);
  } else if (selected && Number.isInteger(selected.node) && selected.node < plan.nodes) {
    item = plan.itemOf[selected.node];
  }
  return item > 0 ? item : null;
}

/** What an item is as the page's `selected`. */
export function selectedOfItem(plan, item) {
  if (item === null) return null;
  return item < plan.modules ? item : { node: item - plan.modules };
}

/**
 * The rows of the outline, in order: what is not in closed boxes and not left out.
 *
 * @param {(item: number) => boolean} isGone
 * @returns {{item: number, level: number, place: number, of: number, opens: boolean}[]}
 */
export function outline(plan, open, isGone, limit = 20000) {
  const rows = [];
  const put = (scope, level) => {
    const shown = Array.from(childrenOf(plan, scope)).filter(
      (item) => !isGone(item) && plan.kind[item] !== KIND.mix,
    );
    return shown.map((item, at) => ({
      item, level, place: at + 1, of: shown.length, opens: canOpen(plan, item),
    }));
  };
  const stack = plan.modules ? put(0, 1).reverse() : [];
  while (stack.length && rows.length < limit) {
    const row = stack.pop();
    rows.push(row);
    if (row.opens && open.has(row.item)) {
      const inner = put(row.item, row.level + 1);
      for (let i = inner.length - 1; i >= 0; i -= 1) stack.push(inner[i]);
    }
  }
  return rows;
}
