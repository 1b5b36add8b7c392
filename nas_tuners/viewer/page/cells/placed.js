/** What has been placed of cells is kept; the worker places what has not. */

import { isChain } from "../graph/genotype.js";
import { ask } from "../graph/the_worker.js";
import { turn } from "../turn.js";
import { place } from "./place.js";

const KEPT = 500; // drawings

const cache = new Map();
const asked = new Map(); // what the worker is at, by the same names

/**
 * Where the states and edges of a genotype go; what was placed before is not placed again.
 *
 * @param {object} genotype
 * @param {number[]} letters   of the label of each edge; 0: none
 * @param {number} room        how wide a chain may be
 * @param {number[]} inside    letters of the operation that is written in each state; 0: none
 */
export function placed(genotype, letters, room, inside = []) {
  const name = nameOf(genotype, letters, room, inside);
  if (!cache.has(name)) keep(name, place(genotype, letters, rowOf(genotype, room), inside));
  return cache.get(name);
}

/** Whether `placed` knows already where all goes: else it takes a while. */
export function isPlaced(genotype, letters, room, inside = []) {
  return cache.has(nameOf(genotype, letters, room, inside));
}

/**
 * Let the worker find out what `placed` then knows; without one, each is found out in a task of
 * its own.
 *
 * @returns {Promise<void>}   rejected if it cannot be placed
 */
export function placeAside(genotype, letters, room, inside = []) {
  const name = nameOf(genotype, letters, room, inside);
  if (!asked.has(name)) {
    const { states, edges } = genotype;
    const bare = {
      states: states.map((state) => ({ name: state.name, kind: state.kind })),
      edges: edges.map(({ from, to }) => ({ from, to })),
    };
    const given = [bare, letters, rowOf(genotype, room), inside];
    const here = () => turn().then(() => place(...given));
    const answer = ask({ place: given }).catch(here).then((found) => keep(name, found))
      .finally(() => asked.delete(name));
    asked.set(name, answer);
  }
  return asked.get(name);
}

function keep(name, found) {
  if (!cache.has(name) && cache.size >= KEPT) cache.delete(cache.keys().next().value);
  cache.set(name, found);
}

/** How wide rows are; 0 for what is drawn in layers. */
const rowOf = (genotype, room) => (isChain(genotype) ? Math.round(room / 50) * 50 : 0);

function nameOf(genotype, letters, room, inside) {
  const { states, edges } = genotype;
  return JSON.stringify([
    rowOf(genotype, room), states.map((state, at) => [state.name, state.kind, inside[at]]),
    edges.map(({ from, to }, number) => [from, to, letters[number]]),
  ]);
}
