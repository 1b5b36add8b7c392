/** Which boxes are in sight: what is in open boxes, to limits that keep the page alive. */

import { childrenOf } from "./items.js";

const LIMITS = { inScope: 1200, inAll: 40000, depth: 200 };

/** Which items are boxes now, in drawing order, and which box stands for each item. */
export function inSight(plan, request) {
  const { modules, nodes, parent } = plan;
  const gone = goneItems(plan, request.hidden);
  const stands = new Int32Array(modules * 2 + nodes).fill(-1);
  const scopes = [];
  const items = new Map();
  const more = new Map();
  let total = 0;
  let unshown = 0;
  if (modules) stands[0] = 0;
  const queue = modules ? [0] : [];
  for (let at = 0; at < queue.length; at += 1) {
    const scope = queue[at];
    const all = [];
    let left = 0;
    for (const item of childrenOf(plan, scope)) {
      if (gone[item]) continue;
      if (all.length < LIMITS.inScope) all.push(item);
      else left += 1;
    }
    if (scope !== 0 && total + all.length > LIMITS.inAll) {
      unshown += all.length + left; // stays closed: there is too much in sight
      continue;
    }
    scopes.push(scope);
    for (const item of all) {
      stands[item] = item;
      const opens = item < modules && request.open[item] && plan.depth[item] < LIMITS.depth;
      if (opens && plan.childStart[item + 1] > plan.childStart[item]) queue.push(item);
    }
    if (left) {
      const rest = modules + nodes + scope;
      stands[rest] = rest;
      all.push(rest);
      more.set(rest, left);
    }
    items.set(scope, all);
    total += all.length;
  }
  const order = new Map(scopes.map((scope, at) => [scope, at]));
  const standsFor = (item) => {
    let at = item;
    while (at >= 0 && stands[at] < 0) {
      const outer = parent[at];
      if (outer >= 0 && order.has(outer) && !gone[at]) {
        const rest = modules + nodes + outer;
        return (stands[at] = stands[rest]);
      }
      at = outer;
    }
    return at < 0 ? -1 : (stands[item] = stands[at]);
  };
  return { gone, scopes, items, more, standsFor, order, unshown };
}

/** Items of which all nodes are left out. */
function goneItems(plan, hidden) {
  const gone = new Uint8Array(plan.modules + plan.nodes);
  const left = new Uint8Array(plan.modules + plan.nodes);
  for (let node = 0; node < plan.nodes; node += 1) {
    const item = plan.itemOf[node];
    if (item < 0) continue;
    if (hidden[node]) gone[item] = 1;
    else left[item] = 1;
  }
  for (let item = 0; item < gone.length; item += 1) if (left[item]) gone[item] = 0;
  return gone;
}
