/** One cell with its name, where it occurs, and its drawing. */

import { genotype, reducedTo } from "../graph/genotype.js";
import { valueCells } from "../graph/value_cells.js";
import { html, useEffect, useReducer, useRef, useState } from "../html.js";
import { CellDrawing, useWidth } from "./drawing.js";
import { lettersOf, lettersOfState, lookOf, textOfState } from "./look.js";
import { isPlaced, placeAside } from "./placed.js";
import { download, svgText } from "./svg_file.js";

/** Edges of drawings that are still read as such. */
const MOST = 500;

/** Types that say nothing of what they hold. */
const PLAIN = /^(Sequential|ModuleList|ModuleDict) /;

const made = new WeakMap();

/** What is drawn of a graph, {cell, genotype}, made once. */
export function drawingsOf(model) {
  if (!made.has(model)) {
    const cells = model.cells.map((cell) => ({ cell, genotype: genotype(model, cell) }));
    cells.sort((a, b) => a.cell.instances[0] - b.cell.instances[0]);
    made.set(model, [...cells, ...valueCells(model)]);
  }
  return made.get(model);
}

/** Keys of a graph that no drawing shows, or not with all their candidates. */
export function keysBeside(model) {
  const drawings = drawingsOf(model);
  const inCells = new Set(drawings.flatMap(({ cell }) => cell.keys));
  const beside = drawings.flatMap((one) => (isDrawn(one) ? one.genotype.rest : one.cell.keys));
  return [...new Set([...beside, ...model.keys.filter((key) => !inCells.has(key))])];
}

export const isDrawn = ({ genotype: { states, edges } }) =>
  states.length > 1 && edges.length > 0 && edges.length <= MOST;

/** "6 of 8 cells", and their paths. */
export function occurrence(model, { module, instances }) {
  const { type } = model.modules[module];
  const all = model.modules.filter((one) => one.type === type).length;
  return { count: instances.length, all, paths: instances.map((one) => model.modules[one].path) };
}

/**
 * @param {object} given
 * @param {object} given.model
 * @param {number} given.number      of the cell
 * @param {(key: string) => number[]|null} given.strengthOf
 * @param {{[key: string]: number[]}|null} given.choice   what is or would be chosen
 * @param {boolean} given.only       draw nothing but the choice
 * @param {boolean} given.exact      there are no weights, only the choice
 * @param {number} given.threshold
 * @param {(edge: object) => boolean} [given.differs]
 * @param {string} [given.title]
 */
export function CellPanel(given) {
  const { model, number, strengthOf, choice, only, exact, threshold, selected } = given;
  const { cell, genotype: full } = drawingsOf(model)[number];
  const wanted = only && choice ? reducedTo(full, choice) : full;
  const [body, room] = useWidth(900);
  const options = { choice: only ? choice : null, threshold, exact };
  const shown = usePlaced(wanted, room, (one) => ({
    letters: one.edges.map((edge) => lettersOf(model, edge, exact) +
      (given.differs && edge.op ? 3 : 0)),
    inside: one.states.map((state) => lettersOfState(model, state, exact)),
  }));
  const look = (edge) => {
    const found = lookOf(model, edge, strengthOf, options);
    return given.differs?.(edge) ? { ...found, mark: "≠" } : found;
  };
  const called = cell.name.replace(PLAIN, "");
  const name = [called, given.title].filter(Boolean).join(" of ");
  const save = () => {
    download(`${name}.svg`, svgText(body.current.querySelector("svg")), "image/svg+xml");
  };
  return html`
    <section class="cell-panel panel" aria-label=${`Cell ${name}`}>
      <header>
        <h2>${called}</h2>
        <${Occurrence} model=${model} cell=${cell} />
        <span class="space"></span>
        ${shown && html`<button onClick=${save}>SVG
          <span class="hidden-text"> of ${name}</span></button>`}
      </header>
      <div class="cell-body" ref=${body}>
        ${shown && html`<${CellDrawing} label=${`Drawing of the cell ${name}`}
          genotype=${shown.genotype} letters=${shown.letters} room=${room}
          looks=${shown.genotype.edges.map(look)}
          inside=${{
            letters: shown.inside,
            texts: shown.genotype.states.map(
              (state) => textOfState(model, state, strengthOf, options)),
          }}
          selected=${selected}
          onPoint=${(edge) => given.onPoint(edge && { edge, genotype: shown.genotype })}
          onPick=${(edge) => given.onPick({ edge, genotype: shown.genotype })} />`}
      </div>
    </section>
  `;
}

function Occurrence({ model, cell }) {
  if (cell.module === null) return null;
  const { count, all, paths } = occurrence(model, cell);
  const { type } = model.modules[cell.module];
  if (all < 2 || PLAIN.test(`${type} `)) return html`<span class="faint">once</span>`;
  return html`
    <details class="cell-occurrence">
      <summary>${count} of ${all} ${type}</summary>
      <p>${paths.slice(0, 100).join(", ")}${paths.length > 100 && ", …"}</p>
    </details>
  `;
}

/**
 * What can be drawn: what is wanted, once it is known where it goes. Until that has been found out
 * by the worker, what was drawn before stays.
 */
function usePlaced(wanted, room, sizesOf) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const [failed, fail] = useState(null);
  if (failed) throw failed.error;
  const last = useRef(null);
  const { letters, inside } = sizesOf(wanted);
  const isReady = isPlaced(wanted, letters, room, inside);
  useEffect(() => {
    if (isReady) return undefined;
    let stays = true;
    placeAside(wanted, letters, room, inside)
      .then(() => stays && redraw(), (error) => stays && fail({ error }));
    return () => {
      stays = false;
    };
  });
  if (isReady) last.current = { genotype: wanted, letters, inside };
  const { current } = last;
  return current && isPlaced(current.genotype, current.letters, room, current.inside) ? current
    : null;
}
