/** A trial's architecture for the drawings and for files. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  architectureOfTrial, written,
} from "../../../nas_tuners/viewer/page/trials/architecture.js";

const TRIALS = {
  number: [4, 7],
  architecture: { conv: [1, 0], inputs: [[0, 2], null], width: [32, 16], lr: [0.1, 0.2] },
  labels: { conv: ["3x3", "5x5"], inputs: ["a", "b", "c"] },
};

test("choices by index, numbers by the candidate's name where the graph has one", () => {
  const graph = { choices: { width: { names: ["16", "32"] } } };
  assert.deepEqual(architectureOfTrial(TRIALS, 4, graph), {
    title: "Trial 4",
    choice: { conv: [1], inputs: [0, 2], width: [1] },
    values: { width: 32, lr: 0.1 },
    source: "trial 4",
  });
  assert.deepEqual(architectureOfTrial(TRIALS, 7, null).choice, { conv: [0] });
  assert.equal(architectureOfTrial(TRIALS, 5, null), null);
  assert.equal(architectureOfTrial(null, 5, null), null);
});

test("as people write it, without what is inactive", () => {
  assert.deepEqual(written(TRIALS, 0), { conv: "5x5", inputs: ["a", "c"], width: 32, lr: 0.1 });
  assert.deepEqual(written(TRIALS, 1), { conv: "3x3", width: 16, lr: 0.2 });
});
