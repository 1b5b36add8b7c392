/** Which rows the heat map has. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  rowsOf, scrolledTo, sorted, windowOf,
} from "../../../nas_tuners/viewer/page/time/rows.js";

const NAMES = { n2: ["conv", "pool"], n10: ["skip", "Conv 5"], n1: [] };
const names = (key) => NAMES[key];
const series = new Map([
  ["n2", { n: 2, latest: 0.5, state: "settled", since: 7, changes: 3 }],
  ["n10", { n: 2, latest: 0.1, state: "moving", since: 9, changes: 1 }],
  ["n1", { n: 3, latest: NaN, state: "equal", since: -1, changes: 0 }],
]);
const keys = ["n2", "n10", "n1"];
const plain = { names, filter: "", by: "", down: false, closed: new Set() };
const ids = (wanted) => rowsOf(keys, series, { ...plain, ...wanted })
  .map(({ key, slot }) => (slot < 0 ? key : slot));

test("each key has a row, and each of its candidates one below", () => {
  assert.deepEqual(ids({}), ["n2", 0, 1, "n10", 0, 1, "n1", 0, 1, 2]);
  assert.deepEqual(ids({ closed: new Set(["n2", "n1"]) }), ["n2", "n10", 0, 1, "n1"]);
  assert.equal(new Set(rowsOf(keys, series, plain).map(({ id }) => id)).size, 10);
});

test("a search finds keys, or the candidates that are called so", () => {
  assert.deepEqual(ids({ filter: " N10 " }), ["n10", 0, 1]);
  assert.deepEqual(ids({ filter: "conv" }), ["n2", 0, "n10", 1]);
  assert.deepEqual(ids({ filter: "nothing" }), []);
});

test("keys are sorted by what is asked, those without it last", () => {
  const by = (name, down = false) => sorted(keys, series, name, down);
  assert.deepEqual(by(""), keys);
  assert.deepEqual(by("name"), ["n1", "n2", "n10"]);
  assert.deepEqual(by("name", true), ["n10", "n2", "n1"]);
  assert.deepEqual(by("entropy"), ["n10", "n2", "n1"]);
  assert.deepEqual(by("entropy", true), ["n2", "n10", "n1"]);
  assert.deepEqual(by("changes"), ["n10", "n2", "n1"]);
  assert.deepEqual(by("settled"), ["n2", "n10", "n1"]);
  assert.deepEqual(sorted(["x", "n2"], series, "entropy", false), ["n2", "x"], "not known yet");
});

test("rows in sight are those that the window cuts, and some around", () => {
  const seen = { top: 95, height: 100, rowHeight: 10, total: 50, around: 2 };
  assert.deepEqual(windowOf(seen), { from: 7, to: 22 });
  assert.deepEqual(windowOf({ ...seen, top: 0 }), { from: 0, to: 12 });
  assert.deepEqual(windowOf({ ...seen, total: 3 }), { from: 3, to: 3 });
  assert.deepEqual(windowOf({ ...seen, total: 0, top: 0 }), { from: 0, to: 0 });
});

test("scrolling shows a row, and goes no further", () => {
  const seen = { top: 100, height: 50, rowHeight: 10 };
  assert.equal(scrolledTo(12, seen), 100);
  assert.equal(scrolledTo(3, seen), 30);
  assert.equal(scrolledTo(20, seen), 160);
});
