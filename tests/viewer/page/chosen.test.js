import assert from "node:assert/strict";
import { test } from "node:test";

import { chosenOnly } from "../../../nas_tuners/viewer/page/graph/chosen.js";
import { costs } from "../../../nas_tuners/viewer/page/graph/costs.js";
import { layoutOf } from "../../../nas_tuners/viewer/page/graph/layout.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { openAll, openChoices } from "../../../nas_tuners/viewer/page/graph/open.js";
import { planOf } from "../../../nas_tuners/viewer/page/graph/plan.js";
import { enasMacro } from "./cells_graphs.js";
import { dartsGraph, treeOnly } from "./graphs.js";

const model = graphModel(dartsGraph({ cells: 2, nodes: 1 }));
const SEP = 3; // number of sep_conv
const both = { n0_p0: [SEP], n0_p1: [2], n0_switch: [0, 1] };

test("only the chosen candidates are left", () => {
  const chosen = chosenOnly(model, both);
  const types = chosen.modules.map(({ type }) => type);
  assert.ok(!types.includes("LayerChoice") && !types.includes("MaxPool2d"));
  assert.equal(types.filter((type) => type === "Identity").length, 2);
  assert.deepEqual(chosen.keys, []);
  assert.deepEqual(chosen.undecided, []);
});

test("a candidate takes the place of its choice, and both names", () => {
  const chosen = chosenOnly(model, both);
  const paths = chosen.modules.map(({ path }) => path);
  assert.ok(paths.includes("cells.0.choices.n0_p0: sep_conv"));
});

test("what nothing asks for is gone", () => {
  const chosen = chosenOnly(model, { ...both, n0_switch: [1] });
  assert.ok(!chosen.modules.some(({ type }) => type === "Sequential"));
  assert.ok(chosen.nodes.every(({ kind }) => kind !== "choice"));
});

test("edges go on where choices were", () => {
  const chosen = chosenOnly(model, { ...both, n0_switch: [1] });
  const reached = new Set([chosen.nodes.findIndex(({ kind }) => kind === "input")]);
  for (const [from, to] of chosen.edges) if (reached.has(from)) reached.add(to);
  assert.ok(reached.has(chosen.nodes.findIndex(({ kind }) => kind === "output")));
});

test("what is left has the parameters and FLOPs that the architecture costs", () => {
  for (const choice of [both, { ...both, n0_switch: [1] }, { n0_p0: [0] }, {}]) {
    const { json, nodes } = chosenOnly(model, choice);
    const { parameters, flops } = costs(model, choice);
    assert.equal(json.parameters, parameters);
    assert.equal(nodes.reduce((sum, node) => sum + (node.flops ?? 0), 0), flops);
  }
});

test("choices without a decision stay choices", () => {
  const chosen = chosenOnly(model, { n0_p0: [SEP], n0_switch: [0, 1] });
  assert.deepEqual(chosen.keys, ["n0_p1"]);
  assert.deepEqual(chosen.undecided, ["n0_p1"]);
  const [place] = chosen.choices.n0_p1.places;
  assert.equal(chosen.modules[place.module].choice.key, "n0_p1");
  assert.equal(chosen.modules[place.slots[0].module].candidate.slot, 0);
});

test("numbers lead back to the supernet", () => {
  const chosen = chosenOnly(model, both);
  chosen.modules.forEach(({ type }, at) => {
    assert.equal(model.modules[chosen.original.modules[at]].type, type);
  });
  chosen.nodes.forEach(({ kind }, at) => {
    const was = model.nodes[chosen.original.nodes[at]].kind;
    assert.ok(kind === was || (kind === "op" && was === "choice"));
  });
});

test("of a model that did not run the modules are left", () => {
  const tree = graphModel(treeOnly(dartsGraph({ cells: 1, nodes: 1 })));
  const chosen = chosenOnly(tree, both);
  assert.ok(chosen.modules.some(({ path }) => path === "cells.0.choices.n0_p0: sep_conv"));
  assert.ok(!chosen.modules.some(({ type }) => type === "MaxPool2d"));
});

test("what is left can be laid out", () => {
  const chosen = chosenOnly(model, both);
  const plan = planOf(chosen);
  assert.deepEqual([...openChoices(chosen, plan)], []);
  const open = new Uint8Array(plan.modules);
  for (const module of openAll(plan)) open[module] = 1;
  const hidden = new Uint8Array(plan.nodes);
  const layout = layoutOf(plan, { open, hidden, widths: [], shapes: false });
  assert.ok(layout.ids.length > chosen.nodes.length);
});

test("an input choice that takes none is decided, and nothing joins its inputs", () => {
  const macro = graphModel(enasMacro());
  const choice = Object.fromEntries(
    macro.keys.map((key) => [key, key.endsWith("skip") ? [] : [0]]),
  );
  const chosen = chosenOnly(macro, choice);
  assert.deepEqual(chosen.undecided, []);
  assert.ok(!chosen.modules.some(({ type }) => type === "InputChoice"));
  assert.ok(chosen.nodes.every(({ op }) => op !== "sum"));
  const { parameters, flops } = costs(macro, choice);
  assert.equal(chosen.json.parameters, parameters);
  assert.equal(chosen.nodes.reduce((sum, node) => sum + (node.flops ?? 0), 0), flops);
});

test("keys may be named as what every object has", () => {
  for (const key of ["constructor", "__proto__"]) {
    const json = JSON.parse(JSON.stringify(dartsGraph({ cells: 1, nodes: 1 }))
      .replaceAll('"n0_p0"', JSON.stringify(key)));
    const odd = graphModel(json);
    assert.deepEqual(chosenOnly(odd, {}).undecided, odd.keys);
    assert.equal(costs(odd, {}).parameters, odd.json.parameters);
    const choice = JSON.parse(`{${JSON.stringify(key)}: [0]}`);
    assert.ok(costs(odd, choice).parameters < odd.json.parameters);
    assert.equal(chosenOnly(odd, choice).json.parameters, costs(odd, choice).parameters);
  }
});
