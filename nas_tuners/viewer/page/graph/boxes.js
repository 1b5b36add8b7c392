/** How boxes look. */

import { count, grouped, shape } from "../format.js";
import { candidateBar, candidateStyle, drawRows } from "./bars.js";
import { KIND, canOpen, candidateName, choiceOf, moduleOf, nameOf, nodeOf } from "./items.js";
import { BAR, HEADER } from "./measure.js";

/** Kinds of layers: those whose types match, their color, and what they are called. */
export const FAMILIES = [
  [/conv|linear|embedding|bilinear/i, "#0072b2", "convolutions and linear layers"],
  [/norm/i, "#009e73", "normalizations"],
  [/pool|upsample|interpolate|pad/i, "#cc79a7", "pooling and resizing"],
  [/relu|elu|gelu|silu|sigmoid|tanh|softmax|hardswish|mish|activation/i, "#d55e00", "activations"],
  [/dropout|droppath|identity|zero|none/i, "#888888", "identity, zero and dropout"],
  [/attention|lstm|gru|rnn|transformer/i, "#56b4e9", "attention and recurrent layers"],
];

export function drawBox(scene, pen, look, at, x, y, w, h) {
  const { layout, plan } = scene;
  const item = layout.ids[at];
  const selected = item === look.selected;
  if (layout.more[at]) drawMore(pen, look, layout.more[at], x, y, w, h);
  else if (layout.opened[at]) drawOpen(scene, pen, look, item, x, y, w, h);
  else if (choiceOf(scene.model, item)) drawChoice(scene, pen, look, item, x, y, w, h);
  else if (canOpen(scene.plan, item)) drawClosed(scene, pen, look, item, x, y, w, h);
  else drawLeaf(scene, pen, look, item, x, y, w, h, plan.kind[item]);
  if (selected || look.marked?.has(item)) {
    const width = selected ? 3 : 2;
    pen.rect(x - 2.5, y - 2.5, w + 5, h + 5, 8, {
      stroke: look.colors.accent, width: Math.max(width, width / pen.scale),
      dash: selected ? null : [5, 3],
    });
  }
}

function drawOpen(scene, pen, look, item, x, y, w, h) {
  const { model, plan } = scene;
  const { colors } = look;
  const module = model.modules[item];
  const choice = choiceOf(model, item);
  const deep = plan.depth[item] % 2;
  const style = candidateStyle(scene, look, item);
  if (choice) style.stroke ??= colors.warn;
  if (h * pen.scale < 22 || w * pen.scale < 22) { // what is in it is not drawn
    pen.rect(x, y, w, h, 7, {
      fill: choice ? colors.choice : colors.module, stroke: colors.faint, width: 1,
    });
    return;
  }
  pen.rect(x, y, w, h, 7, {
    fill: deep ? colors.panel : colors.paper, stroke: style.stroke ?? colors.line,
    width: style.width ?? 1, dash: style.dash,
  });
  pen.rect(x, y, w, plan.head[item], 7, {
    fill: choice ? colors.choice : colors.module, stroke: style.stroke ?? colors.line,
    width: style.width ?? 1, dash: style.dash,
  });
  title(scene, pen, look, item, module, x, y, w, true);
  if (plan.slot[item] >= 0) candidateBar(scene, pen, look, item, x + 10, y + HEADER - 3, w - 20);
}

function drawClosed(scene, pen, look, item, x, y, w, h) {
  const { model, plan } = scene;
  const { colors } = look;
  const module = model.modules[item];
  const style = candidateStyle(scene, look, item);
  if (pen.scale > 0.25) {
    pen.rect(x + 4, y + 4, w, h, 7, { fill: colors.paper, stroke: colors.line, width: 1 });
  }
  pen.rect(x, y, w, h, 7, {
    fill: colors.module, stroke: style.stroke ?? colors.line, width: style.width ?? 1.2,
    dash: style.dash,
  });
  title(scene, pen, look, item, module, x, y, w, false);
  const inside = boxesInside(scene, item);
  const text = `${count(module.params)} parameters · ${count(inside)} inside`;
  pen.text(text, x + 11, y + 32, { size: 10.5, color: colors.faint, max: w - 18 });
  if (plan.slot[item] >= 0) candidateBar(scene, pen, look, item, x + 10, y + 41, w - 20);
}

/** How many calls and functions are in a module. */
export function boxesInside({ model, plan }, item) {
  const module = model.modules[item];
  let total = 0;
  let at = item;
  do {
    total += plan.nodes ? model.modules[at].nodes.length : 1;
    at += 1;
  } while (at < model.modules.length && model.modules[at].depth > module.depth);
  return plan.nodes ? total : total - 1;
}

function title(scene, pen, look, item, module, x, y, w, open) {
  const { model, plan } = scene;
  const { colors } = look;
  const choice = choiceOf(model, item);
  const isCandidate = plan.slot[item] >= 0;
  const name = isCandidate ? candidateName(model, module)
    : choice ? choice.key : nameOf(plan, model, item);
  pen.triangle(x + 13, y + 13, 4.5, open, colors.faint);
  const used = pen.text(name, x + 23, y + 13, {
    size: 12, bold: true, color: colors.ink, max: w - 34,
  });
  const left = w - 34 - used - 8;
  const type = choice ? kindOfChoice(model, choice) : module.type;
  if (left > 24) {
    pen.text(type, x + 23 + used + 8, y + 13, { size: 11, color: colors.faint, max: left });
  }
}

/** "1 of 8" */
export function kindOfChoice(model, { key }) {
  const { names, n_chosen: chosen } = model.choices[key];
  if (Array.isArray(chosen)) return `${chosen[0]} to ${chosen[1]} of ${names.length}`;
  return `${chosen ?? "any"} of ${names.length}`;
}

function drawChoice(scene, pen, look, item, x, y, w, h) {
  const { model, plan } = scene;
  const { colors } = look;
  const choice = choiceOf(model, item);
  const module = moduleOf(model, item);
  const { names } = model.choices[choice.key];
  const values = look.strengthOf(choice.key);
  const style = candidateStyle(scene, look, item);
  pen.rect(x, y, w, h, 7, {
    fill: colors.choice, stroke: style.stroke ?? colors.warn, width: style.width ?? 1.3,
    dash: style.dash,
  });
  if (canOpen(scene.plan, item)) pen.triangle(x + 13, y + 13, 4.5, false, colors.faint);
  else pen.dot(x + 13, y + 13, 3.5, { stroke: colors.faint });
  const used = pen.text(plan.slot[item] >= 0 ? candidateName(model, module) : choice.key,
    x + 23, y + 13, { size: 12, bold: true, color: colors.ink, max: w - 34 });
  if (w - 34 - used > 36) {
    pen.text(kindOfChoice(model, choice), x + w - 9, y + 13, {
      size: 10.5, color: colors.faint, align: "right", max: w - 42 - used,
    });
  }
  const below = plan.slot[item] >= 0 ? BAR : 0;
  if (below) candidateBar(scene, pen, look, item, x + 10, y + h - BAR, w - 20);
  drawRows(pen, look, names, values, x, y + HEADER, w);
}

function drawLeaf(scene, pen, look, item, x, y, w, h, kind) {
  const { model, plan, labels } = scene;
  const { colors } = look;
  const module = moduleOf(model, item);
  const isCandidate = plan.slot[item] >= 0;
  const style = candidateStyle(scene, look, item);
  const round = kind === KIND.io || kind === KIND.mix ? 13 : kind === KIND.op ? 11 : 5;
  pen.rect(x, y, w, h, round, {
    fill: kind === KIND.mix ? colors.choice : kind === KIND.io ? colors.module : colors.paper,
    stroke: style.stroke ?? (kind === KIND.mix ? colors.warn : colors.line),
    width: style.width ?? 1.2, dash: style.dash,
  });
  const main = leafTitle(scene, item, kind, module, labels);
  const family = FAMILIES.find(([pattern]) => pattern.test(module?.type ?? main));
  if (family && kind !== KIND.io && kind !== KIND.mix && pen.scale > 0.12) {
    pen.rect(x + 4, y + 5, 4, Math.min(16, h - 10), 2, { fill: family[1] });
  }
  const middle = kind === KIND.io || kind === KIND.mix || (kind === KIND.op && !family);
  let line = y + 13;
  const used = pen.text(main, middle ? x + w / 2 : x + 14, line, {
    size: 12, color: colors.ink, bold: isCandidate, align: middle ? "center" : "left", max: w - 20,
  });
  if (isCandidate) {
    line += 15;
    pen.text(module.type, x + 14, line, { size: 10.5, color: colors.faint, max: w - 22 });
    candidateBar(scene, pen, look, item, x + 10, line + 9, w - 20);
    line += BAR;
  } else if (module && kind !== KIND.mix && !/^\d*$/.test(module.name) && w - 24 - used > 16) {
    pen.text(nameOf(plan, model, item), x + 14 + used + 6, line, {
      size: 10.5, color: colors.faint, max: w - 26 - used,
    });
  }
  if (look.shapes && kind !== KIND.mix) {
    const sizes = nodeOf(model, item)?.shapes?.[0];
    if (sizes) {
      pen.text(shape(sizes), middle ? x + w / 2 : x + 14, line + 15, {
        size: 10.5, color: colors.faint, align: middle ? "center" : "left", max: w - 20,
      });
    }
  }
}

function leafTitle({ model, plan }, item, kind, module, labels) {
  if (labels?.has(item)) return labels.get(item);
  if (kind === KIND.mix) return kindOfChoice(model, { key: nodeOf(model, item).key });
  if (kind === KIND.io || kind === KIND.op) return nameOf(plan, model, item);
  if (plan.slot[item] >= 0) return candidateName(model, module);
  return module?.type ?? "";
}

function drawMore(pen, { colors }, more, x, y, w, h) {
  pen.rect(x, y, w, h, 7, { fill: colors.panel, stroke: colors.faint, width: 1, dash: [4, 3] });
  pen.text(`and ${grouped(more)} more, not drawn`, x + w / 2, y + h / 2, {
    size: 11, color: colors.faint, align: "center", max: w - 12,
  });
}
