/** What of the table is drawn, and where keys lead. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  columnsInSight, moved, offsetsOf,
} from "../../../nas_tuners/viewer/page/trials/table.js";

const COLUMNS = Array.from({ length: 40 }, (_, i) => ({ width: 50 + i }));

test("the first column and those in sight are drawn", () => {
  const offsets = offsetsOf(COLUMNS);
  assert.equal(offsets[40], COLUMNS.reduce((sum, { width }) => sum + width, 0));
  const found = columnsInSight(COLUMNS, offsets, { left: 1000, width: 300 });
  assert.equal(found[0], 0);
  assert.ok(found.length < 12);
  for (const [c] of COLUMNS.entries()) {
    const inSight = offsets[c + 1] > 1000 && offsets[c] < 1300;
    if (inSight) assert.ok(found.includes(c));
  }
});

test("keys lead to cells, and not out of the table", () => {
  const at = { row: 5, column: 2 };
  const to = (key, from = at, more = {}) => moved(from, { key, ...more }, 10, 4, 3);
  assert.deepEqual(to("ArrowDown"), { row: 6, column: 2 });
  assert.deepEqual(to("ArrowUp"), { row: 4, column: 2 });
  assert.deepEqual(to("PageDown"), { row: 8, column: 2 });
  assert.deepEqual(to("PageDown", { row: 9, column: 0 }), { row: 9, column: 0 });
  assert.deepEqual(to("ArrowUp", { row: 0, column: 1 }), { row: -1, column: 1 });
  assert.deepEqual(to("ArrowUp", { row: -1, column: 1 }), { row: -1, column: 1 });
  assert.deepEqual(to("ArrowLeft", { row: 0, column: 0 }), { row: 0, column: 0 });
  assert.deepEqual(to("End"), { row: 5, column: 3 });
  assert.deepEqual(to("End", at, { ctrlKey: true }), { row: 9, column: 3 });
  assert.deepEqual(to("Home", at, { ctrlKey: true }), { row: 0, column: 0 });
  assert.equal(to("x"), null);
});
