import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutOf } from "../../../nas_tuners/viewer/page/graph/layout.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { openAll, openChoices } from "../../../nas_tuners/viewer/page/graph/open.js";
import { planOf } from "../../../nas_tuners/viewer/page/graph/plan.js";
import {
  countHidden, draw, hiddenTest, itemAt, onOpener,
} from "../../../nas_tuners/viewer/page/graph/scene.js";
import { neighbour } from "../../../nas_tuners/viewer/page/graph/steps.js";
import { escaped, svgText } from "../../../nas_tuners/viewer/page/graph/svg.js";
import { cyclicGraph, dartsGraph } from "./graphs.js";

const COLORS = Object.fromEntries(
  ["ink", "faint", "line", "paper", "panel", "accent", "choice", "module", "warn"]
    .map((name) => [name, `${name}-color`]),
);
const PROBABILITIES = { n0_p0: [0.1, 0.6, 0.25, 0.05], n0_switch: [0.7, 0.3] };

function sceneOf(json, opening = openChoices) {
  const model = graphModel(json);
  const plan = planOf(model);
  const open = new Uint8Array(plan.modules);
  for (const module of opening(model, plan)) open[module] = 1;
  const hidden = new Uint8Array(plan.nodes);
  const layout = layoutOf(plan, { open, hidden, widths: [], shapes: true });
  return { model, plan, layout, labels: new Map() };
}

function lookOf(patch = {}) {
  return {
    colors: COLORS, strengthOf: (key) => PROBABILITIES[key] ?? null, chosen: false, threshold: 0,
    shapes: true, selected: null, ...patch,
  };
}

/** A pen that writes down what it is given. */
function notes(scale = 1, sees = () => true) {
  const written = { rect: [], text: [], curve: [], triangle: [], dot: [] };
  const pen = { scale, sees };
  for (const name of Object.keys(written)) {
    pen[name] = (...given) => {
      written[name].push(given);
      return 30;
    };
  }
  return { pen, written, texts: () => written.text.map(([text]) => text) };
}

function drawn(scene, look, scale, sees) {
  const note = notes(scale, sees);
  draw(scene, note.pen, look);
  return note;
}

const scene = sceneOf(dartsGraph({ cells: 2 }));
const everything = sceneOf(dartsGraph({ cells: 2 }), (_, plan) => openAll(plan));

test("a closed choice shows each candidate with bar, number and name", () => {
  const { written, texts } = drawn(scene, lookOf());
  assert.ok(texts().includes("60 %") && texts().includes("max_pool"));
  const fills = written.rect.filter(([, , , h]) => h === 10).map(([, , w]) => w);
  assert.ok(fills.some((w) => Math.abs(w - 0.6 * 58) < 0.01), "a bar of six tenths");
});

test("edges into an input choice have width, and a number", () => {
  const { written, texts } = drawn(scene, lookOf());
  const widths = written.curve.map(([, , , { width }]) => width);
  assert.ok(Math.max(...widths) > 5);
  assert.ok(texts().filter((text) => text === "70 %").length >= 2, "in the row and at the edge");
});

test("what is weaker than the threshold is not drawn, and counted", () => {
  const look = lookOf({ threshold: 0.2 });
  const { texts } = drawn(scene, look);
  assert.ok(!texts().includes("5 %") && texts().includes("25 %"));
  assert.ok(texts().includes("2 weaker hidden"));
  assert.deepEqual(countHidden(scene.model, look), { weak: 2, all: 25 });
});

test("with a threshold a weak candidate's insides are not drawn either", () => {
  const before = drawn(everything, lookOf());
  const after = drawn(everything, lookOf({ threshold: 0.2 }));
  assert.ok(after.written.rect.length < before.written.rect.length);
  assert.ok(after.written.curve.length < before.written.curve.length);
});

test("of an architecture the chosen has strong lines, the rest dashed ones", () => {
  const chosen = { n0_p0: [0, 1, 0, 0], n0_switch: [1, 0] };
  const look = lookOf({ chosen: true, strengthOf: (key) => chosen[key] ?? null });
  const { written, texts } = drawn(everything, look);
  assert.ok(texts().includes("yes") && texts().includes("no"));
  assert.ok(written.rect.some(([, , , , , { dash, stroke }]) => dash && stroke === "faint-color"));
  assert.ok(written.curve.some(([, , , style]) => style.dash));
  assert.ok(written.curve.some(([, , , style]) => style.width === 3 && !style.dash));
});

test("without strengths nothing is invented", () => {
  const { texts } = drawn(scene, lookOf({ strengthOf: () => null }));
  assert.ok(texts().includes("–"));
  assert.ok(!texts().some((text) => String(text).endsWith(" %")));
});

test("strengths that are no numbers are told as unknown", () => {
  const { texts } = drawn(scene, lookOf({ strengthOf: () => [NaN, null, Infinity, 0.5] }));
  assert.ok(texts().includes("–") && texts().includes("50 %"));
});

test("what is out of sight or tiny is not drawn", () => {
  const all = drawn(everything, lookOf());
  assert.ok(drawn(everything, lookOf(), 0.02).written.rect.length < all.written.rect.length / 5);
  const none = drawn(everything, lookOf(), 1, () => false);
  assert.equal(none.written.rect.length, 0);
});

test("a point is in the innermost box", () => {
  const { layout, plan } = everything;
  for (let at = 1; at < layout.ids.length; at += 7) {
    if (layout.end[at] > at + 1) continue;
    const [x, y, w, h] = layout.box.subarray(4 * at, 4 * at + 4);
    assert.equal(itemAt(everything, x + w / 2, y + h / 2), layout.ids[at]);
  }
  assert.equal(itemAt(everything, -50, -50), -1);
  const cell = plan.children.find((item) => item < plan.modules && plan.parent[item] === 0
    && layout.opened[layout.ids.indexOf(item)]);
  const at = layout.ids.indexOf(cell);
  assert.ok(onOpener(everything, cell, layout.box[4 * at] + 5, layout.box[4 * at + 1] + 5));
});

test("arrow keys reach every box of a scope", () => {
  const inside = [...scene.layout.ids].filter((item, at) => scene.layout.outer[at] === 0);
  const reached = new Set([inside[0]]);
  const queue = [inside[0]];
  while (queue.length) {
    const from = queue.pop();
    for (const [dx, dy] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
      const to = neighbour(scene, from, dx, dy);
      if (to !== null && !reached.has(to)) {
        reached.add(to);
        queue.push(to);
      }
    }
  }
  assert.equal(reached.size, inside.length);
});

test("SVG is one element, with escaped names", () => {
  const json = dartsGraph({ cells: 1 });
  json.modules[1].name = '<script>alert("x")</script>';
  json.modules[1].type = "A&B'\u0000\ud800";
  const text = svgText(sceneOf(json), lookOf(), json.modules[1].name);
  assert.ok(text.startsWith("<?xml") && text.trimEnd().endsWith("</svg>"));
  assert.ok(!text.includes("<script") && text.includes("&lt;script&gt;"));
  assert.ok(!/[\u0000\ud800]/.test(text));
  const unclosed = text.match(/<(?!\/|\?)[^>]*[^/]>/g).map((tag) => tag.match(/<(\w+)/)[1]);
  for (const tag of new Set(unclosed)) {
    const count = unclosed.filter((one) => one === tag).length;
    assert.equal(text.split(`</${tag}>`).length - 1, count, `<${tag}> is closed`);
  }
});

test("characters that XML has no place for are left out", () => {
  assert.equal(escaped("a\u0007<\ud83d\ude00\udc00>"), "a&lt;\ud83d\ude00&gt;");
});

test("cycles are drawn", () => {
  const { written } = drawn(sceneOf(cyclicGraph()), lookOf());
  assert.ok(written.curve.length >= 3);
});

test("what is hidden below a threshold can be neither clicked nor reached by arrows", () => {
  const { layout, model: { modules }, plan } = everything;
  const look = lookOf({ threshold: 0.2 });
  const isHidden = hiddenTest(everything, look);
  const slots = modules.filter(({ candidate }) => candidate?.key === "n0_p0"
    && candidate.place === 0).map(({ index }) => index);
  assert.deepEqual(slots.map(isHidden), [true, false, false, true]);
  const at = layout.ids.indexOf(slots[0]);
  const [x, y, w, h] = layout.box.subarray(4 * at, 4 * at + 4);
  const middle = [x + w / 2, y + h / 2];
  assert.ok(itemAt(everything, ...middle) !== modules[slots[0]].parent);
  assert.equal(itemAt(everything, ...middle, isHidden), modules[slots[0]].parent);
  assert.equal(neighbour(everything, slots[1], -1, 0), slots[0]);
  assert.equal(neighbour({ layout, plan }, slots[1], -1, 0, isHidden), null);
});
