/** The state of the page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createStore, initialState, strength, strongest,
} from "../../../nas_tuners/viewer/page/store.js";

test("those who follow are told of changes, and of nothing else", () => {
  const store = createStore();
  const seen = [];
  const end = store.subscribe((state) => seen.push(state.view));
  store.set({ view: "cells" });
  store.set({ view: "cells" });
  store.set(({ view }) => ({ view: `${view}!` }));
  end();
  store.set({ view: "trials" });
  assert.deepEqual(seen, ["cells", "cells!"]);
  assert.equal(store.get().view, "trials");
});

test("NaN is no change of NaN, and a new key is one", () => {
  const store = createStore({ a: NaN });
  let told = 0;
  store.subscribe(() => {
    told += 1;
  });
  store.set({ a: NaN });
  store.set({ b: 1 });
  assert.equal(told, 1);
});

test("who leaves while others are told is not told, and all others are", () => {
  const store = createStore({ a: 0 });
  const seen = [];
  const end = store.subscribe(() => {
    seen.push("first");
    end();
  });
  store.subscribe(() => seen.push("second"));
  store.set({ a: 1 });
  store.set({ a: 2 });
  assert.deepEqual(seen, ["first", "second", "second"]);
});

test("stores begin alike, and share nothing", () => {
  createStore().get().problems.push("mine");
  assert.deepEqual(createStore().get(), initialState());
});

test("the strength of a key is that of the record, or of the architecture shown", () => {
  const record = { status: { a: [0.2, 0.8] } };
  const graph = { choices: { a: { names: ["x", "y"] } } };
  assert.deepEqual(strength({ architecture: null, graph, record }, "a"), [0.2, 0.8]);
  assert.equal(strength({ architecture: null, graph, record }, "b"), null);
  assert.equal(strength({ architecture: null, graph: null, record: null }, "a"), null);
  const architecture = { choice: { a: [0] } };
  assert.deepEqual(strength({ architecture, graph, record }, "a"), [1, 0]);
  assert.equal(strength({ architecture, graph, record }, "b"), null);
});

test("keys that objects have by themselves are no keys of a record", () => {
  const empty = { status: {} };
  assert.equal(strength({ architecture: null, graph: null, record: empty }, "constructor"), null);
  const state = { architecture: { choice: {} }, graph: { choices: {} }, record: empty };
  assert.equal(strength(state, "toString"), null);
});

test("the strongest is the first of the largest", () => {
  assert.equal(strongest([0.1, 0.5, 0.5]), 1);
  assert.equal(strongest([-3, -1]), 1);
  assert.equal(strongest([]), -1);
});
