/**
 * What people type to see some of the trials: `state:complete default>0.9 conv1=conv5x5`.
 *
 * Terms must all hold. A term is a column, a comparison and a value; `a|b` means one of them, and
 * quotes hold together what has spaces: `"rate (quantile)">0.5`. A word alone is looked for in
 * every text. `-` before a term turns it round.
 */

const TERM = new RegExp([
  "(-?)", // turned round
  '("[^"]*"|[^\\s"<>=!:]+)', // a column, or a word
  '(?:(<=|>=|!=|<|>|=|:)((?:"[^"]*"|[^\\s"])+)?)?', // how and with what it is compared
].join(""), "y");
const COMPARE = {
  "<": (x, y) => x < y, "<=": (x, y) => x <= y, ">": (x, y) => x > y, ">=": (x, y) => x >= y,
};

/**
 * @typedef {object} Term
 * @property {boolean} not
 * @property {string} field
 * @property {string} operator   empty for a word alone
 * @property {string[]} values
 */

/** @returns {{terms: Term[], problems: string[]}} */
export function parse(text) {
  const terms = [];
  const problems = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) {
      at += 1;
      continue;
    }
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (!match) {
      problems.push(`cannot read “${text.slice(at)}”`);
      break;
    }
    at = TERM.lastIndex;
    const [, minus, field, operator = "", value] = match;
    if (operator && value === undefined) {
      problems.push(`“${match[0]}” lacks what to compare with`);
      continue;
    }
    const values = operator ? alternatives(value) : [];
    terms.push({ not: minus === "-", field: unquoted(field), operator, values });
  }
  return { terms, problems };
}

/**
 * What tells whether the trial at a place is shown.
 *
 * @param {string} text
 * @param {import("./columns.js").Column[]} columns
 * @returns {{test: (place: number) => boolean, problems: string[]}}
 */
export function filterOf(text, columns) {
  const { terms, problems } = parse(text);
  const tests = [];
  for (const term of terms) {
    const { test, problem } = testOf(term, columns);
    if (problem) problems.push(problem);
    else tests.push(term.not ? (place) => !test(place) : test);
  }
  return { test: (place) => tests.every((test) => test(place)), problems };
}

/**
 * The text with the terms of a field replaced; without them if there are no new ones.
 *
 * @param {string} text
 * @param {string} field
 * @param {string[]} terms   as {@link termText} writes them
 */
export function withTerms(text, field, terms) {
  const kept = parse(text).terms.filter((term) => term.field !== field).map(print);
  return [...kept, ...terms].join(" ");
}

const OWN = ["number", "state", "feasible", "seconds", "start", "reason"];

/** What the filter calls a metric: its name, unless another column has it. */
export function metricField(name) {
  return withoutQuotes(OWN.includes(name) ? `${name} (metric)` : name);
}

/** What the filter calls a key. */
export function fieldOf(trials, key) {
  const taken = OWN.includes(key) || trials.metrics.includes(key);
  return withoutQuotes(taken ? `${key} (choice)` : key);
}

/** One term as people write it. */
export function termText(field, operator, values) {
  return print({ not: false, field, operator, values: [values].flat().map(String) });
}

function print({ not, field, operator, values }) {
  return `${not ? "-" : ""}${quoted(field)}${operator}${values.map(quoted).join("|")}`;
}

function quoted(text) {
  return /[\s<>=!:|"]|^-|^$/.test(text) ? `"${withoutQuotes(text)}"` : text;
}

/** Nothing in quotes can have quotes in it: names that do are written with others. */
export function withoutQuotes(text) {
  return text.replaceAll('"', "'");
}

function unquoted(text) {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** `a|"b c"` -> ["a", "b c"]. */
function alternatives(text) {
  return (text.match(/"[^"]*"|[^|"]+/g) ?? []).map(unquoted);
}

function testOf(term, columns) {
  if (!term.operator) return { test: wordTest(term.field, columns) };
  const column = findColumn(term.field, columns);
  if (!column) return { problem: `no column “${term.field}”${near(term.field, columns)}` };
  if (COMPARE[term.operator]) return orderTest(column, term);
  const equal = column.numeric ? numberTest(column, term) : { test: textTest(column, term) };
  if (equal.problem || term.operator !== "!=") return equal;
  return { test: (place) => column.raw(place) !== null && !equal.test(place) };
}

function wordTest(word, columns) {
  const number = /^#(\d+)$/.exec(word);
  if (number) return (place) => columns[0].raw(place) === Number(number[1]);
  const wanted = word.toLowerCase();
  const texts = columns.filter((column) => !column.numeric);
  return (place) => texts.some((column) => column.text(place).toLowerCase().includes(wanted));
}

function orderTest(column, { operator, values }) {
  const limit = Number(values[0]);
  if (values.length !== 1 || Number.isNaN(limit)) {
    return { problem: `“${column.id}${operator}${values.join("|")}” must compare with a number` };
  }
  const compare = COMPARE[operator];
  const value = (place) => {
    const raw = column.raw(place);
    if (raw === null || column.numeric) return raw;
    return Number(column.text(place) || "none"); // candidates may be numbers
  };
  return {
    test: (place) => {
      const x = value(place);
      return x !== null && compare(x, limit);
    },
  };
}

function numberTest(column, { operator, values }) {
  const wanted = values.map(Number);
  if (wanted.some(Number.isNaN)) {
    return { problem: `“${column.id}${operator}${values.join("|")}”: ${column.id} is a number` };
  }
  const near = (x, y) => Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y));
  return {
    test: (place) => {
      const x = column.raw(place);
      return x !== null && wanted.some((y) => near(x, y));
    },
  };
}

function textTest(column, { values }) {
  const wanted = values.map((value) => value.toLowerCase());
  const raw = (place) => column.raw(place);
  if (column.labels) {
    const name = (index) => withoutQuotes(column.labels[index] ?? "").toLowerCase();
    const matching = column.labels.map((_, index) => wanted.includes(name(index)));
    const chosen = (entry) => (Array.isArray(entry)
      ? entry.some((index) => matching[index]) || wanted.includes(wordsOf(entry))
      : entry !== null && matching[entry]);
    const wordsOf = (entry) => entry.map(name).join(", ");
    return (place) => chosen(raw(place));
  }
  if (column.kind === "reason") {
    return (place) => wanted.some((word) => (raw(place) ?? "").toLowerCase().includes(word));
  }
  if (column.kind === "state") return (place) => wanted.includes(raw(place));
  return (place) => wanted.includes(column.text(place).toLowerCase());
}

function findColumn(field, columns) {
  const lower = field.toLowerCase();
  return columns.find(({ id }) => id === field)
    ?? columns.find(({ id }) => id.toLowerCase() === lower);
}

/** "; did you mean “default”?" */
function near(field, columns) {
  const lower = field.toLowerCase();
  const far = (id) => (id.toLowerCase().startsWith(lower) ? 0 : distance(id.toLowerCase(), lower));
  const ranked = columns.map(({ id }) => [far(id), id]).sort(([a], [b]) => a - b);
  const [[best, id]] = ranked;
  return best <= 2 ? `; did you mean “${id}”?` : "";
}

/** Levenshtein's. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(same, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
