/** The layout's worker: it is given a plan once, then requests, and answers with layouts. */

import { buffersOf, layoutOf } from "./layout.js";

const plans = new Map(); // by the number that the page gave: {plan, cache}

addEventListener("message", ({ data }) => {
  const { id, number } = data;
  if (data.plan) plans.set(id, { plan: data.plan, cache: new Map() });
  if (data.forget) plans.delete(id);
  if (!data.request) return;
  try {
    const { plan, cache } = plans.get(id);
    const layout = layoutOf(plan, data.request, cache);
    postMessage({ id, number, layout }, buffersOf(layout));
  } catch (error) {
    postMessage({ id, number, problem: String(error?.message ?? error) });
  }
});
