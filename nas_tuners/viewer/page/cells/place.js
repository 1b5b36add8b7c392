/** Sizes of what a cell's drawing shows, and where it all goes. */

import { isChain } from "../graph/genotype.js";
import { layered, pathOf, wrapped } from "../graph/layers.js";
import { ask } from "../graph/the_worker.js";

const LETTER = 6.7; // width of a letter at the size of labels
const LINE = 17; // height of a label
const PORT = 8.5; // between the ends of links at a state
const ARROW = 8;
const KEPT = 64;

const cache = new Map();
const asked = new Map(); // what the worker is at, by the same names

/** How much room a label takes. */
export function labelSize(letters) {
  return { width: Math.round(letters * LETTER + 10), height: LINE };
}

/** With room for what is seen of the line, and its arrow. */
function labelRoom(letters) {
  const { width, height } = labelSize(letters);
  return { width: width + ARROW, height };
}

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

/** Let the worker find out what `placed` then knows; without one, `placed` does it itself. */
export function placeAside(genotype, letters, room, inside = []) {
  const name = nameOf(genotype, letters, room, inside);
  if (!asked.has(name)) {
    const { states, edges } = genotype;
    const bare = {
      states: states.map((state) => ({ name: state.name, kind: state.kind })),
      edges: edges.map(({ from, to }) => ({ from, to })),
    };
    const answer = ask({ place: [bare, letters, rowOf(genotype, room), inside] })
      .then((found) => keep(name, found), () => {})
      .finally(() => asked.delete(name));
    asked.set(name, answer);
  }
  return asked.get(name);
}

function keep(name, found) {
  if (cache.size >= KEPT) cache.delete(cache.keys().next().value);
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

/** The same as `placed` gives, found out anew: `row` is the width of a chain's rows, or 0. */
export function place({ states, edges }, letters, row, inside) {
  const sizes = states.map((state, at) => sizeOf(state, edges, at, inside[at]));
  const links = edges.map(({ from, to }, number) => ({
    from, to, label: letters[number] ? labelRoom(letters[number]) : null,
  }));
  const first = states.flatMap(({ kind }, at) => (kind === "input" ? [at] : []));
  const drawing = row ? wrapped(sizes, links, row) : layered(sizes, links, first);
  const { width, height } = drawing;
  const ways = row ? drawing.edges : ported(drawing, sizes, links);
  return {
    width, height,
    states: drawing.states.map((point, at) => ({ ...point, ...sizes[at] })),
    edges: ways.map((way) => ({ ...way, path: pathOf(way), end: way.points.at(-1) })),
  };
}

function sizeOf({ name, kind }, edges, at, inside) {
  if (kind === "junction") return { width: 16, height: 16 };
  const into = edges.filter(({ to }) => to === at).length;
  const out = edges.filter(({ from }) => from === at).length;
  const letters = name.replace(/[_{}]/g, "").length;
  return {
    width: inside ? labelSize(inside).width + 6 : Math.max(28, Math.round(letters * 8 + 14)),
    height: Math.max(28, Math.max(into, out) * PORT + 8),
  };
}

/** Links begin and end apart from each other, in the order in which they come. */
function ported({ states, edges }, sizes, links) {
  const ways = edges.map((way) => ({ ...way, points: way.points.map((point) => ({ ...point })) }));
  states.forEach((center, at) => {
    const { width, height } = sizes[at];
    const gap = height < 20 ? 3 : PORT;
    const spread = (numbers, end, next, x) => {
      numbers.sort((a, b) => ways[a].points.at(next).y - ways[b].points.at(next).y || a - b);
      numbers.forEach((number, place) => {
        const point = ways[number].points.at(end);
        point.x = x;
        point.y = center.y + (place - (numbers.length - 1) / 2) * gap;
      });
    };
    const all = links.map((_, number) => number);
    const straight = (number) => ways[number].points.length > 1;
    spread(all.filter((one) => links[one].to === at && straight(one)), -1, -2,
      center.x - width / 2);
    spread(all.filter((one) => links[one].from === at && straight(one)), 0, 1,
      center.x + width / 2);
  });
  return ways;
}
