/**
 * A graph to look at, with nothing beside it: for views that draw one among other things.
 *
 *     const alone = useMemo(() => chosenOnly(model, choice), [model, choice]);
 *     html`<${GraphDrawing} model=${alone} label="The network" />`
 *
 * It fills the element around it, which needs a height.
 */

import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { spoken } from "./details.js";
import { canOpen } from "./items.js";
import { openAll, toggled } from "./open.js";
import { useGraph } from "./use_graph.js";
import { GraphCanvas } from "./view.js";

const AT_FIRST = 120; // boxes: what is opened without being asked for
const NOTHING = { strengthOf: () => null, chosen: false, threshold: 0, shapes: false };

/**
 * @param {object} props
 * @param {object} props.model   a GraphModel
 * @param {string} props.label   what is drawn, for people who hear the page
 * @param {object} [props.look]  as that of GraphCanvas
 * @param {{current: object}} [props.drawn]   is given {scene, look}, as svgText takes them
 */
export function GraphDrawing({ model, label, look = NOTHING, drawn }) {
  const [open, setOpen] = useState({ model: null, boxes: null });
  const [selected, select] = useState(null);
  const api = useRef(null);
  const boxes = open.model === model ? open.boxes : null;
  const wish = useMemo(() => ({ open: boxes, plumbing: true, shapes: look.shapes }),
    [boxes, look.shapes]);
  const graph = useGraph(model, wish);
  const { plan, scene } = graph;
  useEffect(() => select(null), [model]);
  useEffect(() => {
    if (plan && boxes === null) setOpen({ model, boxes: openAll(plan, AT_FIRST) });
  }, [plan, boxes, model]);
  if (drawn) drawn.current = scene && { scene, look };
  const toggle = (item) => {
    if (!plan || !boxes || !canOpen(plan, item)) return;
    api.current?.anchor(item);
    setOpen({ model, boxes: toggled(boxes, item) });
  };
  const said = selected !== null && scene && selected < plan.parent.length
    ? spoken(model, plan, selected, boxes ?? new Set(), look.strengthOf) : "";
  return html`<${GraphCanvas} graph=${graph} look=${look} selected=${selected} api=${api}
    onSelect=${select} onToggle=${toggle} label=${label} spoken=${said} />`;
}
