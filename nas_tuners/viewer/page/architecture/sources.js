/** Where an architecture can come from: a file, a trial, a record of the search. */

import { recordOf } from "../data.js";
import { decision } from "../graph/decision.js";
import { readArchitecture, spaceOf } from "../graph/forms.js";
import { own } from "../keyed.js";

/** Files larger than this are no architectures. */
export const LARGEST = 4 << 20;

/** The search space that is shown; {} where none is known. */
export function spaceShown({ graph, trials }) {
  return graph ? spaceOf(graph) : trials?.space ?? {};
}

/** Names of the candidates of a key. */
export function namesOf({ graph, trials }, space, key) {
  const choice = own(graph?.choices, key);
  if (choice) return choice.names;
  const { _type: type, _value: value } = own(space, key) ?? {};
  if (type === "layer_choice") return value;
  if (type === "input_choice") return value.candidates;
  return type === "choice" ? value.map(String) : own(trials?.labels, key) ?? [];
}

/**
 * The architecture in a text.
 *
 * @returns {{architecture: object|null, problems: string[]}}
 */
export function fromText(text, space, title) {
  let content;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return { architecture: null, problems: [`${title}: this is no JSON (${error.message})`] };
  }
  const { choice, values, problems } = readArchitecture(space, content);
  if (problems.length) {
    return {
      architecture: null,
      problems: problems.map(({ where, message }) => [where, message].filter(Boolean).join(": ")),
    };
  }
  return { architecture: { title, choice, values, source: title }, problems: [] };
}

/** What the search would choose at a record; null without records. */
export function fromRecord(model, record) {
  if (!model || !record) return null;
  return {
    title: recordTitle(record), choice: decision(model, record.status),
    source: "record",
    record: record.index,
  };
}

function recordTitle({ index, epoch, kind }) {
  const when = epoch === null || epoch === undefined ? "" : `, epoch ${epoch}`;
  return kind === "final" ? `the final record${when}` : `record ${index + 1}${when}`;
}

/** The last record that says what the search has come to. */
export function finalRecord(log) {
  const place = log ? log.kind.lastIndexOf("final") : -1;
  return place < 0 ? null : recordOf(log, log.index[place]);
}
