/** What the plots of trials show, against the plain way to compute it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bestSoFar, complete, directionOf, extent, front, meanAndError, meanPerCandidate, thinned,
} from "../../../nas_tuners/viewer/page/trials/figures.js";
import { axis, logTicks, roomy, ticks } from "../../../nas_tuners/viewer/page/trials/ticks.js";
import { randomly } from "./random.js";

/** By definition: nobody is at least as good in both, and better in one. */
function frontByBruteForce(places, [xs, ys], [xDirection, yDirection]) {
  const score = (value, direction) => (direction === "maximize" ? value : -value);
  const scores = (place) => [score(xs[place], xDirection), score(ys[place], yDirection)];
  return places.filter((place) => {
    const [x, y] = scores(place);
    return !places.some((other) => {
      const [a, b] = scores(other);
      return a >= x && b >= y && (a > x || b > y);
    });
  });
}

for (const directions of [["maximize", "minimize"], ["minimize", "minimize"],
  ["maximize", "maximize"], ["minimize", null]]) {
  test(`the front is that of brute force, ${directions}`, () => {
    const random = randomly(7);
    for (let round = 0; round < 200; round += 1) {
      const count = Math.floor(random() * 40);
      const coarse = round % 2 ? 4 : 1000; // many equal values, or hardly any
      const draw = () => Array.from({ length: count }, () => Math.floor(random() * coarse));
      const values = [draw(), draw()];
      const places = [...values[0].keys()].filter(() => random() < 0.9);
      const found = front(places, values, directions);
      assert.deepEqual([...found].sort((a, b) => a - b),
        frontByBruteForce(places, values, directions));
      const sign = directions[0] === "maximize" ? -1 : 1;
      for (let i = 1; i < found.length; i += 1) {
        assert.ok(sign * values[0][found[i - 1]] <= sign * values[0][found[i]]);
      }
    }
  });
}

test("the best so far only improves, and misses no improvement", () => {
  const random = randomly(1);
  const values = Array.from({ length: 300 }, () => random());
  const places = [...values.keys()];
  for (const [direction, best] of [["maximize", Math.max], ["minimize", Math.min]]) {
    const steps = bestSoFar(places, values, direction);
    for (const place of places) {
      const last = steps.filter((step) => step <= place).pop();
      assert.equal(values[last], best(...values.slice(0, place + 1)));
    }
  }
  assert.deepEqual(bestSoFar(places, values, "maximize", () => false), []);
  assert.deepEqual(bestSoFar([0, 1, 2], [1, 1, 1], "maximize"), [0]);
});

test("only complete trials with the metrics count", () => {
  const trials = {
    number: [0, 1, 2, 3], state: ["complete", "fail", "complete", "complete"],
    values: { a: [1, 2, null, 4], b: [1, 2, 3, 4] },
  };
  assert.deepEqual(complete(trials, ["a", "b"]), [0, 3]);
  assert.deepEqual(complete(trials, ["b"]), [0, 2, 3]);
});

test("mean and standard error", () => {
  assert.deepEqual(meanAndError([]), { count: 0, mean: null, error: null });
  assert.deepEqual(meanAndError([3]), { count: 1, mean: 3, error: null });
  const { count, mean, error } = meanAndError([1, 2, 3, 4]);
  assert.equal(count, 4);
  assert.equal(mean, 2.5);
  assert.ok(Math.abs(error - Math.sqrt(5 / 3 / 4)) < 1e-12);
});

test("means of candidates; a trial counts for each that it chooses", () => {
  const values = [1, 2, 3, 4];
  const one = meanPerCandidate([0, 1, 1, null], ["a", "b", "c"], values, [0, 1, 2, 3]);
  assert.deepEqual(one.map(({ label, count, mean }) => [label, count, mean]),
    [["a", 1, 1], ["b", 2, 2.5], ["c", 0, null]]);
  const several = meanPerCandidate([[0, 1], [1], [], null], ["a", "b"], values, [0, 1, 2, 3]);
  assert.deepEqual(several.map(({ count, mean }) => [count, mean]), [[1, 1], [2, 1.5]]);
});

test("means of numbers: of each where they are few, else of ranges of alike many", () => {
  const few = meanPerCandidate([16, 32, 16], null, [1, 2, 3], [0, 1, 2]);
  assert.deepEqual(few.map(({ label, count, mean }) => [label, count, mean]),
    [["16", 2, 2], ["32", 1, 2]]);
  const entries = Array.from({ length: 800 }, (_, i) => i);
  const many = meanPerCandidate(entries, null, entries, entries);
  assert.equal(many.length, 8);
  assert.deepEqual(many.map(({ count }) => count), Array(8).fill(100));
  assert.equal(many[0].low, 0);
  assert.equal(many[7].high, 799);
  const fives = [...Array(90).fill(5), ...Array.from({ length: 10 }, (_, i) => i)];
  const lumpy = meanPerCandidate(fives, null, Array(100).fill(1), [...Array(100).keys()]);
  assert.equal(lumpy.reduce((sum, { count }) => sum + count, 0), 100);
});

test("thinning keeps what must stay, and the order", () => {
  const places = [...Array(1000).keys()];
  const found = thinned(places, 50, [3, 999]);
  assert.ok(found.length <= 52 && found.includes(3) && found.includes(999));
  assert.deepEqual(found, [...found].sort((a, b) => a - b));
  assert.equal(thinned([1, 2], 5).length, 2);
});

test("ticks are round, few, and within", () => {
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(0.9, 0.95, 5), [0.9, 0.91, 0.92, 0.93, 0.94, 0.95]);
  assert.deepEqual(ticks(5, 5), [5]);
  const random = randomly(2);
  for (let round = 0; round < 500; round += 1) {
    const low = (random() - 0.5) * 10 ** Math.floor(random() * 12 - 6);
    const high = low + random() * 10 ** Math.floor(random() * 12 - 6) + 1e-9;
    const found = ticks(low, high, 5);
    const slack = (high - low) * 1e-6;
    assert.ok(found.length <= 11, `${low} ${high} ${found}`);
    assert.ok(found.every((tick) => tick >= low - slack && tick <= high + slack));
  }
  assert.deepEqual(logTicks(0.0001, 0.1), [0.0001, 0.001, 0.01, 0.1]);
});

test("an axis goes there and back", () => {
  const plain = axis([10, 20], [100, 0]);
  assert.equal(plain.to(15), 50);
  assert.equal(plain.back(50), 15);
  const log = axis([0.001, 10], [0, 400], true);
  assert.ok(Math.abs(log.to(0.01) - 100) < 1e-9);
  assert.ok(Math.abs(log.back(100) - 0.01) < 1e-12);
  assert.deepEqual(roomy([0, 0]), [-1, 1]);
  assert.equal(extent([NaN, null]), null);
});

test("no trial is in two ranges of a number, and their filters find those they count", () => {
  const random = randomly(3);
  for (let round = 0; round < 50; round += 1) {
    const values = Array.from({ length: 60 }, () => Math.floor(random() * (round + 9)));
    const places = [...values.keys()];
    const rows = meanPerCandidate(values, null, values, places);
    assert.equal(rows.reduce((sum, { count }) => sum + count, 0), 60);
    for (const { low, high, count } of rows) {
      assert.equal(values.filter((value) => value >= low && value <= high).length, count);
    }
  }
});

test("a metric that is only reported has no direction", () => {
  const trials = { metrics: ["default", "ms"], directions: ["minimize", null] };
  assert.equal(directionOf(trials, "default"), "minimize");
  assert.equal(directionOf(trials, "ms"), null);
  assert.equal(directionOf(trials, "gone"), null);
});

test("marks of numbers that cannot be counted through come to an end", () => {
  assert.ok(ticks(1e17, 1e17 + 16, 3).length < 2000);
  assert.ok(ticks(-1.7e308, 1.7e308, 3).length < 2000);
});
