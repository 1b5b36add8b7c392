/** Finding boxes by what is written on them. */

import { KIND, candidateName, choiceOf, moduleOf, nameOf } from "./items.js";

const LIMIT = 5000;

/**
 * Items whose path, type, key or candidates hold all words of a query, in the order of the model.
 *
 * @returns {Generator<undefined, number[]>} in steps, as a graph may be large
 */
export function* findSteps(model, plan, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  if (!words.length) return found;
  for (let item = 1; item < plan.parent.length && found.length < LIMIT; item += 1) {
    if (item % 2000 === 0) yield;
    if (plan.parent[item] < 0 || plan.kind[item] === KIND.mix) continue;
    const text = textOf(model, plan, item).toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(item);
  }
  return found;
}

function textOf(model, plan, item) {
  const module = moduleOf(model, item);
  const choice = choiceOf(model, item);
  const parts = module ? [module.path, module.type] : [nameOf(plan, model, item)];
  if (choice) parts.push(choice.key);
  if (plan.slot[item] >= 0 && module) parts.push(candidateName(model, module));
  return parts.join(" ");
}

/** The hit after (or before) an item; the first one where there is none. */
export function nextHit(found, item, step = 1) {
  if (!found.length) return null;
  const at = found.indexOf(item);
  if (at >= 0) return found[(at + step + found.length) % found.length];
  const later = found.find((hit) => item !== null && hit > item);
  return later ?? found[0];
}
