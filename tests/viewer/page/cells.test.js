import assert from "node:assert";
import test from "node:test";

import { difference, differs, relative } from
  "../../../nas_tuners/viewer/page/architecture/difference.js";
import { ofWhat } from "../../../nas_tuners/viewer/page/architecture/facts.js";
import { lettersOf, lookOf } from "../../../nas_tuners/viewer/page/cells/look.js";
import { placed } from "../../../nas_tuners/viewer/page/cells/placed.js";
import { costs } from "../../../nas_tuners/viewer/page/graph/costs.js";
import { genotype, reducedTo } from "../../../nas_tuners/viewer/page/graph/genotype.js";
import { pathOf } from "../../../nas_tuners/viewer/page/graph/layers.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { valueCells } from "../../../nas_tuners/viewer/page/graph/value_cells.js";
import { chain, darts, nested, withoutNodes } from "./cells_graphs.js";

const model = graphModel(darts());
const full = genotype(model, model.cells[0]);
const letters = full.edges.map((edge) => lettersOf(model, edge, false));

test("labels, states and what is beside them do not overlap", () => {
  const { states, edges, width, height } = placed(full, letters, 900);
  const boxes = states.map(({ x, y, width: w, height: h }) => [x, y, w, h]);
  edges.forEach(({ at }, number) => {
    if (letters[number]) boxes.push([at.x, at.y, letters[number] * 6.7 + 10, 9]);
  });
  boxes.forEach(([x, y, w, h], one) => {
    assert.ok(x - w / 2 >= 0 && x + w / 2 <= width && y - h / 2 >= 0 && y + h / 2 <= height);
    for (const [x2, y2, w2, h2] of boxes.slice(one + 1)) {
      assert.ok(Math.abs(x - x2) >= (w + w2) / 2 - 1 || Math.abs(y - y2) >= (h + h2) / 2 - 1);
    }
  });
});

test("links lead to the right, inputs stand at the left", () => {
  const { states, edges } = placed(full, letters, 900);
  for (const { points } of edges) assert.ok(points.at(-1).x > points[0].x);
  assert.equal(states[0].x, states[1].x);
  assert.ok(states.slice(2).every(({ x }) => x > states[0].x));
});

test("a chain is wrapped to the room that there is", () => {
  const line = graphModel(chain({ blocks: 12 }));
  const found = genotype(line, line.cells[0]);
  const { width, height, edges } = placed(found, found.edges.map(() => 11), 600);
  assert.ok(width <= 600 && height > 100);
  assert.ok(edges.every(({ points }) => points.every(({ x }) => x > 4 && x < width)));
  assert.match(pathOf(edges[0]), /^M[\d.]+,[\d.]+C/);
  assert.ok(edges.some(({ path }) => path.includes("Q")));
});

test("an edge tells the best candidate, and is as wide as both weights together", () => {
  const edge = full.edges[0]; // c_{k-2} -normal_n2_p0-> 0
  const weights = {
    normal_n2_p0: [0.1, 0, 0, 0, 0.6, 0.2, 0, 0], normal_n2_switch: [0.5, 1],
  };
  const look = lookOf(model, edge, (key) => weights[key] ?? null, {});
  assert.equal(look.text, "sep_conv_3x3 0.30");
  assert.equal(look.strength, 0.3);
  assert.match(look.told, /^sep_conv_3x3 0\.6, then sep_conv_5x5 0\.2, as an input 0\.5/);
  const of = (key) => weights[key] ?? null;
  assert.equal(lookOf(model, edge, of, { threshold: 0.4 }).shown, false);
  const chosen = lookOf(model, edge, of, { choice: { normal_n2_p0: [5] } });
  assert.equal(chosen.text, "sep_conv_5x5 0.10");
});

test("an edge without weights tells how many candidates there are", () => {
  assert.equal(lookOf(model, full.edges[0], () => null, {}).text, "1 of 8");
  assert.equal(lookOf(model, full.edges[0], () => null, { threshold: 0.5 }).shown, true);
  assert.equal(lookOf(model, full.edges.at(-1), () => null, {}).text, "");
});

test("an architecture has names without numbers", () => {
  const choice = { normal_n2_p0: [3] };
  const weights = [0, 0, 0, 1, 0, 0, 0, 0];
  const look = lookOf(model, full.edges[0], () => weights, { choice, exact: true });
  assert.deepEqual([look.text, look.strength], ["skip_connect", null]);
});

test("an architecture costs what its output depends on", () => {
  const json = darts({ cells: 1, reductions: [], nodes: 2, names: ["a", "b"] });
  json.parameters = 1000;
  const small = graphModel(json);
  const all = costs(small, {});
  const choice = {
    normal_n2_p0: [1], normal_n2_p1: [0], normal_n2_switch: [0, 1],
    normal_n3_p0: [1], normal_n3_p1: [0], normal_n3_p2: [0], normal_n3_switch: [1, 2],
  };
  const { parameters, flops, asRecorded } = costs(small, choice);
  assert.equal(all.parameters, 1000);
  assert.equal(all.flops, 500 + 70 + 5 * 2 * 100);
  // 10 of each "b" that is not taken: those of four edges and of the edge that is not an input
  assert.equal(parameters, 1000 - 4 * 10);
  assert.equal(flops, 500 + 70 + 4 * 100);
  assert.equal(asRecorded, false);
});

test("what costs are of is said where the model sees what is chosen", () => {
  const json = darts({ cells: 1, reductions: [], nodes: 2, names: ["a", "b"] });
  assert.equal(ofWhat(costs(graphModel(json), {})), "");
  json.choices.normal_n3_switch.return_mask = true;
  const seeing = costs(graphModel(json), {});
  assert.deepEqual([seeing.asRecorded, seeing.seesChosen], [false, true]);
  assert.equal(ofWhat(seeing), ", as recorded");
});

test("choices in candidates cost where their candidate is chosen", () => {
  const json = { ...nested(), parameters: 48 };
  const one = graphModel(json);
  assert.equal(costs(one, { outer: [0], inner: [0] }).parameters, 48 - 30);
  assert.equal(costs(one, { outer: [1], inner: [0] }).parameters, 48 - 10 - 10);
  assert.deepEqual([costs(one, {}).asRecorded, costs(one, { outer: [0] }).flops], [true, 180]);
  const never = graphModel(withoutNodes(json));
  assert.deepEqual(costs(never, { outer: [0] }),
    { parameters: 18, flops: null, asRecorded: true, seesChosen: false });
});

test("architectures differ key by key, edges where one is not in the other", () => {
  const a = { choice: { x: [0], y: [0, 1] }, values: { lr: 1 } };
  const b = { choice: { x: [1], y: [1, 0] }, values: { lr: 2 } };
  assert.deepEqual(difference({ x: {}, y: {}, z: {} }, a, b),
    { different: ["x", "lr"], same: ["y", "z"] });
  assert.equal(differs({ op: { key: "y" }, slot: null }, a, b), false);
  assert.equal(differs({ op: { key: "x" }, slot: null }, a, b), true);
  assert.equal(differs({ op: null, slot: { key: "y", index: 2 } }, a, b), true);
  assert.deepEqual([relative(100, 125), relative(200, 100), relative(0, 1)],
    ["+25 %", "−50 %", ""]);
});

test("cells of booleans for edges are drawn with operations for vertices", () => {
  const value = (names) => ({ kind: "value", names, n_chosen: 1, places: [] });
  const bench = graphModel({
    modules: [{ parent: null, name: "", type: "Net", params: 1 }], nodes: [], edges: [],
    choices: {
      "cell/op_1": value(["conv", "pool"]), "cell/edge_0_1": value(["True", "False"]),
      "cell/edge_0_2": value(["False", "True"]), "cell/edge_1_2": value(["True", "False"]),
    },
  });
  const [{ cell, genotype: drawn }] = valueCells(bench);
  assert.deepEqual([cell.name, drawn.rest], ["cell", ["cell/op_1"]]);
  assert.deepEqual(drawn.states.map(({ name, op }) => [name, op]),
    [["input", null], ["1", "cell/op_1"], ["output", null]]);
  const chosen = reducedTo(drawn,
    { "cell/edge_0_1": [1], "cell/edge_0_2": [1], "cell/edge_1_2": [0] });
  assert.deepEqual(chosen.states.map(({ name }) => name), ["input", "output"]);
  assert.equal(chosen.edges.length, 1);
});

test("a depth is counted; sizes that change are those that were recorded", () => {
  const json = nested();
  const { width } = json.choices;
  assert.equal(costs(graphModel(json), {}).asRecorded, true);
  const place = { module: 1, nodes: [], slots: [{ params: 1 }, { params: 2 }] };
  json.choices.width = { ...width, places: [place] };
  assert.equal(costs(graphModel(json), {}).asRecorded, false);
});

test("keys that an architecture does not decide may be named as what every object has", () => {
  const odd = graphModel(JSON.parse(JSON.stringify(darts({ cells: 1 }))
    .replaceAll("normal_n2_switch", "constructor").replaceAll("normal_n2_p0", "toString")));
  const drawing = genotype(odd, odd.cells[0]);
  assert.equal(reducedTo(drawing, {}).edges.length, drawing.edges.length);
  const edge = drawing.edges.find(({ op }) => op?.key === "toString");
  assert.equal(lookOf(odd, edge, () => null, { choice: {} }).text, "1 of 8");
  assert.equal(differs(edge, { choice: {} }, { choice: {} }), false);
});
