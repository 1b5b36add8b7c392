/** In what two architectures differ. */

import { own } from "../keyed.js";
import { keysOf } from "./facts.js";

/**
 * @param {object} space   search-space JSON
 * @param {object} a       an architecture
 * @param {object} b
 * @returns {{different: string[], same: string[]}} keys
 */
export function difference(space, a, b) {
  const different = [];
  const same = [];
  for (const key of keysOf(space, a, b)) {
    (entry(a, key) === entry(b, key) ? same : different).push(key);
  }
  return { different, same };
}

function entry({ choice, values = {} }, key) {
  const chosen = own(choice, key);
  if (chosen) return JSON.stringify([...chosen].sort((x, y) => x - y));
  const value = own(values, key);
  return value === undefined ? "" : `value ${JSON.stringify(value)}`;
}

/** Whether an edge of one architecture is not in another, or not with the same operation. */
export function differs({ op, slot }, one, other) {
  if (slot && own(other.choice, slot.key)?.includes(slot.index) === false) return true;
  return Boolean(op) && entry(one, op.key) !== entry(other, op.key);
}

/** "+12.3 %": how much more a number is than another. */
export function relative(from, to) {
  if (!Number.isFinite(from) || !Number.isFinite(to) || from === 0) return "";
  const share = ((to - from) / from) * 100;
  const digits = Math.abs(share) < 10 ? 1 : 0;
  return `${share > 0 ? "+" : share < 0 ? "−" : "±"}${Math.abs(share).toFixed(digits)} %`;
}
