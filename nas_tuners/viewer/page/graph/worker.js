/**
 * The worker: it is given the plan of a graph once, then requests for its layout; or a cell, to
 * be placed. It answers each with what was asked for, or with what went wrong.
 */

import { place } from "../cells/place.js";
import { buffersOf, layoutOf } from "./layout.js";

const plans = new Map(); // by the number that the page gave: {plan, cache}

addEventListener("message", ({ data }) => {
  const { id, number } = data;
  if (data.plan) plans.set(id, { plan: data.plan, cache: new Map() });
  if (data.forget) plans.delete(id);
  try {
    if (data.place) postMessage({ id, answer: place(...data.place) });
    if (!data.request) return;
    const { plan, cache } = plans.get(id);
    const layout = layoutOf(plan, data.request, cache);
    postMessage({ id, number, layout }, buffersOf(layout));
  } catch (error) {
    postMessage({ id, number, problem: String(error?.message ?? error) });
  }
});
