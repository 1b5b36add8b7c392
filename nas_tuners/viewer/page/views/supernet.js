/** The supernet: all candidates, in boxes that open, with how strong each is. */

import { html, useCallback, useEffect, useMemo, useRef, useState } from "../html.js";
import { spoken } from "../graph/details.js";
import { inSlices } from "../graph/layouter.js";
import {
  around, itemOfSelected, openChoices, openedTo, selectedOfItem, toggled,
} from "../graph/open.js";
import { Outline } from "../graph/outline.js";
import { Panel } from "../graph/panel.js";
import { canOpen, nameOf } from "../graph/items.js";
import { findSteps, nextHit } from "../graph/search.js";
import { useGraph } from "../graph/use_graph.js";
import { GraphCanvas } from "../graph/view.js";
import { Zoom } from "../graph/zoom.js";
import { strength, useStore } from "../store.js";
import { Toolbar } from "./supernet_tools.js";

const START = {
  model: null, open: null, plumbing: true, shapes: false, threshold: 0, outline: true,
  details: true,
};

export function SupernetView({ store }) {
  const model = useStore(store, (state) => state.graph);
  const given = useStore(store, (state) => state.supernet) ?? START;
  const selectedRaw = useStore(store, (state) => state.selected);
  const mine = given.model === model ? given : { ...given, model, open: null };
  const change = (patch) => store.set((state) => {
    const now = state.supernet?.model === state.graph ? state.supernet
      : { ...START, ...state.supernet, model: state.graph, open: null };
    return { supernet: { ...now, ...patch } };
  });
  const { open, plumbing, shapes, threshold } = mine;
  const wish = useMemo(() => ({ open, plumbing, shapes }), [model, open, plumbing, shapes]);
  const graph = useGraph(model, wish);
  const { plan, scene } = graph;
  const look = useLook(store, model, threshold, shapes);
  const selected = plan ? itemOfSelected(model, plan, selectedRaw) : null;
  const api = useRef(null);
  const own = useRef(null); // what was last selected here
  const [goal, setGoal] = useState(null); // the item to bring into sight once it is there

  useEffect(() => {
    if (!plan || open) return;
    change({ open: openChoices(model, plan) });
  }, [plan, open, model]);
  useEffect(() => {
    if (!plan || !open || selectedRaw === own.current) return;
    own.current = selectedRaw; // another view has selected it: bring it into sight
    const item = itemOfSelected(model, plan, selectedRaw);
    if (item !== null) reach(item);
  }, [plan, open, selectedRaw]);
  useEffect(() => {
    if (goal !== null && scene && (api.current?.show(goal) || !graph.busy)) setGoal(null);
  }, [goal, scene, graph.busy]);

  const select = useCallback((item) => {
    if (!plan) return;
    own.current = selectedOfItem(plan, item);
    store.set({ selected: own.current });
  }, [plan]);
  const toggle = useCallback((item) => {
    if (!plan || !canOpen(plan, item)) return;
    api.current?.anchor(item);
    change({ open: toggled(store.get().supernet?.open ?? new Set(), item) });
  }, [plan]);
  const reach = useCallback((item) => {
    const { open: now } = store.get().supernet;
    if (around(plan, item).some((box) => box !== 0 && !now.has(box))) {
      change({ open: openedTo(plan, now, [item]) });
    }
    setGoal(item);
  }, [plan]);
  const go = useCallback((item) => {
    if (!plan || item < 0) return;
    select(item);
    reach(item);
  }, [plan, select, reach]);

  const search = useSearch(model, plan, selected, go);
  if (!model) return html`<p class="empty" role="status">Reading the graph …</p>`;
  if (!model.modules.length) return html`<p class="empty">This graph has no modules.</p>`;
  const said = selected === null || !open ? ""
    : spoken(model, plan, selected, open, look.strengthOf);
  return html`
    <div class="supernet">
      <${Toolbar} mine=${mine} model=${model} plan=${plan} change=${change}
        look=${look} graph=${graph} search=${search} />
      ${model.json.tier === "modules" && html`<p class="supernet-note" role="note">
        The model did not run, so this shows its modules without what flows between them.
        ${" "}${model.json.note}</p>`}
      <div class="supernet-body">
        ${mine.outline && plan && open && html`<${Outline} model=${model} graph=${graph}
          open=${open} look=${look} selected=${selected} onToggle=${toggle} onSelect=${go} />`}
        <div class="supernet-drawing">
          <${Trail} model=${model} plan=${plan} item=${selected} go=${go} select=${select} />
          <${GraphCanvas} graph=${graph} look=${look} open=${open} selected=${selected}
            marked=${search.marked} api=${api} onSelect=${select} onToggle=${toggle}
            spoken=${said} first=${firstSeen(plan, open)}
            label=${`Supernet ${model.json.model}: ${model.modules.length} modules, `
              + `${model.keys.length} choices`} />
          <${Zoom} api=${api} scene=${scene} look=${look} name=${model.json.model} />
          ${graph.busy && html`<p class="supernet-busy" role="status">Laying out …</p>`}
          ${graph.problem && html`<p class="supernet-busy problem" role="alert">
            ${graph.problem}</p>`}
        </div>
        ${mine.details && plan && html`<${Panel} model=${model} plan=${plan} item=${selected}
          look=${look} isOpen=${open?.has(selected)} onGo=${go}
          canOpen=${selected !== null && canOpen(plan, selected)}
          onToggle=${() => toggle(selected)} onClose=${() => change({ details: false })} />`}
      </div>
    </div>
  `;
}

/** What is shown first: the first open box. */
function firstSeen(plan, open) {
  if (!plan || !open?.size) return null;
  return Math.min(...[...open].filter((module) => plan.parent[module] === 0));
}

/** How things look: the same object while nothing changes that is painted. */
function useLook(store, model, threshold, shapes) {
  const record = useStore(store, (state) => state.record);
  const architecture = useStore(store, (state) => state.architecture);
  return useMemo(() => {
    const known = new Map();
    const strengthOf = (key) => {
      if (!known.has(key)) {
        const values = strength({ graph: model, record, architecture }, key);
        known.set(key, Array.isArray(values) ? values.map(Number) : null);
      }
      return known.get(key);
    };
    return {
      strengthOf, chosen: Boolean(architecture), threshold, shapes,
      told: told(architecture, record),
    };
  }, [model, record, architecture, threshold, shapes]);
}

/** Whose strengths are drawn. */
function told(architecture, record) {
  if (architecture) {
    return `${architecture.title} is shown: what it takes has a strong line, the rest a dashed `
      + "one.";
  }
  return record ? "These are those of the record that is shown." : "None are known yet.";
}

function useSearch(model, plan, selected, go) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState([]);
  useEffect(() => {
    let wanted = true;
    if (!plan) return undefined;
    if (!query.trim()) {
      setFound([]);
      return undefined;
    }
    inSlices(findSteps(model, plan, query), () => wanted).then((hits) => {
      if (wanted && hits) setFound(hits);
    });
    return () => {
      wanted = false;
    };
  }, [query, plan, model]);
  const marked = useMemo(() => (found.length ? new Set(found) : undefined), [found]);
  const next = (step) => {
    const hit = nextHit(found, selected, step);
    if (hit !== null) go(hit);
  };
  return { query, setQuery, found, marked, next, at: found.indexOf(selected) };
}

/** The boxes around what is selected, outermost first. */
function Trail({ model, plan, item, go, select }) {
  if (item === null || !plan) {
    return html`<nav class="supernet-trail" aria-label="Boxes around the selected one"><ol>
      <li aria-current="true">${model.json.model}</li></ol></nav>`;
  }
  return html`
    <nav class="supernet-trail" aria-label="Boxes around the selected one"><ol>
      ${around(plan, item).map((box) => html`<li key=${box}><button class="supernet-link"
        onClick=${() => (box === 0 ? select(null) : go(box))}>${box === 0 ? model.json.model
          : nameOf(plan, model, box)}</button></li>`)}
      <li aria-current="true">${nameOf(plan, model, item)}</li>
    </ol></nav>
  `;
}
