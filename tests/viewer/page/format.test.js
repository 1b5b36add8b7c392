/** Numbers and times as people read them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  candidate, count, duration, grouped, moment, percent, plain, shape, short,
} from "../../../nas_tuners/viewer/page/format.js";

const all = (write, cases) => {
  for (const [given, expected] of cases) assert.equal(write(given), expected, String(given));
};

test("counts have a unit, and never a thousand of one", () => {
  all(count, [
    [0, "0"], [7, "7"], [999, "999"], [1000, "1 k"], [1234567, "1.23 M"], [-1500, "-1.5 k"],
    [999499, "999 k"], [999999, "1 M"], [999.9999, "1 k"], [2.5e9, "2.5 G"], [1e18, "1000 P"],
    [NaN, "?"], [Infinity, "?"], ["7", "?"],
  ]);
});

test("thousands are set apart", () => {
  all(grouped, [
    [0, "0"], [999, "999"], [1000, "1,000"], [39100, "39,100"], [-1234567, "-1,234,567"],
    [1234.5678, "1,234.5678"], [-100, "-100"], [1e21, "1e+21"], [1.5e300, "1.5e+300"],
  ]);
});

test("plain numbers have three digits", () => {
  all(plain, [
    [0, "0"], [0.25, "0.25"], [0.12345, "0.123"], [123456, "123456"], [1234.5, "1230"],
    [0.00001234, "1.23e-5"], [1234567, "1.23e+6"], [-0.5, "-0.5"], [NaN, "?"], [Infinity, "∞"],
    [-Infinity, "-∞"], [null, "?"], [undefined, "?"],
  ]);
});

test("a little is never nothing", () => {
  all(percent, [
    [0, "0 %"], [0.001, "<1 %"], [0.005, "1 %"], [0.1234, "12 %"], [1, "100 %"], [NaN, "?"],
  ]);
});

test("durations have the unit that suits them", () => {
  all(duration, [
    [0, "0 ms"], [0.25, "250 ms"], [0.9999, "1 s"], [1, "1 s"], [12.34, "12.3 s"],
    [59.99, "1 min"], [90, "2 min"], [3599, "1 h 0 min"], [3725, "1 h 2 min"],
    [2 * 86400 + 3600, "2 d 1 h"], [NaN, ""], [null, ""],
  ]);
});

test("moments, shapes and names", () => {
  assert.equal(moment(null), "");
  assert.notEqual(moment(1763795000), "");
  assert.equal(shape([2, 16, 32, 32]), "2×16×32×32");
  assert.equal(shape(undefined), "");
  assert.equal(short("abcdefgh", 5), "abcd…");
  assert.equal(short("abcde", 5), "abcde");
  assert.equal(candidate(["a", ""], 0), "a");
  assert.equal(candidate(["a", ""], 1), "#1");
  assert.equal(candidate(undefined, 3), "#3");
});
