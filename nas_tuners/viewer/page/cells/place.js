/** Sizes of what a cell's drawing shows, and where it all goes. */

import { layered, pathOf, wrapped } from "../graph/layers.js";

const LETTER = 6.7; // width of a letter at the size of labels
const LINE = 17; // height of a label
const PORT = 8.5; // between the ends of links at a state
const ARROW = 8;

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
 * Where the states and edges of a genotype go.
 *
 * @param {object} genotype
 * @param {number[]} letters   of the label of each edge; 0: none
 * @param {number} row         the width of the rows of a chain; 0: it is drawn in layers
 * @param {number[]} inside    letters of the operation that is written in each state; 0: none
 */
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
