/** Reading and writing architectures, in every form in which people and tuners write them. */

import { keyed, own } from "../keyed.js";
import { didYouMean, text } from "./words.js";

/**
 * @typedef {object} Read
 * @property {{[key: string]: number[]}} choice   the indices that each key chooses
 * @property {{[key: string]: any}} values        of keys that are numbers
 * @property {{where: string, message: string}[]} problems   all that is wrong
 */

const INDEX_NAMES = ["_idx", "_idex"];
const NUMBERS = {
  randint: ["lower", "upper"], uniform: ["low", "high"], quniform: ["low", "high", "q"],
  loguniform: ["low", "high"], qloguniform: ["low", "high", "q"], normal: ["mu", "sigma"],
  qnormal: ["mu", "sigma", "q"], lognormal: ["mu", "sigma"], qlognormal: ["mu", "sigma", "q"],
};

/** What is wrong with one key, on its way to the list. */
class WrongError extends Error {}

/** The search space of a graph; made from its choices where the file has none. */
export function spaceOf({ json, choices, keys }) {
  const given = json.search_space;
  const made = keyed();
  for (const key of keys) {
    const { kind, names, n_chosen: count } = choices[key];
    if (given && Object.hasOwn(given, key)) made[key] = given[key];
    else if (kind === "input") {
      made[key] = { _type: "input_choice", _value: { candidates: names, n_chosen: count } };
    } else if (kind === "layer") made[key] = { _type: "layer_choice", _value: names };
    else made[key] = { _type: "choice", _value: names };
  }
  for (const key of Object.keys(given ?? {})) made[key] ??= given[key];
  return made;
}

/**
 * An architecture in any written form.
 *
 * @param {object} space     search-space JSON
 * @param {any} content      what stands in the file
 * @returns {Read}
 */
export function readArchitecture(space, content) {
  const read = { choice: keyed(), values: keyed(), problems: [] };
  const wrong = (where, message) => read.problems.push({ where, message });
  if (content === null || typeof content !== "object" || Array.isArray(content)) {
    wrong("", `expected an object of keys, got ${kindOf(content)}`);
    return read;
  }
  const known = Object.keys(space);
  for (const key of Object.keys(content)) {
    if (Object.hasOwn(space, key)) continue;
    wrong(key, `unknown key${didYouMean(key, known) || "; there is none like it: take it out"}`);
  }
  for (const key of inOrder(space)) {
    if (!isActive(space[key], read.choice)) continue;
    if (!Object.hasOwn(content, key)) {
      wrong(key, `missing; expected ${expectation(space[key])}`);
      continue;
    }
    try {
      readKey(space[key], content[key], key, read);
    } catch (error) {
      if (!(error instanceof WrongError)) throw error;
      wrong(key, error.message);
    }
  }
  return read;
}

/** Keys, those on which others depend first. */
function inOrder(space) {
  const done = new Set();
  const add = (key, above) => {
    if (done.has(key) || above.has(key) || !Object.hasOwn(space, key)) return;
    const parents = Object.keys(space[key]?._active_if ?? {});
    parents.forEach((parent) => add(parent, new Set([...above, key])));
    done.add(key);
  };
  Object.keys(space).forEach((key) => add(key, new Set()));
  return done;
}

function isActive(spec, choice) {
  return Object.entries(spec?._active_if ?? {}).every(
    ([parent, allowed]) => own(choice, parent)?.some((index) => allowed.includes(index)),
  );
}

function readKey({ _type: type, _value: value }, given, key, read) {
  if (type === "layer_choice") {
    const chosen = readChosen(value, given);
    if (chosen.length !== 1) wrongly(`exactly one candidate must be chosen, got ${text(given)}`);
    read.choice[key] = chosen;
  } else if (type === "input_choice") {
    read.choice[key] = readInputs(value, given);
  } else if (type === "choice") {
    read.choice[key] = [readOption(value, given)];
    read.values[key] = given;
  } else {
    read.values[key] = readNumber(type, value, given);
  }
}

function readInputs({ candidates, n_chosen: count }, given) {
  const chosen = readChosen(candidates, given);
  const [low, high] = bounds(count, candidates.length);
  if (chosen.length < low || chosen.length > high) {
    const rule = low === high ? `${low}` : `${low} to ${high}`;
    wrongly(`${rule} of ${candidates.length} inputs must be chosen, got ${text(given)}`);
  }
  return chosen;
}

function bounds(count, all) {
  if (count === null || count === undefined) return [0, all];
  return Array.isArray(count) ? count : [count, count];
}

/** The sorted indices that any written form chooses. */
function readChosen(names, given) {
  if (typeof given === "string" || typeof given === "number") return [readOne(names, given)];
  if (Array.isArray(given)) return readList(names, given);
  if (given !== null && typeof given === "object") return readIndexed(names, given);
  return wrongly(`expected a name, an index, or a list of them, got ${text(given)}`);
}

function readList(names, given) {
  if (given.length && given.every((item) => typeof item === "boolean")) {
    if (given.length !== names.length) {
      wrongly(`a mask needs ${names.length} booleans, got ${given.length}: ${text(given)}`);
    }
    return given.flatMap((on, index) => (on ? [index] : []));
  }
  if (new Set(given.map((item) => typeof item)).size > 1) {
    wrongly(`a list must hold names, or indices, or booleans, got ${text(given)}`);
  }
  const chosen = given.map((item) => readOne(names, item));
  if (new Set(chosen).size < chosen.length) {
    wrongly(`the same candidate is chosen twice in ${text(given)}`);
  }
  return chosen.sort((a, b) => a - b);
}

function readOne(names, given) {
  if (typeof given === "number") {
    if (!Number.isInteger(given)) {
      wrongly(`${given} is not a name or an index; indices are whole numbers`);
    }
    if (given < 0 || given >= names.length) {
      wrongly(`index ${given} is out of range 0..${names.length - 1}`);
    }
    return given;
  }
  if (typeof given !== "string") wrongly(`${text(given)} is not a name or an index`);
  const count = names.filter((name) => name === given).length;
  if (count > 1) wrongly(`${count} candidates are named ${text(given)}; give the index`);
  if (!count) {
    const hint = didYouMean(given, names);
    const known = names.map((name) => text(name)).join(", ");
    wrongly(`no candidate ${text(given)}${hint} (known: ${known})`);
  }
  return names.indexOf(given);
}

/** {"_value": ..., "_idx": ...} */
function readIndexed(names, given) {
  const known = ["_value", ...INDEX_NAMES];
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) wrongly(`unknown field ${text(name)}${didYouMean(name, known)}`);
  }
  const indices = INDEX_NAMES.filter((name) => Object.hasOwn(given, name))
    .map((name) => given[name]);
  if (indices.length === 2 && text(indices[0]) !== text(indices[1])) {
    wrongly(`_idx ${text(indices[0])} and _idex ${text(indices[1])} contradict each other`);
  }
  const { _value: value } = given;
  if (!indices.length) {
    if (value === undefined) wrongly("neither _idx nor _value is given");
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      wrongly(`_value must be a name or a list of names, got ${text(value)}`);
    }
    return readChosen(names, value);
  }
  const order = [indices[0]].flat();
  if (!order.every(Number.isInteger)) {
    wrongly(`_idx must be an index or a list of indices, got ${text(indices[0])}`);
  }
  const chosen = readChosen(names, indices[0]);
  const meant = order.map((index) => names[index]);
  if (value !== undefined && value !== null && text([value].flat()) !== text(meant)) {
    wrongly(`_value ${text(value)} contradicts _idx ${text(indices[0])}, which is ${text(meant)}`);
  }
  return chosen;
}

function readOption(options, given) {
  const index = options.findIndex((option) => identity(option) === identity(given));
  if (index < 0) {
    wrongly(`${text(given)} is none of the options ${text(options.map(plainOption))}`);
  }
  return index;
}

const isNested = (option) => option !== null && typeof option === "object" &&
  !Array.isArray(option) && Object.hasOwn(option, "_name");
const plainOption = (option) => (isNested(option) ? { _name: option._name } : option);

/** Equal for equal options: one that holds keys of its own is known by its name. */
function identity(option) {
  return isNested(option) ? `_name ${option._name}` : text(sorted(option));
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

function readNumber(type, values, given) {
  if (typeof given !== "number" || !Number.isFinite(given)) {
    wrongly(`expected a finite number, got ${text(given)}`);
  }
  const [first, second] = values ?? [];
  const bounded = NUMBERS[type]?.[0] === "low" || type === "randint";
  const above = type === "randint" ? given >= second : given > second;
  if (bounded && (given < first || above)) {
    wrongly(`expected ${expectation({ _type: type, _value: values })}, got ${given}`);
  }
  return given;
}

/** What stands for a key, in words. */
export function expectation({ _type: type, _value: value }) {
  if (type === "layer_choice") return `one of ${text(value)}`;
  if (type === "choice") return `one of ${text(value.map(plainOption))}`;
  if (type === "input_choice") {
    const { candidates, n_chosen: count } = value;
    const [low, high] = bounds(count, candidates.length);
    const names = candidates.some(Boolean) ? candidates : candidates.map((_, index) => index);
    return `${low === high ? low : `${low} to ${high}`} of ${text(names)}`;
  }
  const names = NUMBERS[type] ?? [];
  return `a number, ${type} (${names.map((name, at) => `${name} ${value?.[at]}`).join(", ")})`;
}

/**
 * An architecture in the form that `apply_fixed_architecture` reads and `export` writes: names
 * where they are unique, else indices. Keys that are not active are left out.
 */
export function writeArchitecture(space, choice, values = {}) {
  const written = keyed();
  for (const key of Object.keys(space)) {
    const { _type: type, _value: value } = space[key];
    const chosen = own(choice, key);
    if (!isActive(space[key], choice)) continue;
    if (!chosen || (type !== "layer_choice" && type !== "input_choice")) {
      const given = own(values, key);
      if (given !== undefined) written[key] = given;
      else if (chosen && type === "choice") written[key] = plainOption(value[chosen[0]]);
      continue;
    }
    const names = type === "layer_choice" ? value : value.candidates;
    const unique = new Set(names).size === names.length;
    const shown = chosen.map((index) => (unique ? names[index] : index));
    written[key] = type === "layer_choice" ? shown[0] : shown;
  }
  return written;
}

function wrongly(message) {
  throw new WrongError(message);
}

function kindOf(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
