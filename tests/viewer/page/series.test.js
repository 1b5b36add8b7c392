/** Weights of a key over time, against closed forms and brute force. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chances, chosenEntropy, decided, entropy, flatten, freeEntropy, frequencies, guessChosen, isGap,
  widthOf,
} from "../../../nas_tuners/viewer/page/time/series.js";
import { randomly } from "./random.js";

const near = (a, b, what) => assert.ok(Math.abs(a - b) < 1e-6, `${what ?? ""} ${a} is not ${b}`);

test("entropy is 1 of equal weights, whatever their size, and 0 of one", () => {
  for (const n of [2, 3, 8]) {
    near(entropy(Array(n).fill(0.37)), 1);
    near(entropy([...Array(n - 1).fill(0), 5]), 0);
  }
  assert.equal(entropy([0.3]), 0);
});

test("entropy is the closed form of two weights", () => {
  for (const p of [0.1, 0.25, 0.5, 0.9]) {
    const expected = (-p * Math.log(p) - (1 - p) * Math.log(1 - p)) / Math.log(2);
    near(entropy([p, 1 - p]), expected);
    near(entropy([10 * p, 10 * (1 - p)]), expected, "not normalized");
  }
});

test("entropy is what the definition gives of random weights", () => {
  const random = randomly(1);
  for (let round = 0; round < 50; round += 1) {
    const row = Array.from({ length: 2 + Math.floor(random() * 9) }, () => random() * 3);
    const sum = row.reduce((a, b) => a + b);
    const expected = -row.reduce((h, v) => h + (v / sum) * Math.log(v / sum), 0);
    near(entropy(row), expected / Math.log(row.length));
  }
});

test("entropy has no number where nothing has a weight", () => {
  for (const row of [[], [0, 0], [NaN, NaN], [-1, -2]]) assert.ok(Number.isNaN(entropy(row)));
  near(entropy([NaN, 1, 1]), Math.log(2) / Math.log(3), "of those that are there");
});

test("entropy reads a piece of a longer list", () => {
  near(entropy([9, 9, 1, 1, 1, 7], 2, 3), 1);
});

test("candidates that are in or out by themselves have the mean of two-way entropies", () => {
  near(freeEntropy([0.5, 0.5]), 1);
  near(freeEntropy([1, 0, 1]), 0);
  const p = 0.2;
  const one = (-p * Math.log(p) - (1 - p) * Math.log(1 - p)) / Math.LN2;
  near(freeEntropy([p, 0.5]), (one + 1) / 2);
  assert.ok(Number.isNaN(freeEntropy([NaN])));
});

const h = (p) => (p === 0 || p === 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p));

test("the entropy of several is 0 where they have all the weight, 1 of equal ones", () => {
  for (const size of [1e-300, 0.01, 1, 7, 2e307]) {
    const row = (weights) => weights.map((weight) => size * weight);
    near(chosenEntropy(row([1, 0, 1, 0]), 2), 0);
    near(chosenEntropy(row([0.9, 0, 0.1, 0]), 2), 0, "there is nothing else to take");
    near(chosenEntropy(row([1, 1, 1, 1]), 2), 1);
    near(chosenEntropy(row([1, 1, 1]), 2), 1);
    near(chosenEntropy(row([1, 1, 1, 0]), 2), (3 * h(2 / 3)) / 4 / h(1 / 2));
    near(chosenEntropy(row([6, 1, 1, 0]), 2), (2 * h(1 / 2)) / 4 / h(1 / 2), "one is sure");
    near(chosenEntropy(row([1, 0, 0, 0]), 2), (3 * h(1 / 3)) / 4 / h(1 / 2), "one is open");
    near(chosenEntropy(row([0.8, 0.6, 0.4, 0.2]), 2), (h(0.8) + h(0.6)) / 2 / h(1 / 2));
  }
});

test("the entropy of one is that of its weights; of none or all there is none", () => {
  near(chosenEntropy([0.7, 0.2, 0.1], 1), entropy([0.7, 0.2, 0.1]));
  for (const chosen of [0, 3, 4]) assert.equal(chosenEntropy([0.7, 0.2, 0.1], chosen), 0);
  for (const row of [[], [0, 0, 0], [NaN, NaN, NaN], [-1, 0, 0]]) {
    assert.ok(Number.isNaN(chosenEntropy(row, 2)));
  }
  near(chosenEntropy(Float32Array.of(9, 1, 1, 0, 9), 2, 1, 3), 0, "a piece of a longer list");
});

test("chances add up to how many are chosen, are none above 1, and in proportion below", () => {
  const random = randomly(3);
  for (let round = 0; round < 200; round += 1) {
    const n = 2 + Math.floor(random() * 9);
    const chosen = 1 + Math.floor(random() * (n - 1));
    const row = Array.from({ length: n }, () => random() ** 6);
    const found = chances(row, chosen);
    near(found.reduce((sum, p) => sum + p), chosen);
    assert.ok(found.every((p) => p >= 0 && p <= 1 + 1e-12), `${found}`);
    const sorted = [...row].sort((a, b) => b - a);
    const rates = found.flatMap((p, at) => (p < 1 ? [p / sorted[at]] : []));
    rates.forEach((rate) => near(rate / rates[0], 1));
    const value = chosenEntropy(row, chosen);
    assert.ok(value >= 0 && value <= 1 + 1e-12);
  }
});

test("the strongest are decided for, as many as are chosen", () => {
  assert.deepEqual(decided([0.1, 0.7, 0.2], 1), [1]);
  assert.deepEqual(decided([0.3, 0.1, 0.2], 2), [0, 2]);
  assert.equal(decided([0.5, 0.5, 0.1], 1), null);
  assert.deepEqual(decided([0.5, 0.5, 0.1], 2), [0, 1]);
  assert.deepEqual(decided([0.5, 0.5], 2), [0, 1], "all are");
});

test("where any number may be chosen, those above one half are", () => {
  assert.deepEqual(decided([0.9, 0.1, 0.6], null), [0, 2]);
  assert.deepEqual(decided([0.1, 0.2], null), []);
  assert.deepEqual(decided([0.1, 0.2, 0.15], [1, 2]), [1]);
  assert.deepEqual(decided([0.7, 0.8, 0.9], [1, 2]), [1, 2]);
});

test("how many are chosen is told by rows of 0 and 1 only", () => {
  assert.equal(guessChosen(flatten([[0, 1, 0], [1, 0, 0]], 3), 3), 1);
  assert.equal(guessChosen(flatten([[1, 1, 0], [1, 0, 1]], 3), 3), 2);
  assert.equal(guessChosen(flatten([[1, 1, 0], [1, 0, 0]], 3), 3), null);
  assert.equal(guessChosen(flatten([[0.4, 0.6, 0]], 3), 3), 1);
  assert.equal(guessChosen(flatten([null], 2), 2), 1);
});

test("rows of any length are laid side by side, with gaps", () => {
  const rows = [[0.5, true], null, [1, 2, 3], [null, "x"]];
  assert.equal(widthOf(rows, ["a"]), 3);
  const flat = flatten(rows, 3);
  assert.deepEqual([...flat.slice(0, 2)], [0.5, 1]);
  assert.ok(Number.isNaN(flat[2]));
  assert.deepEqual([0, 1, 2, 3].map((place) => isGap(flat, place, 3)), [false, true, false, true]);
});

test("shares of samples are the means of the last ones", () => {
  const random = randomly(2);
  const [n, records, window] = [3, 60, 7];
  const kinds = Array.from({ length: records }, () => (random() < 0.8 ? "sample" : "probability"));
  const rows = kinds.map(() => (random() < 0.1 ? null : oneHot(Math.floor(random() * n), n)));
  const flat = flatten(rows, n);
  const shares = frequencies(flat, n, kinds, window);
  rows.forEach((row, place) => {
    const upTo = rows.slice(0, place + 1).filter((one, at) => one && kinds[at] === "sample");
    const last = upTo.slice(-window);
    for (let slot = 0; slot < n; slot += 1) {
      const got = shares[place * n + slot];
      if (!row) assert.ok(Number.isNaN(got));
      else if (kinds[place] !== "sample") assert.equal(got, row[slot]);
      else near(got, last.reduce((sum, one) => sum + one[slot], 0) / last.length);
    }
  });
});

const oneHot = (at, n) => Array.from({ length: n }, (_, slot) => Number(slot === at));
