/** The overview of a log: the record shown, and records that come. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  listen, nearest, openData, recordOf, withRecords,
} from "../../../nas_tuners/viewer/page/data.js";
import { randomly } from "./random.js";

function overview(index, values, { count, kind = "probability" } = {}) {
  return {
    count: count ?? index[index.length - 1] + 1, index, step: index.map((i) => 10 * i),
    epoch: index.map((i) => Math.floor(i / 4)), time: index.map(() => null),
    kind: Array.isArray(kind) ? kind : index.map(() => kind),
    values: values ?? { a: index.map((i) => [i, 1]) }, problems: [],
  };
}

const upTo = (n) => [...Array(n).keys()];

test("the nearest entry is found, by brute force; of two as near the first", () => {
  const random = randomly(1);
  for (let round = 0; round < 300; round += 1) {
    const list = upTo(60).filter(() => random() < 0.3);
    if (!list.length) continue;
    const number = Math.floor(random() * 80) - 10;
    const distances = list.map((one) => Math.abs(one - number));
    assert.equal(nearest(list, number), distances.indexOf(Math.min(...distances)));
  }
});

test("without a number the record is the last one", () => {
  const log = overview([0, 4, 9]);
  assert.equal(recordOf(log, null).index, 9);
  assert.equal(recordOf(log, undefined).step, 90);
  assert.deepEqual(recordOf(log, 5), {
    index: 4, step: 40, epoch: 1, time: null, kind: "probability", status: { a: [4, 1] },
  });
  assert.equal(recordOf(log, 1e9).index, 9);
  assert.equal(recordOf(log, -5).index, 0);
});

test("keys that a record lacks are not in it", () => {
  const log = overview([0, 1], { a: [[1], null], constructor: [null, [2]] });
  assert.deepEqual(recordOf(log, 0).status, { a: [1] });
  const { status } = recordOf(log, 1);
  assert.deepEqual(Object.entries(status), [["constructor", [2]]]);
});

test("of no records there is none", () => {
  assert.equal(recordOf(null, 3), null);
  assert.equal(recordOf(overview([], { a: [] }, { count: 0 }), null), null);
});

test("records that come are put at the end", () => {
  const joined = withRecords(overview([0, 1]), overview([2, 3]));
  assert.equal(joined.count, 4);
  assert.deepEqual(joined.index, [0, 1, 2, 3]);
  assert.deepEqual(joined.step, [0, 10, 20, 30]);
  assert.deepEqual(joined.values.a, [[0, 1], [1, 1], [2, 1], [3, 1]]);
});

test("records that are known already are not taken twice", () => {
  const joined = withRecords(overview([0, 1, 2]), overview([1, 2, 3]));
  assert.deepEqual(joined.index, [0, 1, 2, 3]);
  const same = withRecords(overview([0, 1, 2]), overview([1, 2]));
  assert.deepEqual(same.index, [0, 1, 2]);
});

test("keys that come or are missing leave gaps", () => {
  const joined = withRecords(overview([0, 1], { a: [[1], [2]] }),
    overview([2], { b: [[3]], constructor: [[4]] }));
  assert.deepEqual(joined.values, {
    a: [[1], [2], null], b: [null, null, [3]], constructor: [null, null, [4]],
  });
  const last = withRecords(joined, overview([3], { a: [[5]] }));
  assert.deepEqual(last.values.constructor, [null, null, [4], null]);
});

test("an empty log takes up its first records", () => {
  const joined = withRecords(overview([], {}, { count: 0 }), overview([0, 1]));
  assert.deepEqual(joined.index, [0, 1]);
  assert.deepEqual(joined.values.a, [[0, 1], [1, 1]]);
});

test("problems that come replace those that were known, even without records", () => {
  const known = { ...overview([0]), problems: ["old"] };
  assert.deepEqual(withRecords(known, { ...overview([1]), problems: ["new"] }).problems, ["new"]);
  const none = { ...overview([], {}, { count: 1 }), problems: ["new"] };
  assert.deepEqual(withRecords(known, none).problems, ["new"]);
});

test("a log that grows stays bounded, with its first, its last and its final records", () => {
  let log = overview([0]);
  const finals = [7, 333];
  for (const i of upTo(1000).slice(1)) {
    const kind = finals.includes(i) ? "final" : "probability";
    log = withRecords(log, overview([i], undefined, { kind }), 50);
    assert.ok(log.index.length <= 50 + 1);
    assert.equal(log.index[0], 0);
    assert.equal(log.index[log.index.length - 1], i);
  }
  for (const i of finals) assert.ok(log.index.includes(i));
  assert.equal(log.count, 1000);
  for (const name of ["step", "epoch", "time", "kind"]) {
    assert.equal(log[name].length, log.index.length);
  }
  assert.deepEqual(log.values.a, log.index.map((i) => [i, 1]));
  const gaps = log.index.slice(1).map((i, place) => i - log.index[place]);
  assert.ok(Math.max(...gaps) <= 2 * 64, "spread: 64 is the power of two above 1000 / 25");
});

test("a page that is one file gives what it holds", async () => {
  const content = {
    runs: { version: "1", runs: [{ id: "0" }] }, log: { 0: overview([0, 5]) }, trial: { 0: {} },
  };
  const data = openData({ textContent: JSON.stringify(content) });
  assert.equal(data.live, false);
  assert.deepEqual(await data.runs(), content.runs);
  assert.equal((await data.record("0", 4)).index, 5);
  await assert.rejects(data.graph("0"), /holds no graph/);
  await assert.rejects(data.trial("0", 3), /no more of trial 3/);
  await assert.rejects(data.trialLog("0", 3, "stdout.txt"), /holds no logs/);
  data.follow("0", {})();
});

test("a stream that is refused is asked for again, until it is left", async () => {
  const made = [];
  class Source {
    static CLOSED = 2;
    constructor(path) {
      this.path = path;
      this.readyState = 0;
      this.heard = {};
      made.push(this);
    }
    addEventListener(name, hear) {
      this.heard[name] = hear;
    }
    close() {
      this.readyState = 2;
    }
  }
  const told = [];
  const handlers = { connected: (is) => told.push(is), log: (more) => told.push(more) };
  const pause = () => new Promise((done) => {
    setTimeout(done, 20);
  });
  const leave = listen("events", handlers, { Source, wait: 1 });
  made[0].onerror(); // broken: the browser takes it up
  await pause();
  assert.equal(made.length, 1);
  made[0].readyState = Source.CLOSED;
  made[0].onerror();
  await pause();
  assert.equal(made.length, 2);
  made[1].onopen();
  made[1].heard.log({ data: "3" });
  assert.deepEqual(told, [false, false, true, 3]);
  made[1].readyState = Source.CLOSED;
  made[1].onerror();
  leave();
  await pause();
  assert.equal(made.length, 2);
});

test("a log of nothing but final records does not grow without end", () => {
  let log = overview([0], undefined, { kind: "final" });
  for (const i of upTo(1000).slice(1)) {
    log = withRecords(log, overview([i], undefined, { kind: "final" }), 50);
    assert.ok(log.index.length <= 50 + 1);
  }
  assert.equal(log.count, 1000);
});
