import assert from "node:assert/strict";
import { test } from "node:test";

import { detailsOf, spoken } from "../../../nas_tuners/viewer/page/graph/details.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import {
  around, itemOfSelected, openAll, openChoices, openedTo, outline, selectedOfItem, shownFor,
  toggled,
} from "../../../nas_tuners/viewer/page/graph/open.js";
import { nameOf } from "../../../nas_tuners/viewer/page/graph/items.js";
import { finish, planOf } from "../../../nas_tuners/viewer/page/graph/plan.js";
import { findSteps, nextHit } from "../../../nas_tuners/viewer/page/graph/search.js";
import { dartsGraph } from "./graphs.js";

const model = graphModel(dartsGraph({ cells: 3 }));
const plan = planOf(model);
const nothing = () => false;
const place = (key, number = 0) => model.choices[key].places[number].module;
const find = (query) => finish(findSteps(model, plan, query));

test("the outline lists what is in open boxes, with its place among its siblings", () => {
  const closed = outline(plan, new Set(), nothing);
  assert.deepEqual(closed.map(({ item }) => nameOf(plan, model, item)), [
    "x", "stem", "cells.0", "cells.1", "cells.2", "mean", "flatten", "head", "output",
  ]);
  closed.forEach(({ level, of, place: number }, at) => {
    assert.deepEqual([level, of, number], [1, 9, at + 1]);
  });
  const open = outline(plan, new Set([closed[2].item]), nothing);
  assert.equal(open[3].level, 2);
  assert.equal(open[3].item, place("n0_p0"));
});

test("opening the way to choices opens the first place of each only", () => {
  const open = openChoices(model, plan);
  assert.deepEqual([...open], [around(plan, place("n0_p0"))[1]]);
});

test("opening all opens what can be opened", () => {
  const rows = outline(plan, openAll(plan), nothing);
  assert.ok(rows.every(({ item, opens }) => !opens || openAll(plan).has(item)));
});

test("opening and closing leave the old set as it was", () => {
  const before = new Set([1]);
  assert.deepEqual([...toggled(before, 2)], [1, 2]);
  assert.deepEqual([...toggled(before, 1)], []);
  assert.deepEqual([...before], [1]);
});

test("the page's selection and a box are the same thing", () => {
  const key = itemOfSelected(model, plan, "n0_p1");
  assert.equal(key, place("n0_p1"));
  assert.equal(itemOfSelected(model, plan, selectedOfItem(plan, key)), key);
  const mean = plan.itemOf[model.nodes.findIndex(({ op }) => op === "mean")];
  assert.equal(itemOfSelected(model, plan, selectedOfItem(plan, mean)), mean);
  for (const none of [null, "unknown", 10 ** 9, { node: 10 ** 9 }, {}, 0]) {
    assert.equal(itemOfSelected(model, plan, none), null);
  }
});

test("a list of modules is shown by the box around it", () => {
  const list = model.modules.find(({ type }) => type === "ModuleDict");
  assert.equal(shownFor(model, plan, list.index), list.parent);
});

test("search finds paths, types, keys and candidates, all words of it", () => {
  assert.equal(find("n0_switch").length, 3);
  assert.equal(find("LAYERCHOICE cells.1").filter((i) => model.modules[i].choice).length, 5);
  assert.ok(find("sep_conv").length > 10);
  assert.deepEqual(find("mean").map((item) => nameOf(plan, model, item)), ["mean"]);
  assert.deepEqual(find("  "), []);
  assert.deepEqual(find("nowhere"), []);
});

test("Enter goes round the hits", () => {
  assert.equal(nextHit([3, 7, 9], null), 3);
  assert.equal(nextHit([3, 7, 9], 3), 7);
  assert.equal(nextHit([3, 7, 9], 9), 3);
  assert.equal(nextHit([3, 7, 9], 3, -1), 9);
  assert.equal(nextHit([3, 7, 9], 5), 7);
  assert.equal(nextHit([], 5), null);
});

test("what is around a hit is opened", () => {
  const [hit] = find("sep_conv.1");
  const open = openedTo(plan, new Set(), [hit]);
  const rows = outline(plan, open, nothing).map(({ item }) => item);
  assert.ok(rows.includes(hit));
});

test("details of a choice name its candidates and its other places", () => {
  const details = detailsOf(model, plan, place("n0_p0"));
  assert.equal(details.type, "LayerChoice");
  assert.equal(details.choice.key, "n0_p0");
  assert.equal(details.choice.slots[3].params, 128);
  assert.deepEqual(details.places, [place("n0_p0", 1), place("n0_p0", 2)]);
  assert.deepEqual(details.shapesOut, ["2×8×4×4"]);
  assert.equal(details.params, 128);
  assert.equal(details.flops, 2000);
});

test("details of a cell name its likes, inputs and outputs", () => {
  const cell = around(plan, place("n0_p0", 1))[1];
  const details = detailsOf(model, plan, cell);
  assert.equal(details.instances.length, 2);
  assert.equal(details.inputs.length, 2);
  assert.ok(details.outputs.length > 0);
});

test("details of a function name where it is called", () => {
  const node = model.nodes.findIndex(({ op }) => op === "cat");
  const details = detailsOf(model, plan, plan.itemOf[node]);
  assert.equal(details.type, "function cat");
  assert.equal(details.path, "cells.0 · cat");
  assert.equal(details.params, null);
});

test("a selected box is told in words", () => {
  const words = spoken(model, plan, place("n0_p0"), new Set(), () => [0.1, 0.6, 0.2, 0.1]);
  assert.equal(words, "n0_p0, LayerChoice, choice n0_p0, 4 candidates, strongest max_pool 0.60, "
    + "closed");
});

test("a choice without candidates is spoken of, too", () => {
  const json = dartsGraph({ cells: 1, nodes: 1 });
  json.choices.n0_switch.names = [];
  const empty = graphModel(json);
  const { module } = empty.choices.n0_switch.places[0];
  const said = spoken(empty, planOf(empty), module, new Set(), () => []);
  assert.match(said, /choice n0_switch, 0 candidates$/);
});
