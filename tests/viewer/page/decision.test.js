import assert from "node:assert";
import test from "node:test";

import { decision } from "../../../nas_tuners/viewer/page/graph/decision.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { darts, enasMacro, nested } from "./cells_graphs.js";

const NAMES = ["none", "skip", "conv"];
const model = graphModel(darts({ nodes: 2, names: NAMES, cells: 2, reductions: [] }));

test("the strongest candidates, of the inputs those with the strongest operations", () => {
  const choice = decision(model, {
    normal_n2_p0: [0.1, 0.2, 0.7], normal_n2_p1: [0.1, 0.6, 0.3], normal_n2_switch: [1, 1],
    normal_n3_p0: [0.1, 0.2, 0.7], normal_n3_p1: [0.9, 0.06, 0.04], normal_n3_p2: [0, 0.4, 0.1],
    normal_n3_switch: [1, 1, 1],
  });
  assert.deepEqual(choice.normal_n2_p0, [2]);
  assert.deepEqual(choice.normal_n2_switch, [0, 1]);
  assert.deepEqual(choice.normal_n3_switch, [0, 2]);
});

test("a zero operation is not chosen where the input can be left out", () => {
  const choice = decision(model, {
    normal_n2_p0: [0.9, 0.04, 0.06], normal_n3_p0: [0.9, 0.04, 0.06],
  });
  assert.deepEqual(choice.normal_n2_p0, [0]); // both inputs are taken
  assert.deepEqual(choice.normal_n3_p0, [2]);
});

test("a sample is taken as it is", () => {
  const choice = decision(model, {
    normal_n3_p0: [true, false, false], normal_n3_p1: [0, 1, 0], normal_n3_p2: [0, 0, 1],
    normal_n3_switch: [0, 1, 1],
  });
  assert.deepEqual(choice.normal_n3_p0, [0]);
  assert.deepEqual(choice.normal_n3_switch, [1, 2]);
});

test("weights of edges count with those of their operations", () => {
  const choice = decision(model, {
    normal_n3_p0: [0, 0, 0.9], normal_n3_p1: [0, 0, 0.5], normal_n3_p2: [0, 0, 0.5],
    normal_n3_switch: [0.1, 0.4, 0.5],
  });
  assert.deepEqual(choice.normal_n3_switch, [1, 2]);
});

test("gates that are more open than closed", () => {
  const macro = graphModel(enasMacro());
  assert.deepEqual(decision(macro, { layer3_skip: [0.7, 0.2, 0.51] }), { layer3_skip: [0, 2] });
  assert.deepEqual(decision(macro, { layer3_skip: [0.1, 0.2, 0.3] }), { layer3_skip: [] });
});

test("values are chosen as layers are; keys without weights are left out", () => {
  assert.deepEqual(decision(graphModel(nested()), { width: [0.4, 0.6] }), { width: [1] });
});

test("keys may be named as what every object has", () => {
  const json = JSON.parse(JSON.stringify(enasMacro()).replaceAll("layer3_skip", "__proto__")
    .replaceAll("layer2_skip", "constructor"));
  const odd = graphModel(json);
  assert.deepEqual(Object.keys(decision(odd, {})), []);
  const choice = decision(odd, JSON.parse('{"__proto__": [0.7, 0.2, 0.1]}'));
  assert.deepEqual(Object.entries(choice), [["__proto__", [0]]]);
});
