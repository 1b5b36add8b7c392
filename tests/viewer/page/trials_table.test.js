/** The table of trials: its columns, order, filter, and what comes while a search runs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  columnsOf, entryText, metricText, sorted,
} from "../../../nas_tuners/viewer/page/trials/columns.js";
import {
  fieldOf, filterOf, parse, termText, withTerms,
} from "../../../nas_tuners/viewer/page/trials/filter.js";
import { asTrials, withTrials } from "../../../nas_tuners/viewer/page/trials/merge.js";

const TRIALS = {
  revision: 3,
  name: "study",
  metrics: ["default", "flops"],
  directions: ["maximize", null],
  space: null,
  number: [0, 1, 2, 3],
  state: ["complete", "fail", "complete", "running"],
  values: { default: [0.91, null, 0.8, null], flops: [1e6, null, 2e6, null] },
  start: [10, 20, 30, 40],
  seconds: [1, 2, 3, null],
  architecture: {
    conv1: [0, 1, 1, null], inputs: [[0, 1], [1], [], [0]], width: [0, 1, 0, 1],
    "rate (quantile)": [0.1, 0.5, 0.9, null],
  },
  labels: { conv1: ["conv3x3", "max pool"], inputs: ["a", "b"], width: ["16", "32"] },
  reason: { 1: "CUDA out of memory" },
  feasible: [true, true, false, true],
  problems: [],
};
const COLUMNS = columnsOf(TRIALS);
const ALL = [0, 1, 2, 3];

function shown(text) {
  const { test: passes, problems } = filterOf(text, COLUMNS);
  assert.deepEqual(problems, [], text);
  return ALL.filter(passes);
}

test("terms of the filter", () => {
  const expected = {
    "": [0, 1, 2, 3],
    "state:complete": [0, 2],
    "state:complete|fail": [0, 1, 2],
    "-state:complete": [1, 3],
    "state!=complete": [1, 3],
    "default>0.9": [0],
    "default>=0.8 default<0.9": [2],
    "default<1": [0, 2],
    "flops=1e6": [0],
    "flops=1000000|2000000": [0, 2],
    "conv1=conv3x3": [0],
    'conv1="max pool"': [1, 2],
    'conv1=conv3x3|"max pool"': [0, 1, 2],
    "conv1!=conv3x3": [1, 2],
    "CONV1=Conv3x3": [0],
    "inputs=a": [0, 3],
    'inputs="a, b"': [0],
    "width=32": [1, 3],
    "width>16": [1, 3],
    '"rate (quantile)">0.2': [1, 2],
    "feasible=no": [2],
    "seconds>=2": [1, 2],
    "number<2": [0, 1],
    "#2": [2],
    memory: [1],
    "reason:cuda": [1],
    conv3x3: [0],
    "state:complete default>0.9 conv1=conv3x3": [0],
  };
  for (const [text, places] of Object.entries(expected)) {
    assert.deepEqual(shown(text), places, text);
  }
});

test("what is wrong with a filter is said, and the rest of it holds", () => {
  const problem = (text) => filterOf(text, COLUMNS).problems.join();
  assert.match(problem("defualt>0.9"), /no column “defualt”; did you mean “default”\?/);
  assert.match(problem("default>x"), /must compare with a number/);
  assert.match(problem("default=x"), /default is a number/);
  assert.match(problem("default>"), /lacks what to compare with/);
  assert.match(problem("=3"), /cannot read “=3”/);
  const { test: passes } = filterOf("nothing=1 state:fail", COLUMNS);
  assert.deepEqual(ALL.filter(passes), [1]);
});

test("terms of a filter are replaced, and written so that they are read alike", () => {
  const range = [termText("lr", ">=", [0.001]), termText("lr", "<=", [0.1])];
  assert.equal(withTerms("state:complete lr>=1 foo", "lr", range),
    "state:complete foo lr>=0.001 lr<=0.1");
  assert.equal(withTerms("lr>=1", "lr", []), "");
  const odd = termText("rate (x)", "=", ["max pool", "a|b", "plain"]);
  assert.deepEqual(parse(odd).terms,
    [{ not: false, field: "rate (x)", operator: "=", values: ["max pool", "a|b", "plain"] }]);
  const kept = 'a="b c"|d -state:fail "two words"';
  assert.deepEqual(parse(withTerms(kept, "other", [])), parse(kept));
});

test("any text can be typed", () => {
  for (const text of ['"', '""', 'a="', "a=|", "-", "--", ":", 'a="b"c', "a=b=c", "\\", "a!b"]) {
    const { test: passes } = filterOf(text, COLUMNS);
    ALL.forEach((place) => passes(place));
    parse(withTerms(text, "x", ["x=1"]));
  }
});

test("sorting: what is not there comes last, equal ones by number", () => {
  const order = (id, descending) => sorted(ALL, COLUMNS.find((c) => c.id === id), descending,
    TRIALS.number);
  assert.deepEqual(order("default", true), [0, 2, 1, 3]);
  assert.deepEqual(order("default", false), [2, 0, 1, 3]);
  assert.deepEqual(order("number", true), [3, 2, 1, 0]);
  assert.deepEqual(order("state", false), [0, 2, 3, 1]);
  assert.deepEqual(order("conv1", false), [0, 1, 2, 3]);
  assert.deepEqual(order("inputs", false), [2, 3, 0, 1]);
});

test("cells as people read them", () => {
  assert.equal(entryText([0, 1], ["a", "b"]), "a, b");
  assert.equal(entryText(5, ["a"]), "#5");
  assert.equal(entryText(null, ["a"]), "");
  assert.equal(entryText(0.0123456, null), "0.012346");
  assert.equal(metricText(0.912345678), "0.91235");
  assert.equal(metricText(123456789), "123 M");
  assert.equal(metricText(null), "");
});

test("rows that come or change are merged; nothing that was there is changed", () => {
  const before = structuredClone(TRIALS);
  const change = {
    revision: 4,
    rows: {
      revision: 4, metrics: ["default", "flops", "ms"], directions: ["maximize", null, null],
      number: [3, 4], state: ["complete", "running"],
      values: { default: [0.7, null], flops: [3, null], ms: [9, null] },
      start: [40, 50], seconds: [5, null],
      architecture: { ...TRIALS.architecture, conv1: [1, 0], inputs: [[0], [1]], width: [0, 0],
        "rate (quantile)": [null, 0.2], fresh: [null, 7] },
      labels: TRIALS.labels, reason: { 4: "retried" }, feasible: null, problems: ["odd"],
    },
  };
  const merged = withTrials(TRIALS, change);
  assert.deepEqual(TRIALS, before);
  assert.equal(merged.revision, 4);
  assert.equal(merged.name, "study");
  assert.deepEqual(merged.number, [0, 1, 2, 3, 4]);
  assert.deepEqual(merged.state, ["complete", "fail", "complete", "complete", "running"]);
  assert.deepEqual(merged.values.default, [0.91, null, 0.8, 0.7, null]);
  assert.deepEqual(merged.values.ms, [null, null, null, 9, null]);
  assert.deepEqual(merged.architecture.conv1, [0, 1, 1, 1, 0]);
  assert.deepEqual(merged.architecture.fresh, [null, null, null, null, 7]);
  assert.deepEqual({ ...merged.reason }, { 1: "CUDA out of memory", 4: "retried" });
  assert.deepEqual(merged.feasible, [true, true, false, true, true]);
  assert.deepEqual(merged.problems, ["odd"]);
});

test("a study that was empty grows", () => {
  const empty = {
    ...TRIALS, number: [], state: [], start: [], seconds: [], values: {}, architecture: {},
    reason: {}, feasible: null, metrics: [], directions: [], labels: {},
  };
  const merged = withTrials(empty, { revision: 9, rows: TRIALS });
  const expected = asTrials({ ...TRIALS, revision: 9 });
  assert.deepEqual(merged, expected);
});

test("keys may have any name", () => {
  const odd = JSON.parse(`{"constructor": [0.5, 0.7], "__proto__": [0.1, 0.2], "toString": [0, 1],
    "number": [7, 8], "default": [3, 4], "a\\"b": [1, 0]}`);
  const rows = {
    ...TRIALS, number: [0, 1], state: ["complete", "complete"], start: [1, 2], seconds: [1, 2],
    metrics: ["default", "seconds"], directions: ["maximize", null],
    values: { default: [1, 2], seconds: [5, 6] }, architecture: odd,
    labels: { toString: ["x", "y"], 'a"b': ['1"', '2"'] }, reason: {}, feasible: null,
  };
  const empty = {
    ...rows, number: [], state: [], start: [], seconds: [], values: {}, architecture: {},
    labels: {},
  };
  for (const trials of [asTrials(rows), withTrials(asTrials(empty), { revision: 2, rows })]) {
    assert.deepEqual(Object.keys(trials.architecture), Object.keys(odd));
    const columns = columnsOf(trials);
    const names = columns.map(({ id }) => id);
    assert.equal(new Set(names).size, names.length, "no two columns have the same name");
    const passing = (text) => {
      const { test: passes, problems } = filterOf(text, columns);
      assert.deepEqual(problems, [], text);
      return [0, 1].filter(passes);
    };
    assert.deepEqual(passing("constructor>0.6"), [1]);
    assert.deepEqual(passing("__proto__<0.15"), [0]);
    assert.deepEqual(passing("toString=y"), [1]);
    assert.deepEqual(passing("number=1"), [1]);
    assert.deepEqual(passing('"number (choice)"=7'), [0]);
    assert.deepEqual(passing('"default (choice)">3 default>1 "seconds (metric)"=6'), [1]);
    const term = termText(fieldOf(trials, 'a"b'), "=", ['2"']);
    assert.deepEqual(passing(term), [0]);
    assert.equal(withTerms(term, fieldOf(trials, 'a"b'), []), "", "it can be taken away again");
  }
});

test("hundreds of thousands of rows may come at once", () => {
  const number = [...Array(200_000).keys()];
  const all = (value) => number.map(() => value);
  const rows = {
    number, state: all("complete"), start: all(1), seconds: all(1), values: {}, architecture: {},
    reason: {}, feasible: null,
  };
  const merged = withTrials(asTrials(TRIALS), { revision: 5, rows });
  assert.equal(merged.number.length, 200_000);
});
