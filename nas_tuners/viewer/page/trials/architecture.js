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
  const choices = graph?.choices ?? {};
  const chosen = decided(trials, place).map(([key, entry]) => {
    if (trials.labels[key]) return [key, [entry].flat()];
    const names = Object.hasOwn(choices, key) ? choices[key].names : [];
    return [key, [names.indexOf(String(entry))]];
  });
  return Object.fromEntries(chosen.filter(([, indices]) => !indices.includes(-1)));
}

/** Key -> number, of those that have no candidates. */
function valuesOf(trials, place) {
  return Object.fromEntries(decided(trials, place).filter(([key]) => !trials.labels[key]));
}

/** The architecture as people write it. */
export function written(trials, place) {
  return Object.fromEntries(decided(trials, place).map(([key, entry]) => {
    const labels = trials.labels[key];
    const name = (index) => labels?.[index] ?? index;
    if (Array.isArray(entry)) return [key, entry.map(name)];
    return [key, labels ? name(entry) : entry];
  }));
}

/** The keys that are active in a trial, with their entries. */
function decided(trials, place) {
  return Object.entries(trials.architecture)
    .map(([key, entries]) => [key, entries[place]])
    .filter(([, entry]) => entry !== null && entry !== undefined);
}
