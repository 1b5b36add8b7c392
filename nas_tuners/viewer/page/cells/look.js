/** How the edges of a cell look in a state of the page: what is written on them, how strong. */

import { candidate, plain, short } from "../format.js";
import { own } from "../keyed.js";

/** Letters of the longest label that is written in full. */
export const LONGEST = 16;

/**
 * @typedef {object} Look
 * @property {string} text        on the edge; "" where there is nothing to choose
 * @property {string} told        the whole, for those who hear or point at it
 * @property {number|null} strength   0 to 1, by which it is drawn wide; null: there is none
 * @property {boolean} shown
 * @property {string} mark        "≠" where it differs from what it is compared with
 */

/**
 * @param {object} model      a GraphModel
 * @param {object} edge       of a genotype
 * @param {(key: string) => number[]|null} strengthOf
 * @param {{choice: object|null, threshold: number, exact: boolean}} options   `choice`: write what
 *   it chooses; `exact`: an architecture, without weights
 * @returns {Look}
 */
export function lookOf(model, edge, strengthOf, { choice = null, threshold = 0, exact = false }) {
  const { op, slot } = edge;
  if (!op && !slot) return { text: "", told: "", strength: null, shown: true, mark: "" };
  const best = op && bestOf(model, op.key, strengthOf(op.key), choice);
  const input = slot ? weightOf(strengthOf(slot.key), slot.index) : null;
  const strength = product(best?.value ?? null, input);
  const number = exact || strength === null ? "" : strength.toFixed(2);
  const name = best ? best.name : "";
  return {
    text: [short(name, LONGEST), number].filter(Boolean).join(" "),
    told: exact ? name || "taken" : told({ op, slot, best, input, strength }),
    strength: exact ? null : strength, mark: "",
    shown: threshold <= 0 || strength === null || strength >= threshold,
  };
}

/** Letters for which the label of an edge needs room, whatever is written on it. */
export function lettersOf(model, { op, slot }, exact) {
  if (!op) return slot && !exact ? 4 : 0;
  const { names } = model.choices[op.key];
  const longest = Math.max(7, ...names.map((_, index) => candidate(names, index).length));
  return Math.min(LONGEST, longest) + (exact ? 0 : 5) + (op.nested.length ? 3 : 0);
}

/** What is written in a state that is an operation itself; "" in others. */
export function textOfState(model, { op }, strengthOf, { choice = null, exact = false }) {
  if (!op) return "";
  const { name, value } = bestOf(model, op, strengthOf(op), choice);
  return [short(name, LONGEST), exact || value === null ? "" : value.toFixed(2)]
    .filter(Boolean).join(" ");
}

/** Letters for which a state needs room. */
export function lettersOfState(model, { op }, exact) {
  return op ? lettersOf(model, { op: { key: op, nested: [] } }, exact) : 0;
}

function bestOf(model, key, values, choice) {
  const { names } = model.choices[key];
  const chosen = own(choice, key);
  const ranked = names.map((_, index) => index);
  const of = (index) => weightOf(values, index) ?? -1;
  if (values) ranked.sort((a, b) => of(b) - of(a) || a - b);
  if (chosen?.length) {
    ranked.sort((a, b) => Number(chosen.includes(b)) - Number(chosen.includes(a)));
  }
  const name = values || chosen ? nameOf(names, ranked, chosen) : `1 of ${names.length}`;
  const second = values && names.length > 1 ? ranked[1] : null;
  return {
    name, value: weightOf(values, ranked[0]),
    second: second === null ? null : { name: candidate(names, second), value: of(second) },
  };
}

function nameOf(names, ranked, chosen) {
  if (chosen && !chosen.length) return "nothing";
  const shown = chosen?.length > 1 ? chosen : [ranked[0]];
  return shown.map((index) => candidate(names, index)).join(" + ");
}

function weightOf(values, index) {
  const value = values?.[index];
  return value === undefined || value === null ? null : Number(value);
}

/** An operation on an input counts as much as both together. */
function product(one, other) {
  if (one === null) return other;
  return other === null ? one : one * other;
}

function told({ op, slot, best, input, strength }) {
  const parts = [];
  if (best) {
    parts.push(best.value === null ? best.name : `${best.name} ${plain(best.value)}`);
    if (best.second?.value > 0) parts.push(`then ${best.second.name} ${plain(best.second.value)}`);
  }
  if (input !== null) parts.push(`as an input ${plain(input)}`);
  if (op && slot && strength !== null) parts.push(`drawn by their product, ${plain(strength)}`);
  if (op?.nested.length) parts.push(`with ${op.nested.length} choices in its candidates`);
  return parts.join(", ");
}
