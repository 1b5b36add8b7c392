/** The best trial, which is what the drawings of an experiment show until something else is. */

import { metricText } from "./columns.js";
import { architectureOf } from "./details.js";
import { bestSoFar, complete, isFeasible } from "./figures.js";

export const BEST = "best trial";

/**
 * The architecture of the trial that is best by the first metric, within its bounds.
 *
 * @returns {{title: string, choice: object, source: string}|null}
 */
export function bestArchitecture(trials, graph) {
  const [metric] = trials.metrics;
  if (metric === undefined) return null;
  const places = complete(trials, [metric]);
  const allowed = (place) => isFeasible(trials, place);
  const steps = bestSoFar(places, trials.values[metric], trials.directions[0], allowed);
  if (!steps.length) return null;
  const place = steps[steps.length - 1];
  const value = metricText(trials.values[metric][place]);
  return {
    title: `Best trial: ${trials.number[place]} (${metric} ${value})`,
    choice: architectureOf(trials, place, graph),
    source: BEST,
  };
}
