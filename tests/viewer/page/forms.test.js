import assert from "node:assert";
import test from "node:test";

import { readArchitecture, spaceOf, writeArchitecture } from
  "../../../nas_tuners/viewer/page/graph/forms.js";
import { graphModel } from "../../../nas_tuners/viewer/page/graph/model.js";
import { didYouMean } from "../../../nas_tuners/viewer/page/graph/words.js";
import { nested } from "./cells_graphs.js";

const SPACE = {
  conv: { _type: "layer_choice", _value: ["conv3x3", "conv5x5", "pool"] },
  skip: { _type: "input_choice", _value: { candidates: ["a", "b", "c"], n_chosen: 2 } },
};
const read = (content, space = SPACE) => readArchitecture(space, content);
const wrong = (content, space = SPACE) => read(content, space).problems.map(
  ({ where, message }) => `${where}: ${message}`,
);

test("every written form chooses the same", () => {
  const forms = [
    { conv: "conv5x5", skip: ["a", "c"] },
    { conv: 1, skip: [2, 0] },
    { conv: [false, true, false], skip: [true, false, true] },
    { conv: ["conv5x5"], skip: ["c", "a"] },
    { conv: { _value: "conv5x5", _idx: 1 }, skip: { _value: ["a", "c"], _idx: [0, 2] } },
    { conv: { _value: "conv5x5", _idex: 1 }, skip: { _idex: [0, 2] } },
    { conv: { _value: "conv5x5" }, skip: { _value: ["a", "c"] } },
  ];
  for (const form of forms) {
    const { choice, problems } = read(form);
    assert.deepEqual([choice, problems], [{ conv: [1], skip: [0, 2] }, []]);
  }
});

test("all mistakes at once, each with its key and what was expected", () => {
  assert.deepEqual(wrong({ conf: "conv3x3", skip: ["a", "d"] }), [
    'conf: unknown key; did you mean "conv"?',
    'conv: missing; expected one of ["conv3x3","conv5x5","pool"]',
    'skip: no candidate "d" (known: "a", "b", "c")',
  ]);
});

test("what is wrong with one key", () => {
  const cases = [
    ["conv7x7", 'no candidate "conv7x7"; did you mean "conv3x3"? ' +
      '(known: "conv3x3", "conv5x5", "pool")'],
    [3, "index 3 is out of range 0..2"],
    [0.5, "0.5 is not a name or an index; indices are whole numbers"],
    [true, "expected a name, an index, or a list of them, got true"],
    [null, "expected a name, an index, or a list of them, got null"],
    [[true, false], "a mask needs 3 booleans, got 2: [true,false]"],
    [[0, "pool"], 'a list must hold names, or indices, or booleans, got [0,"pool"]'],
    [[1, 1], "the same candidate is chosen twice in [1,1]"],
    [[0, 1], "exactly one candidate must be chosen, got [0,1]"],
    [{ _idx: 1, _value: "pool" }, '_value "pool" contradicts _idx 1, which is ["conv5x5"]'],
    [{ _idx: 1, _idex: 2 }, "_idx 1 and _idex 2 contradict each other"],
    [{ _id: 1 }, 'unknown field "_id"; did you mean "_idx"?'],
    [{}, "neither _idx nor _value is given"],
  ];
  for (const [given, message] of cases) {
    assert.deepEqual(wrong({ conv: given, skip: [0, 1] }), [`conv: ${message}`]);
  }
  assert.deepEqual(wrong({ conv: 0, skip: [0] }),
    ["skip: 2 of 3 inputs must be chosen, got [0]"]);
});

test("names that repeat are given by their index", () => {
  const space = { conv: { _type: "layer_choice", _value: ["", "", "x"] } };
  assert.deepEqual(wrong({ conv: "" }, space),
    ['conv: 2 candidates are named ""; give the index']);
  assert.deepEqual(read({ conv: 1 }, space).choice, { conv: [1] });
  assert.deepEqual(writeArchitecture(space, { conv: [1] }), { conv: 1 });
});

test("what is no architecture at all", () => {
  assert.deepEqual(wrong([1]), [": expected an object of keys, got a list"]);
  assert.deepEqual(wrong(null), [": expected an object of keys, got null"]);
  assert.deepEqual(wrong("text"), [": expected an object of keys, got a string"]);
});

test("values and numbers are read as they are written", () => {
  const space = {
    width: { _type: "choice", _value: [16, 32, { _name: "wide", by: {} }] },
    lr: { _type: "loguniform", _value: [0.001, 0.1] },
  };
  const { choice, values, problems } = read({ width: 32, lr: 0.01 }, space);
  assert.deepEqual([choice, values, problems], [{ width: [1] }, { width: 32, lr: 0.01 }, []]);
  assert.deepEqual(read({ width: { _name: "wide", by: 3 }, lr: 0.01 }, space).choice.width, [2]);
  assert.deepEqual(writeArchitecture(space, choice, values), { width: 32, lr: 0.01 });
  assert.deepEqual(wrong({ width: "32", lr: 1 }, space), [
    'width: "32" is none of the options [16,32,{"_name":"wide"}]',
    "lr: expected a number, loguniform (low 0.001, high 0.1), got 1",
  ]);
});

test("keys that are not active may be missing, and are not written", () => {
  const space = spaceOf(graphModel(nested()));
  assert.deepEqual(read({ outer: "plain", width: 16 }, space).problems, []);
  assert.deepEqual(wrong({ outer: "deep", width: 16 }, space),
    ['inner: missing; expected one of ["small","large"]']);
  assert.deepEqual(writeArchitecture(space, { outer: [0], inner: [1], width: [0] }),
    { outer: "plain", width: 16 });
});

test("what is written is read as the same", () => {
  const choice = { conv: [2], skip: [1, 2] };
  assert.deepEqual(read(writeArchitecture(SPACE, choice)).choice, choice);
});

test("hostile names are names", () => {
  const content = JSON.parse('{"__proto__": 1, "constructor": 2, "conv": 0, "skip": [0, 1]}');
  assert.deepEqual(wrong(content), [
    "__proto__: unknown key; there is none like it: take it out",
    "constructor: unknown key; there is none like it: take it out",
  ]);
});

test("the nearest word is near", () => {
  assert.equal(didYouMean("normal_n2_p", ["normal_n2_p0", "reduce_n2_p0"]),
    '; did you mean "normal_n2_p0"?');
  assert.equal(didYouMean("x".repeat(100000), ["abc"]), "");
});
