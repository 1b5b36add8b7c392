/** Long work in slices. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { schedule } from "../../../nas_tuners/viewer/page/trials/schedule.js";

test("work is done in order, in slices that let others in between", async () => {
  const done = [];
  let between = 0;
  const timer = setInterval(() => {
    between += 1;
  }, 0);
  await new Promise((resolve) => {
    schedule(function* long() {
      for (let i = 0; i < 40; i += 1) {
        const until = performance.now() + 4;
        while (performance.now() < until);
        yield;
      }
      done.push("long");
    });
    schedule(function* next() {
      done.push("next");
      resolve();
      yield;
    });
  });
  clearInterval(timer);
  assert.deepEqual(done, ["long", "next"]);
  assert.ok(between >= 3, `${between} turns of others in 160 ms of work`);
});

test("work that is cancelled stops; work that fails does not stop the next", async (t) => {
  t.mock.method(console, "error", () => {});
  const done = [];
  const cancel = schedule(function* never() {
    for (;;) yield;
  });
  schedule(function* fails() {
    yield;
    throw new Error("on purpose");
  });
  const last = new Promise((resolve) => {
    schedule(function* works() {
      yield;
      done.push("works");
      resolve();
    });
  });
  cancel();
  await last;
  assert.deepEqual(done, ["works"]);
  assert.equal(console.error.mock.callCount(), 1);
});
