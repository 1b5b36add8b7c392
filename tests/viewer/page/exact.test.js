/** Reading the record that is asked for, and no other. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exactRecords } from "../../../nas_tuners/viewer/page/time/exact.js";

/** A reader whose timers and answers come when a test says so. */
function reader(options = {}) {
  const pending = new Map();
  const answers = [];
  const found = [];
  let next = 0;
  const timers = {
    setTimeout: (work) => pending.set((next += 1), work) && next,
    clearTimeout: (timer) => pending.delete(timer),
  };
  const read = (run, index) => new Promise((resolve, reject) => {
    answers.push({ run, index, resolve, reject });
  });
  const records = exactRecords({
    read, found: (run, index, record) => found.push([run, index, record]), timers, ...options,
  });
  const wait = () => {
    const works = [...pending.values()];
    pending.clear();
    works.forEach((work) => work());
  };
  return { records, answers, found, wait };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("only the record that was asked for last is read", async () => {
  const { records, answers, found, wait } = reader();
  for (const index of [1, 2, 3]) records.ask("0", index);
  wait();
  assert.deepEqual(answers.map(({ index }) => index), [3]);
  answers[0].resolve({ index: 3 });
  await settle();
  assert.deepEqual(found, [["0", 3, { index: 3 }]]);
});

test("an answer that is out of date is not shown, but known", async () => {
  const { records, answers, found, wait } = reader();
  records.ask("0", 1);
  wait();
  records.ask("0", 2);
  wait();
  answers[1].resolve({ index: 2 });
  await settle();
  answers[0].resolve({ index: 1 });
  await settle();
  assert.deepEqual(found.map(([, index]) => index), [2]);
  records.ask("0", 1);
  assert.deepEqual(found.map(([, index]) => index), [2, 1]);
  assert.equal(answers.length, 2);
});

test("the same number of another run is another record", async () => {
  const { records, answers, wait } = reader();
  records.ask("0", 1);
  wait();
  answers[0].resolve({ index: 1 });
  await settle();
  records.ask("1", 1);
  wait();
  assert.equal(answers.length, 2);
});

test("as many are kept as may be, those that were asked for last", async () => {
  const { records, answers, found, wait } = reader({ kept: 2 });
  for (const index of [1, 2, 1, 3]) {
    records.ask("0", index);
    wait();
    answers[answers.length - 1].resolve({ index });
    await settle();
  }
  const before = answers.length;
  records.ask("0", 1);
  assert.equal(found.length, 5, "known still");
  records.ask("0", 2);
  wait();
  assert.equal(answers.length, before + 1, "forgotten");
});

test("what is forgotten is read again, even if its answer was on the way", async () => {
  const { records, answers, found, wait } = reader();
  records.ask("0", 1);
  wait();
  records.forget();
  answers[0].resolve({ index: 1, old: true });
  await settle();
  assert.deepEqual(found, []);
  records.ask("0", 1);
  wait();
  assert.equal(answers.length, 2);
});

test("a record that cannot be read leaves what is shown", async () => {
  const { records, answers, found, wait } = reader();
  records.ask("0", 1);
  wait();
  answers[0].reject(new Error("gone"));
  await settle();
  assert.deepEqual(found, []);
});

test("nothing comes after the end", async () => {
  const { records, answers, found, wait } = reader();
  records.ask("0", 1);
  wait();
  records.stop();
  answers[0].resolve({ index: 1 });
  await settle();
  records.ask("0", 2);
  records.stop();
  wait();
  assert.equal(answers.length, 1);
  assert.deepEqual(found, []);
});
