/** Where the slider goes, and what is said of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  movedTo, numberShown, pageOf, rateOf, stepped, told,
} from "../../../nas_tuners/viewer/page/time/moves.js";

const log = {
  count: 100, index: [0, 30, 60, 99], step: [0, 30, 60, 99], epoch: [0, 1, 2, 3],
  time: [null, null, null, null], kind: Array(4).fill("probability"),
  values: { a: [[1, 0], [0, 1], [1, 0], [0, 1]] },
};

test("the record shown is the one asked for, or the last", () => {
  assert.equal(numberShown({ log, at: null }), 99);
  assert.equal(numberShown({ log, at: 0 }), 0);
  assert.equal(numberShown({ log, at: 500 }), 99, "the log was written anew, and is shorter");
  assert.equal(numberShown({ log: null, at: 3 }), -1);
  assert.equal(numberShown({ log: { count: 0 }, at: null }), -1);
});

test("moving ends following, and shows what is near at once", () => {
  const moved = movedTo(log, 40);
  assert.equal(moved.at, 40);
  assert.equal(moved.following, false);
  assert.equal(moved.record.index, 30);
  assert.equal(movedTo(log, -3).at, 0);
  assert.equal(movedTo(log, 1e6).at, 99);
  assert.deepEqual(movedTo({ count: 0, index: [] }, 3), {});
});

test("a page without a server goes between the records that it has", () => {
  assert.equal(movedTo(log, 40, false).at, 30);
  assert.equal(stepped(log, 30, 1, false), 60);
  assert.equal(stepped(log, 99, 1, false), 99);
  assert.equal(stepped(log, 0, -1, false), 0);
  assert.equal(stepped(log, 30, 1), 31);
});

test("a log is played in twenty seconds, a short one not too slowly", () => {
  assert.equal(rateOf(100_000, 1) * 20, 100_000);
  assert.equal(rateOf(100_000, 4) * 5, 100_000);
  assert.equal(rateOf(5, 1), 2);
});

test("a page is one in twenty, at least one", () => {
  assert.deepEqual([1, 10, 20, 100_000].map(pageOf), [1, 1, 1, 5000]);
});

test("what is not known of a record is not said", () => {
  const record = { step: 39100, epoch: 50, time: 1763795000, kind: "probability" };
  const parts = told(780, 782, record);
  assert.deepEqual(parts.slice(0, 4),
    ["record 781 of 782", "epoch 50", "step 39,100", "probability"]);
  assert.match(parts[4], /^\d\d:\d\d:\d\d$/);
  assert.deepEqual(told(0, 1, { step: 0, epoch: null, time: null, kind: "final" }),
    ["record 1 of 1", "step 0", "final"]);
  assert.deepEqual(told(0, 1, null), ["record 1 of 1"]);
});
