/** How large boxes are, by about how wide their texts are: workers and tests have no fonts. */

import { count } from "../format.js";
import { KIND, canOpen, candidateName, choiceOf, moduleOf, nameOf } from "./items.js";

export const ROWS = 24; // candidates that a box lists at most
export const HEADER = 26;
export const ROW = 17;
export const BAR = 18; // height of the bar of a candidate

/** Sets the sizes of a box in a plan. */
export function measure(plan, model, item) {
  const kind = plan.kind[item];
  const name = nameOf(plan, model, item).slice(0, 60);
  const set = (width, height, low, high) => {
    plan.width[item] = Math.min(high, Math.max(low, Math.ceil(width)));
    plan.height[item] = height;
  };
  const bar = plan.slot[item] >= 0 ? BAR : 0;
  const choice = choiceOf(model, item);
  if (item < plan.modules) measureHead(plan, model, item, name, bar);
  if (choice) {
    const { names } = model.choices[choice.key];
    const rows = Math.min(names.length, ROWS) + (names.length > ROWS ? 1 : 0);
    const title = textWidth(choice.key.slice(0, 60)) + 66;
    const spread = kind === KIND.input ? 36 * Math.min(8, names.length) : 0;
    const longest = names.slice(0, ROWS).reduce((w, one) => Math.max(w, textWidth(one, 11)), 0);
    set(Math.max(title, spread, longest + 140), HEADER + rows * ROW + 7 + bar, 190, 320);
  } else if (canOpen(plan, item)) {
    const { type, params } = model.modules[item];
    const size = `${count(params)} parameters · 1000 inside`;
    set(Math.max(textWidth(name) + textWidth(type, 11) + 46, textWidth(size, 10.5) + 26),
      44 + bar, 120, 300);
  } else if (kind === KIND.leaf) {
    const module = moduleOf(model, item);
    const own = bar ? textWidth(candidateName(model, module).slice(0, 40)) : 0;
    const label = textWidth(module.type) + (/^\d*$/.test(module.name) ? 0 : textWidth(name, 11));
    set(Math.max(label, own) + 30, 26 + (bar ? bar + 14 : 0), bar ? 124 : 64, 240);
  } else {
    set(textWidth(name) + 30, kind === KIND.mix ? 24 : 26, 56, 220);
  }
}

function measureHead(plan, model, item, name, bar) {
  const { type, choice } = model.modules[item];
  const title = plan.slot[item] >= 0 ? candidateName(model, model.modules[item]).slice(0, 40)
    : choice ? choice.key.slice(0, 60) : name;
  plan.head[item] = item === 0 ? 0 : HEADER + bar;
  plan.headWidth[item] = Math.min(360, textWidth(title) + textWidth(type, 11) + 48);
}

/** About how wide a text is, in pixels. */
export function textWidth(text, size = 12) {
  let width = 0;
  for (const letter of String(text)) {
    if ("ijl.,:;|!'()[] tfrI".includes(letter)) width += 0.36;
    else if (letter >= "A" && letter <= "Z") width += 0.7;
    else if ("mwMW@%×".includes(letter)) width += 0.88;
    else if (letter > "\u02ff") width += 1.0;
    else width += 0.6;
  }
  return width * size;
}
