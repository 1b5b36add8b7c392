/** The architecture that weights have come to: what an export of the search would choose now. */

import { keyed, own } from "../keyed.js";

const ZERO = new Set(["none", "zero"]);

/**
 * As the mutators export it: the strongest candidate of a layer choice; of an input choice as many
 * of the strongest as it takes. An input that comes from a layer choice is as strong as what that
 * would choose. Zero operations are not chosen where the input choice can leave them out.
 *
 * @param {object} model    a GraphModel
 * @param {{[key: string]: number[]}} status   the weights of a record
 * @returns {{[key: string]: number[]}} the indices that each key of the record chooses
 */
export function decision(model, status) {
  const choice = keyed();
  const optional = optionalKeys(model);
  for (const key of model.keys) {
    const values = own(status, key);
    if (!values || isDerived(model, key)) continue;
    const { kind, names, n_chosen: count } = model.choices[key];
    if (kind === "input" && count !== 1) choice[key] = strongestOf(values, count, 0.5);
    else choice[key] = bestOf(values, names, optional.has(key) && !isOneHot(values));
  }
  for (const key of model.keys) {
    const weights = own(status, key);
    if (!weights || !isDerived(model, key)) continue;
    const { names, n_chosen: count } = model.choices[key];
    const strengths = names.map((source, index) => {
      const weight = Number(weights[index] ?? 0);
      const [best] = choice[source] ?? [];
      return best === undefined ? weight : weight * Number(status[source][best]);
    });
    choice[key] = strongestOf(strengths, count, 0);
  }
  return choice;
}

/** Whether an input choice takes outputs of layer choices, by whose keys its inputs go. */
function isDerived({ choices }, key) {
  const { kind, names } = choices[key];
  return kind === "input" && names.length > 0 &&
    names.every((name) => Object.hasOwn(choices, name) && choices[name].kind === "layer");
}

/** Layer choices whose outputs an input choice can leave out. */
function optionalKeys(model) {
  const found = new Set();
  for (const key of model.keys) {
    const { names, n_chosen: count } = model.choices[key];
    if (isDerived(model, key) && bounds(count, names.length)[0] < names.length) {
      names.forEach((name) => found.add(name));
    }
  }
  return found;
}

function bounds(count, all) {
  if (count === null || count === undefined) return [0, all];
  return Array.isArray(count) ? count : [count, count];
}

/** A sample says itself what it takes. */
function isOneHot(values) {
  const ones = values.filter((value) => Number(value) === 1).length;
  return ones === 1 && values.every((value) => Number(value) === 0 || Number(value) === 1);
}

function bestOf(values, names, withoutZero) {
  let best = -1;
  values.forEach((value, index) => {
    if (withoutZero && ZERO.has(names[index])) return;
    if (best < 0 || Number(value) > Number(values[best])) best = index;
  });
  if (best < 0 && values.length) return bestOf(values, names, false);
  return best < 0 ? [] : [best];
}

function strongestOf(values, count, above) {
  const [low, high] = bounds(count, values.length);
  const many = values.filter((value) => Number(value) > above).length;
  const ranked = values.map((_, index) => index)
    .sort((a, b) => Number(values[b]) - Number(values[a]) || a - b);
  return ranked.slice(0, Math.max(low, Math.min(many, high))).sort((a, b) => a - b);
}
