import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutOf } from "../../../nas_tuners/viewer/page/graph/layout.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { openAll, openChoices } from "../../../nas_tuners/viewer/page/graph/open.js";
import { KIND, childrenOf, nameOf } from "../../../nas_tuners/viewer/page/graph/items.js";
import { planOf } from "../../../nas_tuners/viewer/page/graph/plan.js";
import { plumbing } from "../../../nas_tuners/viewer/page/graph/plumbing.js";
import { cyclicGraph, dartsGraph, deepGraph, flatGraph, treeOnly } from "./graphs.js";

function laidOut(json, { open = [], hide = false, cache, shapes = false } = {}) {
  const model = graphModel(json);
  const plan = planOf(model);
  const chosen = typeof open === "function" ? open(model, plan) : open;
  const flags = new Uint8Array(plan.modules);
  for (const module of chosen) flags[module] = 1;
  const hidden = hide ? plumbing(model, plan).hidden : new Uint8Array(plan.nodes);
  const layout = layoutOf(plan, { open: flags, hidden, widths: [], shapes }, cache ?? new Map());
  return { model, plan, layout };
}

const everything = (_, plan) => openAll(plan);

function boxOf(layout, at) {
  return [...layout.box.subarray(4 * at, 4 * at + 4)];
}

/** Children lie in their parents, and siblings do not touch. */
function assertNested(layout) {
  for (let at = 1; at < layout.ids.length; at += 1) {
    const [x, y, w, h] = boxOf(layout, at);
    assert.ok([x, y, w, h].every(Number.isFinite));
    const outer = layout.outer[at];
    const [ox, oy, ow, oh] = boxOf(layout, outer);
    assert.ok(x >= ox - 0.6 && y >= oy - 0.6, "left of or above what is around it");
    assert.ok(x + w <= ox + ow + 0.6 && y + h <= oy + oh + 0.6, "beyond what is around it");
    for (let next = layout.end[at]; next < layout.end[outer]; next = layout.end[next]) {
      const [nx, ny, nw, nh] = boxOf(layout, next);
      const apart = nx >= x + w || x >= nx + nw || ny >= y + h || y >= ny + nh;
      assert.ok(apart, `boxes ${layout.ids[at]} and ${layout.ids[next]} overlap`);
    }
  }
}

test("closed, a network is its modules and what runs between them", () => {
  const { model, plan, layout } = laidOut(dartsGraph());
  const names = [...layout.ids].slice(1).map((item) => nameOf(plan, model, item));
  assert.deepEqual(names.sort(), [
    "cells.0", "cells.1", "cells.2", "flatten", "head", "mean", "output", "stem", "x",
  ]);
  assertNested(layout);
});

test("everything open, boxes lie in boxes and nothing overlaps", () => {
  const { layout } = laidOut(dartsGraph(), { open: everything, shapes: true });
  assert.ok(layout.ids.length > 150);
  assertNested(layout);
});

test("with choices open, each place of a choice is a box with its candidates' rows", () => {
  const { model, plan, layout } = laidOut(dartsGraph(), { open: openChoices });
  const place = model.choices.n0_p0.places[0].module;
  assert.ok(layout.ids.includes(place));
  assert.equal(plan.kind[place], KIND.layer);
  assert.ok(!layout.ids.includes(model.choices.n0_p0.places[1].module), "only the first place");
});

test("lists of modules are no boxes", () => {
  const { model, plan } = laidOut(dartsGraph());
  const list = model.modules.find(({ type }) => type === "ModuleList");
  assert.equal(plan.parent[list.index], -2);
  const [cell] = list.children;
  assert.equal(plan.parent[cell], 0);
});

test("edges run between children of the innermost box around both ends", () => {
  const { model, layout } = laidOut(dartsGraph());
  const [first] = model.json.templates[0].modules;
  const pairs = [...layout.edgeFrom].map((from, i) => `${from}>${layout.edgeTo[i]}`);
  const stem = model.modules.find(({ name }) => name === "stem").index;
  assert.ok(pairs.includes(`${stem}>${first}`));
  assert.equal(new Set(pairs).size, pairs.length, "bundled");
});

test("edges into an input choice carry the number of their candidate", () => {
  const { model, layout } = laidOut(dartsGraph(), { open: openChoices });
  const { module } = model.choices.n1_switch.places[0];
  const slots = [...layout.edgeTo].flatMap((to, i) => (to === module ? [layout.edgeSlot[i]] : []));
  assert.deepEqual(slots.sort(), [0, 1, 2]);
});

test("edges begin and end at the borders of boxes", () => {
  const { layout } = laidOut(dartsGraph(), { open: everything });
  const at = new Map([...layout.ids].map((item, i) => [item, i]));
  for (let edge = 0; edge < layout.edgeFrom.length; edge += 1) {
    const [from, to] = [layout.edgeFrom[edge], layout.edgeTo[edge]];
    const path = layout.paths.subarray(layout.pathStart[edge], layout.pathStart[edge + 1]);
    assert.equal(path.length % 6, 2);
    if (from >= 0) {
      const [x, y, w, h] = boxOf(layout, at.get(from));
      assert.ok(Math.abs(path[1] - y - h) < 0.6 && path[0] >= x - 1 && path[0] <= x + w + 1);
    }
    if (to >= 0) {
      const [x, y, w] = boxOf(layout, at.get(to));
      assert.ok(Math.abs(path.at(-1) - y) < 0.6);
      assert.ok(path.at(-2) >= x - 1 && path.at(-2) <= x + w + 1);
    }
  }
});

test("scopes that look alike are laid out once", () => {
  const few = new Map();
  const many = new Map();
  laidOut(dartsGraph({ cells: 4 }), { open: everything, cache: few });
  laidOut(dartsGraph({ cells: 12 }), { open: everything, cache: many });
  assert.ok(many.size <= few.size + 1, `${many.size} layouts instead of ${few.size}`);
});

test("plumbing left out, edges pass through it", () => {
  const { model, plan, layout } = laidOut(dartsGraph(), { hide: true });
  const names = [...layout.ids].slice(1).map((item) => nameOf(plan, model, item));
  assert.ok(!names.includes("flatten"));
  const head = model.modules.find(({ name }) => name === "head").index;
  const into = [...layout.edgeTo].indexOf(head);
  assert.ok(into >= 0, "the head still has an input");
  assert.equal(nameOf(plan, model, layout.edgeFrom[into]), "mean");
});

test("a row of functions becomes one box", () => {
  const json = dartsGraph({ cells: 1 });
  const model = graphModel(json);
  const at = json.nodes.findIndex(({ op }) => op === "flatten");
  json.nodes[at].op = "relu";
  const { hidden, labels } = plumbing(graphModel(json), planOf(model));
  assert.equal(hidden[at - 1], 1);
  assert.deepEqual([...labels.values()], ["mean → relu"]);
});

test("a model that did not run is drawn as boxes without edges", () => {
  const { model, layout } = laidOut(treeOnly(dartsGraph()), { open: everything });
  assert.equal(layout.edgeFrom.length, 0);
  assert.ok(layout.ids.length > model.modules.length / 2);
  assertNested(layout);
});

test("a hundred thousand boxes in one are cut, and told", () => {
  const { layout } = laidOut(flatGraph(100_000));
  assert.ok(layout.ids.length < 2000);
  const more = layout.more.reduce((sum, one) => sum + one, 0);
  assert.equal(more + layout.ids.length - 2, 100_002);
  assertNested(layout);
});

test("some hundreds of boxes in one are layered without dagre", () => {
  const { layout } = laidOut(flatGraph(700));
  assert.equal(layout.ids.length, 703);
  assertNested(layout);
});

test("cycles end", () => {
  for (const hide of [false, true]) {
    const { layout } = laidOut(cyclicGraph(), { open: everything, hide });
    assert.ok(layout.ids.length >= 4);
    assert.ok(layout.paths.every(Number.isFinite));
    assertNested(layout);
  }
});

test("deep nesting is drawn to a limit", () => {
  const { layout } = laidOut(deepGraph(3000), { open: everything });
  assert.ok(layout.ids.length > 100 && layout.ids.length < 400);
  assertNested(layout);
});

test("an empty graph is an empty drawing", () => {
  const { layout } = laidOut({ modules: [], nodes: [], edges: [], choices: {} });
  assert.equal(layout.ids.length, 0);
});

test("a choice inside a candidate of a choice is a box in a box", () => {
  const json = dartsGraph({ cells: 1, nodes: 1 });
  const inner = json.choices.n0_p0.places[0].slots[3].module; // the Sequential of sep_conv
  json.modules[inner].type = "LayerChoice";
  json.choices.inner = {
    kind: "layer", names: ["a", "b"], n_chosen: 1,
    places: [{ module: inner, nodes: [], slots: [{ module: inner + 1 }, { module: inner + 2 }] }],
  };
  const { layout } = laidOut(json, { open: everything });
  assertNested(layout);
});
