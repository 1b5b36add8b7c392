import assert from "node:assert";
import test from "node:test";

import { reducedTo, genotype, isChain } from
  "../../../nas_tuners/viewer/page/graph/genotype.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { chain, darts, enasMacro, enasMicro, nasBench201, nested, withoutNodes } from
  "./cells_graphs.js";

/** Each cell's drawing as text: "a -key-> b [switch:0]". */
function drawn(json, choice) {
  const model = graphModel(json);
  return model.cells.map((cell) => {
    const full = genotype(model, cell);
    return lines(choice ? reducedTo(full, choice) : full);
  });
}

function lines({ states, edges }) {
  const name = ({ name: given, kind, keys }) => given || `${kind}(${keys})`;
  return edges.map(({ from, to, op, slot, bypass }) => {
    const middle = op ? `-${op.key}->` : "->";
    const into = slot ? ` [${slot.key}:${slot.index}]` : "";
    return `${name(states[from])} ${middle} ${name(states[to])}${into}${bypass ? " +" : ""}`;
  });
}

test("a cell of DARTS has two inputs, its nodes, and their concatenation", () => {
  const [normal, reduce] = drawn(darts({ nodes: 2 }));
  assert.deepEqual(normal, [
    "c_{k-2} -normal_n2_p0-> 0 [normal_n2_switch:0]",
    "c_{k-1} -normal_n2_p1-> 0 [normal_n2_switch:1]",
    "c_{k-2} -normal_n3_p0-> 1 [normal_n3_switch:0]",
    "c_{k-1} -normal_n3_p1-> 1 [normal_n3_switch:1]",
    "0 -normal_n3_p2-> 1 [normal_n3_switch:2]",
    "0 -> c_{k}",
    "1 -> c_{k}",
  ]);
  assert.equal(reduce.length, 7);
  assert.equal(reduce[0], "c_{k-2} -reduce_n2_p0-> 0 [reduce_n2_switch:0]");
});

test("the whole cell of the paper has fourteen operations", () => {
  const model = graphModel(darts());
  const { states, edges, rest } = genotype(model, model.cells[0]);
  assert.deepEqual(states.map(({ name }) => name),
    ["c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}"]);
  assert.equal(edges.filter(({ op }) => op).length, 14);
  assert.equal(edges.filter(({ op }) => !op).length, 4);
  assert.deepEqual(rest, []);
});

test("what is chosen of a cell of DARTS is two edges a node", () => {
  const [normal] = drawn(darts({ nodes: 2 }),
    { normal_n2_switch: [0, 1], normal_n3_switch: [0, 2] });
  assert.deepEqual(normal, [
    "c_{k-2} -normal_n2_p0-> 0 [normal_n2_switch:0]",
    "c_{k-1} -normal_n2_p1-> 0 [normal_n2_switch:1]",
    "c_{k-2} -normal_n3_p0-> 1 [normal_n3_switch:0]",
    "0 -normal_n3_p2-> 1 [normal_n3_switch:2]",
    "0 -> c_{k}",
    "1 -> c_{k}",
  ]);
});

test("a first cell that takes the same state twice keeps two ways in", () => {
  const model = graphModel(darts({ cells: 1, reductions: [], nodes: 2 }));
  const { states } = genotype(model, model.cells[0]);
  assert.deepEqual(states.map(({ name, kind }) => [name, kind]), [
    ["stem", "input"], ["0", "node"], ["1", "node"], ["2", "node"], ["3", "node"],
    ["output", "output"],
  ]);
});

test("a first cell beside others with two inputs is drawn as they are", () => {
  const model = graphModel(darts({ cells: 3, reductions: [1, 2], nodes: 2 }));
  const normal = model.cells.find(({ instances }) => instances.length === 1);
  const { states } = genotype(model, normal);
  assert.deepEqual(states.map(({ name, kind }) => [name, kind]), [
    ["c_{k-2}", "input"], ["c_{k-1}", "input"], ["0", "node"], ["1", "node"],
    ["c_{k}", "output"],
  ]);
});

test("a node of ENAS takes an operation on a chosen state, twice", () => {
  const [cell] = drawn(enasMicro({ nodes: 1 }));
  assert.deepEqual(cell, [
    "c_{k-2} -> junction(normal_node0_x_input) [normal_node0_x_input:0]",
    "c_{k-1} -> junction(normal_node0_x_input) [normal_node0_x_input:1]",
    "c_{k-2} -> junction(normal_node0_y_input) [normal_node0_y_input:0]",
    "c_{k-1} -> junction(normal_node0_y_input) [normal_node0_y_input:1]",
    "junction(normal_node0_x_input) -normal_node0_x_op-> 0",
    "junction(normal_node0_y_input) -normal_node0_y_op-> 0",
    "c_{k-2} -> c_{k}",
    "c_{k-1} -> c_{k}",
    "0 -> c_{k}",
  ]);
  const [chosen] = drawn(enasMicro({ nodes: 1 }),
    { normal_node0_x_input: [1], normal_node0_y_input: [1] });
  assert.deepEqual(chosen.slice(0, 2), [
    "c_{k-1} -normal_node0_x_op-> 0 [normal_node0_x_input:1]",
    "c_{k-1} -normal_node0_y_op-> 0 [normal_node0_y_input:1]",
  ]);
});

test("layers of ENAS are a line with skip connections", () => {
  const [network] = drawn(enasMacro({ layers: 3 }));
  assert.deepEqual(network, [
    "x -layer0_op-> 0",
    "0 -> 1 [layer1_skip:0]",
    "0 -layer1_op-> 1",
    "0 -> output [layer2_skip:0]",
    "1 -layer2_op-> output",
    "1 -> output [layer2_skip:1]",
  ].sort((a, b) => network.indexOf(a) - network.indexOf(b)));
});

test("nodes of NAS-Bench-201 are sums", () => {
  const [cell] = drawn(nasBench201());
  assert.deepEqual(cell, [
    "input -0->1-> 0", "input -0->2-> 1", "0 -1->2-> 1",
    "input -0->3-> output", "0 -1->3-> output", "1 -2->3-> output",
  ]);
});

test("blocks one after the other are a chain; additions of their inputs are remarks", () => {
  const model = graphModel(chain());
  const found = genotype(model, model.cells[0]);
  assert.deepEqual(lines(found), [
    "x -stage_block0-> 0", "0 -stage_block1-> 1 +", "1 -stage_block2-> 2",
    "2 -stage_block3-> 3 +", "3 -stage_block4-> output",
  ]);
  assert.ok(isChain(found));
});

test("choices in candidates are told with the choice around them", () => {
  const model = graphModel(nested());
  const found = model.cells.map((cell) => genotype(model, cell));
  const edges = found.flatMap((one) => one.edges);
  const outer = edges.find(({ op }) => op?.key === "outer");
  assert.deepEqual(outer.op.nested, ["inner"]);
  assert.equal(edges.some(({ op }) => op?.key === "inner"), false);
});

test("a model that never ran has no drawing, but all its keys", () => {
  const model = graphModel(withoutNodes(darts()));
  for (const cell of model.cells) {
    const { states, edges, rest } = genotype(model, cell);
    assert.deepEqual([states, edges], [[], []]);
    assert.deepEqual(rest, cell.keys);
  }
});

test("a cycle does not hang the drawing", () => {
  const json = darts({ nodes: 1 });
  const inner = json.nodes.findIndex(({ op }) => op === "cat");
  json.edges.push([inner + 3, inner]);
  const model = graphModel(json);
  for (const cell of model.cells) assert.ok(genotype(model, cell).states.length);
});
