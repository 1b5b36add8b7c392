/**
 * A graph to look at, with nothing beside it: for views that draw one among other things.
 *
 *     const alone = useMemo(() => chosenOnly(model, choice), [model, choice]);
 *     html`<${GraphDrawing} model=${alone} label="The network" name="network" />`
 *
 * Its class, `graph-drawing`, needs a height.
 */

import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { spoken } from "./details.js";
import { canOpen } from "./items.js";
import { openAll, toggled } from "./open.js";
import { useGraph } from "./use_graph.js";
import { GraphCanvas } from "./view.js";
import { Zoom } from "./zoom.js";

const AT_FIRST = 120; // boxes: what is opened without being asked for
const LOOK = { strengthOf: () => null, chosen: false, threshold: 0, shapes: false };

/**
 * @param {object} props
 * @param {object} props.model   a GraphModel
 * @param {string} props.label   what is drawn, for people who hear the page
 * @param {string} props.name    of the file that it can be downloaded as
 */
export function GraphDrawing({ model, label, name }) {
  const [open, setOpen] = useState({ model: null, boxes: null });
  const [selected, select] = useState(null);
  const api = useRef(null);
  const boxes = open.model === model ? open.boxes : null;
  const wish = useMemo(() => ({ open: boxes, plumbing: true, shapes: false }), [boxes]);
  const graph = useGraph(model, wish);
  const { plan, scene } = graph;
  useEffect(() => select(null), [model]);
  useEffect(() => {
    if (plan && boxes === null) setOpen({ model, boxes: openAll(plan, AT_FIRST) });
  }, [plan, boxes, model]);
  const toggle = (item) => {
    if (!plan || !boxes || !canOpen(plan, item)) return;
    api.current?.anchor(item);
    setOpen({ model, boxes: toggled(boxes, item) });
  };
  const said = selected !== null && scene && selected < plan.parent.length
    ? spoken(model, plan, selected, boxes ?? new Set(), LOOK.strengthOf) : "";
  return html`<div class="graph-drawing">
    <${GraphCanvas} graph=${graph} look=${LOOK} selected=${selected} api=${api}
      onSelect=${select} onToggle=${toggle} label=${label} spoken=${said} />
    <${Zoom} api=${api} scene=${scene} look=${LOOK} name=${name} />
    ${graph.problem && html`<p class="supernet-busy problem" role="alert">${graph.problem}</p>`}
  </div>`;
}
