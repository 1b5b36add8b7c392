/** When choices came to rest. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ENOUGH, GAP, TIE, countedPlaces, keySeries, meanEntropy, restOf, summary,
} from "../../../nas_tuners/viewer/page/time/settling.js";
import { settledText } from "../../../nas_tuners/viewer/page/time/heatrows.js";
import { randomly } from "./random.js";

const upTo = (n) => [...Array(n).keys()];

function logOf(values, kind = "probability") {
  const n = Object.values(values)[0].length;
  return {
    count: n, index: upTo(n), step: upTo(n), epoch: upTo(n), time: upTo(n),
    kind: Array.isArray(kind) ? kind : Array(n).fill(kind), values,
  };
}

function seriesOf(log, key, about = {}) {
  return keySeries(log, key, { counted: countedPlaces(log), ...about });
}

test("a decision that does not change has settled since the first record", () => {
  const rest = restOf([0, 0, 0, 0, 0], upTo(5), upTo(5));
  assert.deepEqual(rest, { changes: 0, state: "settled", since: 0, known: 5 });
});

test("the last change is when it settled", () => {
  const decisions = [0, 1, 1, 0, ...Array(16).fill(2)];
  const rest = restOf(decisions, upTo(20), upTo(20));
  assert.deepEqual(rest, { changes: 3, state: "settled", since: 4, known: 20 });
});

test("a change in the last tenth of the records is too late", () => {
  for (const [at, state] of [[89, "settled"], [90, "moving"], [99, "moving"]]) {
    const decisions = Array.from({ length: 100 }, (_, place) => Number(place >= at));
    assert.equal(restOf(decisions, upTo(100), upTo(100)).state, state, `changed at ${at}`);
  }
});

test("the tenth is one of all records, not of those in the overview", () => {
  const index = [0, 10, 20, 900, 950, 1000];
  assert.equal(restOf([0, 0, 0, 1, 1, 1], upTo(6), index).state, "settled");
  assert.equal(restOf([0, 0, 0, 0, 1, 1], upTo(6), index).state, "moving");
});

test("records that lack the key neither change it nor count", () => {
  assert.deepEqual(restOf([GAP, 0, GAP, 0, 1, GAP, 1, 1, 1, 1, 1, 1, 1], upTo(13), upTo(13)),
    { changes: 1, state: "settled", since: 4, known: 10 });
  assert.equal(restOf([GAP, GAP], [0, 1], [0, 1]).state, "empty");
});

test("equal candidates are told, and what ends equal has not settled", () => {
  assert.equal(restOf([TIE, TIE], [0, 1], [0, 1]).state, "equal");
  assert.equal(restOf([0, 0, 0, 0, TIE], upTo(5), upTo(5)).state, "moving");
});

test("few records do not tell whether a key settled", () => {
  for (const n of [1, 2, ENOUGH - 1, ENOUGH, ENOUGH + 1]) {
    const { state, known } = restOf(Array(n).fill(0), upTo(n), upTo(n));
    assert.deepEqual([state, known], [n < ENOUGH ? "few" : "settled", n]);
  }
  const gaps = Array(50).fill(GAP);
  const rest = restOf([0, 1, ...gaps, 1, 1], upTo(54), upTo(54));
  assert.deepEqual([rest.state, rest.known], ["few", 4], "records without the key are none of it");
  assert.equal(restOf([TIE, 0, 0], upTo(3), upTo(3)).state, "few");
});

test("what is told of few records says so", () => {
  const log = logOf({ a: Array(3).fill([0.9, 0.1]), b: Array(3).fill([0.5, 0.5]) });
  const series = Object.keys(log.values).map((key) => seriesOf(log, key, { chosen: 1 }));
  const { settled, few, told, left } = summary(series);
  assert.deepEqual({ settled, few, told, left }, { settled: 0, few: 1, told: 1, left: 1 });
  const [text, title] = settledText(series[0], log);
  assert.equal(text, "too few");
  assert.match(title, /^3 records say something of this key: fewer than 5/);
});

test("changes are those of the strongest candidate, by brute force", () => {
  const random = randomly(5);
  const rows = Array.from({ length: 200 }, () => Array.from({ length: 4 }, random));
  const log = logOf({ a: rows });
  const best = rows.map((row) => row.indexOf(Math.max(...row)));
  const series = seriesOf(log, "a", { chosen: 1 });
  const changed = upTo(200).filter((place) => place > 0 && best[place] !== best[place - 1]);
  assert.equal(series.changes, changed.length);
  assert.equal(series.since, changed[changed.length - 1]);
  assert.deepEqual([...series.decisions].map((one) => series.sets[one][0]), best);
});

test("of several that are chosen their set counts, whatever the order in it", () => {
  const log = logOf({ a: [[3, 2, 1], [2, 3, 1], [1, 2, 3], [1, 3, 2]] });
  const series = seriesOf(log, "a", { chosen: 2 });
  assert.equal(series.changes, 1);
  assert.deepEqual(series.sets, [[0, 1], [1, 2]]);
});

test("two of four that are decided have no entropy, and settle as a set", () => {
  const rows = [...Array(4).fill([0.5, 0.5, 0.5, 0.5]), ...Array(16).fill([1, 0, 1, 0])];
  const series = seriesOf(logOf({ a: rows }), "a", { chosen: 2 });
  assert.deepEqual([series.entropy[0], series.latest], [1, 0]);
  assert.deepEqual([series.state, series.since, series.sets], ["settled", 4, [[0, 2]]]);
  const samples = rows.map((_, at) => (at < 10 ? [0, 1, 0, 1] : [1, 0, 1, 0]));
  assert.equal(seriesOf(logOf({ a: samples }, "sample"), "a").latest, 0, "told by the samples");
});

test("where all are taken there is nothing to decide", () => {
  const log = logOf({ a: [[1, 1], [0.5, 0.6]] });
  assert.equal(seriesOf(log, "a", { chosen: 2 }).state, "fixed");
});

test("what the search decided for in the end is no part of how it came to rest", () => {
  const kind = [...Array(9).fill("probability"), "final"];
  const log = logOf({ a: [...Array(9).fill([0.6, 0.4]), [0, 1]] }, kind);
  const series = seriesOf(log, "a");
  assert.equal(series.changes, 0);
  assert.equal(series.state, "settled");
  assert.ok(Number.isNaN(series.entropy[9]));
  assert.ok(Math.abs(series.most - 0.6) < 1e-6);
  assert.deepEqual(countedPlaces(logOf({ a: [[0, 1]] }, "final")), [0], "unless it is all");
});

test("samples may be taken as shares", () => {
  const rows = upTo(40).map((place) => (place % 4 ? [1, 0] : [0, 1]));
  const log = logOf({ a: rows }, "sample");
  assert.ok(seriesOf(log, "a").changes > 15);
  const shares = seriesOf(log, "a", { window: 8 });
  assert.ok(shares.changes <= 2);
  const [p, q] = [0.75, 0.25];
  const expected = (-p * Math.log(p) - q * Math.log(q)) / Math.LN2;
  assert.ok(Math.abs(shares.latest - expected) < 1e-6);
});

test("the mean entropy is over keys that are told apart and have one", () => {
  const log = logOf({
    sure: Array(6).fill([1, 0]), open: [null, ...Array(5).fill([0.5001, 0.5])],
    same: Array(6).fill([1, 1]),
  });
  const series = Object.keys(log.values).map((key) => seriesOf(log, key, { chosen: 1 }));
  const mean = meanEntropy(series, 6);
  assert.equal(mean[0], 0);
  assert.ok(Math.abs(mean[1] - 0.5) < 1e-4);
  const { settled, told, left, last } = summary(series);
  assert.deepEqual({ settled, told, left, last }, { settled: 2, told: 2, left: 1, last: -1 });
});

test("rows of other lengths, of nothing and of what is no number are no trouble", () => {
  const log = logOf({ a: [[1], null, [], [1, 2, 3], [NaN, null], [-1, 1e30], ["x"]] });
  const series = seriesOf(log, "a");
  assert.equal(series.n, 3);
  assert.equal(series.decisions[1], GAP);
  assert.equal(series.decisions.length, 7);
});
