/** The graph as a tree of rows: what the canvas shows, for keyboards and for those who hear it. */

import { scale } from "../colors.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../html.js";
import { outline } from "./open.js";
import { candidateName, choiceOf, moduleOf, nameOf } from "./items.js";
import { strengthText } from "./bars.js";
import { hiddenTest } from "./scene.js";
import { strongest } from "../store.js";

const ROW = 24; // pixels
const BEYOND = 8; // rows above and below those in sight

export function Outline({ model, graph, open, look, selected, onSelect, onToggle }) {
  const { plan, isGone, scene } = graph;
  const list = useRef(null);
  const [top, setTop] = useState(0);
  const [tall, setTall] = useState(600);
  const isHidden = useMemo(() => hiddenTest({ model, plan }, look), [model, plan, look]);
  const rows = useMemo(() => outline(plan, open, (item) => isGone(item) || isHidden(item)),
    [plan, open, isGone, isHidden]);
  const at = useMemo(() => rows.findIndex(({ item }) => item === selected), [rows, selected]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setTall(list.current.clientHeight));
    observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (at < 0) return;
    const { scrollTop, clientHeight } = list.current;
    if (at * ROW < scrollTop) list.current.scrollTop = at * ROW - ROW;
    else if ((at + 1) * ROW > scrollTop + clientHeight) {
      list.current.scrollTop = (at + 2) * ROW - clientHeight;
    }
  }, [at]);
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + tall) / ROW) + BEYOND);
  const drawn = rows.slice(first, last);
  // what is read aloud has to be there, also while it is out of sight
  const away = at >= 0 && (at < first || at >= last) ? [[rows[at], at]] : [];
  const keys = (event) => {
    const next = step(event.key, rows, at, open, onToggle);
    if (next === undefined) return;
    if (next !== null) onSelect(rows[next].item);
    event.preventDefault();
    event.stopPropagation();
  };
  return html`
    <div class="outline" role="tree" aria-label="Modules" tabindex="0" ref=${list}
      aria-activedescendant=${at >= 0 ? `outline-${rows[at].item}` : null}
      onKeyDown=${keys} onScroll=${(event) => setTop(event.currentTarget.scrollTop)}>
      <div class="outline-all" role="presentation" style=${{ height: `${rows.length * ROW}px` }}>
        ${[...drawn.map((row, i) => [row, first + i]), ...away].map(([row, number]) => html`
          <${Row} key=${row.item} row=${row} number=${number} scene=${scene} model=${model}
            plan=${plan} open=${open} look=${look} selected=${row.item === selected}
            onSelect=${onSelect} onToggle=${onToggle} />
        `)}
      </div>
    </div>
  `;
}

/** The row that a key leads to; null: it is dealt with; undefined: it means nothing here. */
function step(key, rows, at, open, onToggle) {
  const row = rows[at];
  const isOpen = row?.opens && open.has(row.item);
  if (key === "ArrowDown") return Math.min(rows.length - 1, at + 1);
  if (key === "ArrowUp") return Math.max(0, at - 1);
  if (key === "Home") return 0;
  if (key === "End") return rows.length - 1;
  if (!row) return undefined;
  if (key === "ArrowRight" && row.opens) {
    if (isOpen) return Math.min(rows.length - 1, at + 1);
    onToggle(row.item);
    return null;
  }
  if (key === "ArrowLeft") {
    if (isOpen) {
      onToggle(row.item);
      return null;
    }
    for (let i = at - 1; i >= 0; i -= 1) if (rows[i].level < row.level) return i;
    return null;
  }
  if ((key === "Enter" || key === " ") && row.opens) {
    onToggle(row.item);
    return null;
  }
  return undefined;
}

function Row({ row, number, scene, model, plan, open, look, selected, onSelect, onToggle }) {
  const { item, level, place, of, opens } = row;
  const module = moduleOf(model, item);
  const name = plan.slot[item] >= 0 ? candidateName(model, module)
    : scene?.labels.get(item) ?? nameOf(plan, model, item);
  const typed = module && module.type !== name && !choiceOf(model, item);
  const mark = (event) => {
    event.stopPropagation();
    onToggle(item);
  };
  return html`
    <div class="outline-row" role="treeitem" id=${`outline-${item}`} aria-level=${level}
      aria-posinset=${place} aria-setsize=${of} aria-selected=${String(selected)}
      aria-expanded=${opens ? String(open.has(item)) : null}
      style=${{ top: `${number * ROW}px`, paddingLeft: `${4 + 13 * Math.min(level - 1, 12)}px` }}
      onClick=${() => onSelect(item)} onDblClick=${opens ? mark : null}>
      <span class="outline-mark" aria-hidden="true" onClick=${opens ? mark : null}>
        ${opens ? (open.has(item) ? "▾" : "▸") : ""}</span>
      <span class="outline-name">${name}</span>
      ${typed && html`<span class="faint outline-type">${module.type}</span>`}
      <${Strength} model=${model} plan=${plan} item=${item} look=${look} module=${module} />
    </div>
  `;
}

/** Of a candidate its strength, of a choice the strongest. */
function Strength({ model, plan, item, look, module }) {
  const { strengthOf, chosen } = look;
  if (plan.slot[item] >= 0) {
    const { key, slot } = module.candidate;
    const value = strengthOf(key)?.[slot];
    return html`<span class="outline-bar" aria-hidden="true"><span style=${{
      width: `${Math.min(1, Math.max(0, value || 0)) * 100}%`, background: scale(value),
    }}></span></span><span class="outline-number">${strengthText(value, chosen)}</span>`;
  }
  const choice = choiceOf(model, item);
  const values = choice && strengthOf(choice.key);
  if (!values?.length) return null;
  const best = strongest(values);
  const { names } = model.choices[choice.key];
  return html`<span class="outline-best">${names[best] || `#${best}`}
    ${" "}${chosen ? "" : strengthText(values[best], false)}</span>`;
}
