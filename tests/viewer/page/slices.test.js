/** Long work in pieces. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices, soon } from "../../../nas_tuners/viewer/page/time/slices.js";

/** Work of one unit of time an item, and pieces that begin when the test says so. */
function worked(items, options) {
  let now = 0;
  const waiting = [];
  const seen = [];
  const told = [];
  const cancel = inSlices(items, (item) => {
    now += 1;
    seen.push(item);
  }, {
    clock: () => now, later: (piece) => waiting.push(piece),
    pause: () => told.push("pause"), done: () => told.push("done"), ...options,
  });
  return { waiting, seen, told, cancel };
}

test("pieces end when their time is over, and all is done in order", () => {
  const { waiting, seen, told } = worked([1, 2, 3, 4, 5], { budget: 2 });
  assert.deepEqual(seen, [1, 2], "the first at once");
  while (waiting.length) waiting.shift()();
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  assert.deepEqual(told, ["pause", "pause", "done"]);
});

test("an item that takes long is a piece of its own", () => {
  const { waiting, seen } = worked([1, 2], { budget: 0 });
  assert.deepEqual(seen, [1]);
  waiting.shift()();
  assert.deepEqual(seen, [1, 2]);
});

test("what is given up goes no further", () => {
  const { waiting, seen, told, cancel } = worked([1, 2, 3], { budget: 1 });
  cancel();
  waiting.shift()();
  assert.deepEqual(seen, [1]);
  assert.deepEqual(told, ["pause"]);
});

test("nothing to do is done at once", () => {
  assert.deepEqual(worked([], {}).told, ["done"]);
});

test("soon is later than now", async () => {
  const order = [];
  await new Promise((resolve) => {
    soon(() => {
      order.push("soon");
      resolve();
    });
    order.push("now");
  });
  assert.deepEqual(order, ["now", "soon"]);
});
