/** What a trial chooses, for the drawings and for files. */

/**
 * A trial's architecture as the store has it.
 *
 * @returns {{title: string, choice: object, values: object, source: string}|null} null where there
 *   is no such trial
 */
export function architectureOfTrial(trials, number, graph) {
  const place = trials ? trials.number.indexOf(number) : -1;
  if (place < 0) return null;
  return {
    title: `Trial ${number}`,
    choice: architectureOf(trials, place, graph),
    values: valuesOf(trials, place),
    source: `trial ${number}`,
  };
}

/** Key -> indices of the chosen candidates, for drawings; numbers by their candidate's name. */
export function architectureOf(trials, place, graph) {
  const choice = {};
  for (const [key, entry] of decided(trials, place)) {
    if (trials.labels[key]) {
      choice[key] = [entry].flat();
    } else {
      const index = (graph?.choices?.[key]?.names ?? []).indexOf(String(entry));
      if (index >= 0) choice[key] = [index];
    }
  }
  return choice;
}

/** Key -> number, of those that have no candidates. */
function valuesOf(trials, place) {
  return Object.fromEntries(decided(trials, place).filter(([key]) => !trials.labels[key]));
}

/** The architecture as people write it. */
export function written(trials, place) {
  const architecture = {};
  for (const [key, entry] of decided(trials, place)) {
    const labels = trials.labels[key];
    const name = (index) => labels?.[index] ?? index;
    if (Array.isArray(entry)) architecture[key] = entry.map(name);
    else architecture[key] = labels ? name(entry) : entry;
  }
  return architecture;
}

/** The keys that are active in a trial, with their entries. */
function decided(trials, place) {
  return Object.entries(trials.architecture)
    .map(([key, entries]) => [key, entries[place]])
    .filter(([, entry]) => entry !== null && entry !== undefined);
}
