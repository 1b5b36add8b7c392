/** Pixels over time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { scale } from "../../../nas_tuners/viewer/page/colors.js";
import { columnsOf } from "../../../nas_tuners/viewer/page/time/axis.js";
import {
  bandsOf, columnMeans, inkOn, kindOf, linePoints, lookup, paintMeans, pixelOf,
} from "../../../nas_tuners/viewer/page/time/paint.js";

const bytes = (pixel) => [...new Uint8Array(new Uint32Array([pixel]).buffer)];

test("the scale in steps is the scale", () => {
  const colors = lookup();
  for (const at of [0, 100, 255]) {
    const [red, green, blue, alpha] = bytes(colors[at]);
    assert.equal(`rgb(${red},${green},${blue})`, scale(at / 255));
    assert.equal(alpha, 255);
  }
});

test("a column shows the mean of its records, gaps left out", () => {
  const nan = NaN;
  const series = { n: 2, values: Float32Array.from([0, 1, 0.5, nan, 1, 0, nan, nan]) };
  const columns = columnsOf([0, 1, 2, 3], 4, 2);
  assert.deepEqual([...columnMeans(series, 0, columns)], [0.25, 1]);
  assert.deepEqual([...columnMeans(series, 1, columns)], [1, 0]);
  assert.ok(Number.isNaN(columnMeans(series, 0, columnsOf([0, 1, 2, 3], 4, 4))[3]));
});

test("pixels are colored by the share of the top, up to their height if asked", () => {
  const colors = lookup();
  const look = { colors, top: 2, tall: true, rest: pixelOf("rgb(9, 9, 9)") };
  const pixels = new Uint32Array(3 * 4).fill(7);
  paintMeans(pixels, [1, NaN, 5], 4, look);
  const column = (x) => [0, 1, 2, 3].map((y) => pixels[y * 3 + x]);
  const half = colors[128];
  assert.deepEqual(column(0), [look.rest, look.rest, half, half]);
  assert.deepEqual(column(1), [0, 0, 0, 0], "a gap stays clear");
  assert.deepEqual(column(2), Array(4).fill(colors[255]), "no more than the top");
  const flat = new Uint32Array(3);
  paintMeans(flat, [1, NaN, -1], 1, { ...look, tall: false });
  assert.deepEqual([...flat], [half, 0, colors[0]]);
});

test("equal decisions make a band", () => {
  const columns = columnsOf([0, 1, 2, 3, 4], 5, 5);
  assert.deepEqual(bandsOf([2, 2, -1, 0, 0], columns), [
    { from: 0, to: 2, decision: 2 }, { from: 2, to: 3, decision: -1 },
    { from: 3, to: 5, decision: 0 },
  ]);
  assert.deepEqual(bandsOf([], columnsOf([], 0, 5)), []);
});

test("a line goes through the last number of each column, and breaks at gaps", () => {
  const columns = columnsOf([0, 1, 2, 3], 4, 2);
  assert.deepEqual(linePoints([1, 2, 3, NaN], columns), [[0, 2], [1, 3]]);
  assert.deepEqual(linePoints([NaN, NaN, 3, 4], columns), [null, [1, 4]]);
});

test("no two of many candidates look alike, by their color and dash", () => {
  const looks = Array.from({ length: 64 }, (_, slot) => {
    const { color, dash } = kindOf(slot);
    return `${color} ${dash}`;
  });
  assert.equal(new Set(looks).size, 64);
});

test("ink can be read on what it stands on", () => {
  assert.equal(inkOn("#ffffff"), "#000");
  assert.equal(inkOn("#0072b2"), "#fff");
  assert.equal(inkOn("#e69f00"), "#000");
});
