/** A graph made ready to be drawn, for components. */

import { useEffect, useMemo, useRef, useState } from "../html.js";
import { createLayouter, planFor } from "./layouter.js";
import { plumbing } from "./plumbing.js";
import { textWidth } from "./measure.js";

/**
 * The plan of a model and the scene of what is open; both are null until they are there.
 *
 * @param {object|null} model
 * @param {{open: Set<number>|null, plumbing: boolean, shapes: boolean}} wish   the same object
 *   while nothing changes; `plumbing`: whether it is hidden; `open` null: nothing is asked for yet
 * @returns {{plan: object|null, scene: object|null, isGone: (item: number) => boolean,
 *   hiddenCount: number, busy: boolean, problem: string}}
 */
export function useGraph(model, wish) {
  const [plan, setPlan] = useState(null);
  const [shown, setShown] = useState({ scene: null, problem: "", wish: null });
  const layouter = useRef(null);
  useEffect(() => {
    let wanted = true;
    setPlan(null);
    setShown({ scene: null, problem: "", wish: null });
    if (!model) return undefined;
    const begin = (made) => {
      if (!wanted) return;
      layouter.current = createLayouter(made);
      setPlan(made);
    };
    planFor(model).then(begin);
    return () => {
      wanted = false;
      layouter.current?.close();
      layouter.current = null;
    };
  }, [model]);
  const left = useMemo(() => leftOut(model, plan, wish.plumbing), [model, plan, wish.plumbing]);
  useEffect(() => {
    if (!plan || !wish.open || !layouter.current || plan.modules !== model.modules.length) {
      return undefined;
    }
    let wanted = true;
    const open = new Uint8Array(plan.modules);
    for (const module of wish.open) open[module] = 1;
    const { hidden, labels, widths } = left;
    layouter.current.layout({ open, hidden, widths, shapes: wish.shapes }).then((layout) => {
      if (layout && wanted) {
        setShown({ scene: { model, plan, layout, labels }, problem: "", wish });
      }
    }, (error) => wanted && setShown((old) => ({ ...old, problem: error.message, wish })));
    return () => {
      wanted = false;
    };
  }, [plan, wish, left]);
  const { scene, problem } = shown;
  return {
    plan, scene: scene?.model === model ? scene : null, isGone: left.isGone,
    hiddenCount: left.count, busy: Boolean(model) && shown.wish !== wish, problem,
  };
}

/** What a graph looks like without plumbing. */
function leftOut(model, plan, hide) {
  if (!plan || !hide || plan.modules !== model.modules.length) {
    const hidden = new Uint8Array(plan?.nodes ?? 0);
    return { hidden, labels: new Map(), widths: [], isGone: () => false, count: 0 };
  }
  const { hidden, labels } = plumbing(model, plan);
  const widths = [...labels].map(([item, text]) => [item, Math.min(260, textWidth(text) + 30)]);
  const isGone = (item) => {
    if (item >= plan.modules) return hidden[item - plan.modules] === 1;
    const calls = model.modules[item].nodes;
    return calls.length > 0 && plan.kind[item] === 1 && calls.every((node) => hidden[node]);
  };
  return { hidden, labels, widths, isGone, count: hidden.reduce((sum, one) => sum + one, 0) };
}
