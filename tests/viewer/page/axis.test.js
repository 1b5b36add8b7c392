/** Where records lie on a line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  columnsOf, epochStarts, niceStep, niceTop, numberAt, spread, ticksOf, written, xOf,
} from "../../../nas_tuners/viewer/page/time/axis.js";
import { nearest } from "../../../nas_tuners/viewer/page/data.js";
import { randomly } from "./random.js";

test("each column shows the records in it, or else the nearest, by brute force", () => {
  const random = randomly(3);
  for (let round = 0; round < 40; round += 1) {
    const count = 1 + Math.floor(random() * 500);
    const width = 1 + Math.floor(random() * 300);
    const index = [...Array(count).keys()].filter((at) =>
      at === 0 || at === count - 1 || random() < 0.4);
    const { from, to } = columnsOf(index, count, width);
    for (let pixel = 0; pixel < width; pixel += 1) {
      const inside = [...index.keys()].filter((place) =>
        index[place] >= (pixel * count) / width && index[place] < ((pixel + 1) * count) / width);
      const got = [...Array(to[pixel] - from[pixel]).keys()].map((at) => from[pixel] + at);
      if (inside.length) assert.deepEqual(got, inside);
      else {
        const middle = ((pixel + 0.5) * count) / width - 0.5;
        const distance = (place) => Math.abs(index[place] - middle);
        assert.equal(got.length, 1);
        assert.ok(index.every((_, place) => distance(place) >= distance(got[0]) - 1e-9));
      }
    }
  }
});

test("without records or pixels there are no columns", () => {
  assert.equal(columnsOf([], 0, 100).from.length, 0);
  assert.equal(columnsOf([0], 1, 0).from.length, 0);
});

test("a record is found where it is drawn", () => {
  for (const [count, width] of [[1, 300], [7, 300], [1000, 300], [100_000, 640]]) {
    for (const number of [0, 1, count >> 1, count - 1].filter((one) => one < count)) {
      assert.equal(numberAt(xOf(number, count, width), count, width), number);
    }
    assert.equal(numberAt(-5, count, width), 0);
    assert.equal(numberAt(width + 5, count, width), count - 1);
  }
  assert.equal(numberAt(10, 5, 0), 0);
});

test("steps and tops are round", () => {
  assert.deepEqual([0, 0.4, 1, 1.1, 3, 6, 11, 20, 21, 700].map(niceStep),
    [1, 1, 1, 2, 5, 10, 20, 20, 50, 1000]);
  assert.deepEqual([0.013, 0.2, 0.3, 0.51, 1, 1.2, 7].map(niceTop),
    [0.02, 0.2, 0.5, 1, 1, 2, 10]);
  assert.deepEqual([0, NaN, -1, Infinity].map(niceTop), [1, 1, 1, 1]);
});

test("ticks stand where epochs begin, not more than there is room for", () => {
  const epoch = Array.from({ length: 500 }, (_, at) => Math.floor(at / 10));
  const log = { count: 500, index: epoch.map((_, at) => at), epoch };
  assert.equal(ticksOf(log, 100).ticks.length, 50);
  const { unit, ticks } = ticksOf(log, 12);
  assert.equal(unit, "epoch");
  assert.deepEqual(ticks.map(({ label }) => label), ["0", "5", "10", "15", "20", "25", "30", "35",
    "40", "45"]);
  assert.ok(ticks.every(({ number, label }) => number === 10 * Number(label)));
});

test("without epochs ticks count records", () => {
  const log = { count: 40, index: [0, 20, 39], epoch: [null, null, null] };
  assert.deepEqual(ticksOf(log, 4), {
    unit: "record",
    ticks: [9, 19, 29, 39].map((number) => ({ number, label: String(number + 1) })),
  });
  assert.deepEqual(ticksOf({ count: 1, index: [0], epoch: [0] }, 9).ticks,
    [{ number: 0, label: "1" }]);
  assert.deepEqual(ticksOf({ count: 0, index: [], epoch: [] }, 9).ticks, []);
});

test("an epoch that comes again is not counted again", () => {
  assert.deepEqual(epochStarts({ index: [0, 5, 9, 12, 20], epoch: [0, 1, 0, 1, 2] }),
    [{ number: 0, epoch: 0 }, { number: 5, epoch: 1 }, { number: 20, epoch: 2 }]);
});

test("labels of ticks lie neither over each other nor over the end", () => {
  const ticks = [0, 4, 20, 50, 99].map((number) => ({ number, label: String(number) }));
  const shown = written({ unit: "epoch", ticks }, (number) => number * 4, 400);
  assert.deepEqual(shown.map(({ text }) => text), ["epoch 0", "", "20", "50", ""]);
});

test("labels are moved apart, and stay within bounds and in order", () => {
  const random = randomly(4);
  for (let round = 0; round < 50; round += 1) {
    const heights = Array.from({ length: 8 }, () => random() * 200);
    const placed = spread(heights, 15, 0, 200);
    const order = [...heights.keys()].sort((a, b) => heights[a] - heights[b]);
    order.forEach((at, rank) => {
      assert.ok(placed[at] >= 0 && placed[at] <= 200);
      if (rank) assert.ok(placed[at] - placed[order[rank - 1]] >= 15 - 1e-9);
    });
  }
  assert.deepEqual(spread([10, 100], 15, 0, 200), [10, 100], "those apart stay");
  assert.equal(nearest([0, 10, 100], 40), 1);
});
