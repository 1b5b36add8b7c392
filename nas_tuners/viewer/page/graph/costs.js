/** What an architecture costs, by the numbers of the supernet's graph. */

import { own } from "../keyed.js";

/**
 * @typedef {object} Costs
 * @property {number} parameters
 * @property {number|null} flops     null where the model did not run
 * @property {boolean} asRecorded    choices of values change sizes, which a graph cannot tell: the
 *   numbers are those of the values that it was recorded with
 * @property {boolean} seesChosen    the model is told what is chosen, and may run something else
 *   for it than in the run that was recorded, which the numbers are of
 */

/**
 * The costs of what the output of a model depends on under a choice. Candidates that are not
 * chosen do not count, nor what leads only to them or to inputs that are not chosen.
 *
 * @param {object} model    a GraphModel
 * @param {{[key: string]: number[]}} choice   keys that are missing keep all their candidates
 * @returns {Costs}
 */
export function costs(model, choice) {
  const live = liveNodes(model, choice);
  const gone = goneModules(model, choice, live);
  const total = model.json.parameters ?? model.modules[0]?.params ?? 0;
  let parameters = total;
  gone.forEach((module) => { parameters -= ownParameters(model, module); });
  return {
    parameters: Math.max(0, parameters),
    flops: live ? [...live].reduce((sum, node) => sum + (model.nodes[node].flops ?? 0), 0) : null,
    asRecorded: Object.values(model.choices).some(changesSizes),
    seesChosen: Object.values(model.choices).some((one) => one.return_mask === true),
  };
}

/** Whether a choice is of values, and not only of how many layers run: those are slots. */
function changesSizes({ kind, names, places }) {
  const isDepth = places.length > 0 && places.every(({ slots }) => slots?.length);
  return kind === "value" && names.length > 1 && !isDepth;
}

/** Nodes that the output depends on; null where the model has none. */
function liveNodes(model, choice) {
  const ends = model.nodes.filter(({ kind }) => kind === "output").map(({ index }) => index);
  if (!model.nodes.length) return null;
  const sinks = model.nodes.map(({ index }) => index)
    .filter((index) => !model.outOf[index].length);
  const open = ends.length ? ends : sinks;
  const live = new Set(open);
  while (open.length) {
    const node = open.pop();
    const { key } = model.nodes[node];
    for (const number of model.into[node]) {
      const [from, , slot] = model.edges[number];
      const isLeft = slot !== undefined && leaves(choice, key, slot);
      if (isLeft || live.has(from)) continue;
      live.add(from);
      open.push(from);
    }
  }
  return live;
}

/** Whether a choice decides a key, and not for a candidate. */
function leaves(choice, key, slot) {
  const chosen = own(choice, key);
  return chosen !== undefined && !chosen.includes(slot);
}

/** Modules that are not a part of the architecture. */
function goneModules(model, choice, live) {
  const isRun = model.modules.map(() => false); // whether anything in it ran in the supernet
  const isLive = model.modules.map(() => false);
  for (let at = model.modules.length - 1; at >= 0; at -= 1) {
    const { nodes, parent } = model.modules[at];
    isRun[at] ||= nodes.length > 0;
    isLive[at] ||= live !== null && nodes.some((node) => live.has(node));
    if (parent === null) continue;
    isRun[parent] ||= isRun[at];
    isLive[parent] ||= isLive[at];
  }
  const gone = new Set();
  for (const { index, parent, candidate } of model.modules) {
    const isLeft = candidate && leaves(choice, candidate.key, candidate.slot);
    if (gone.has(parent) || isLeft || (isRun[index] && !isLive[index])) gone.add(index);
  }
  return gone;
}

function ownParameters({ modules }, index) {
  const inside = modules[index].children.reduce((sum, child) => sum + modules[child].params, 0);
  return Math.max(0, modules[index].params - inside);
}
