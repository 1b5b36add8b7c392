/** The heat map: a row a key, and below it one a candidate; only rows in sight exist. */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../html.js";
import { columnsOf, numberAt, xOf } from "./axis.js";
import { Head } from "./heathead.js";
import { useSize } from "./hooks.js";
import { numberShown } from "./moves.js";
import { lookup, pixelOf } from "./paint.js";
import { scrolledTo, windowOf } from "./rows.js";
import { CandidateRow, KeyRow } from "./heatrows.js";

export const ROW = 18; // height in pixels
const SPARK = 64; // width of the lines of entropy

/**
 * @param {object} props
 * @param {object} props.analysis
 * @param {object[]} props.rows
 * @param {(key: string) => string[]} props.names
 * @param {{top: number, tall: boolean, theme: object}} props.look
 * @param {{by: string, down: boolean}} props.sorting
 * @param {object} props.actions   {sort, toggle, select, moveTo, moveBy, point}
 */
export function HeatMap(props) {
  const { store, analysis, rows, look, sorting, actions, closed } = props;
  const { log } = analysis;
  const [axis, { width }] = useSize();
  const [scroller, size] = useSize();
  const [top, setTop] = useState(() => store.get().choices?.top ?? 0);
  const [active, setActive] = useState(null);
  const painting = usePainting(log, width, look);
  const at = Math.max(0, rows.findIndex((row) => row.id === active));
  const seen = { top, height: size.height, rowHeight: ROW, total: rows.length };
  const go = (to) => {
    const place = Math.min(rows.length - 1, Math.max(0, to));
    scroller.current.scrollTop = scrolledTo(place, { ...seen, top: scroller.current.scrollTop });
    setTop(scroller.current.scrollTop);
    setActive(rows[place].id);
    actions.point({ row: rows[place] });
    return true;
  };
  useKeptScroll(scroller, store, (start) => {
    const place = rows.findIndex((row) => row.key === store.get().selected);
    if (place < 0) return start;
    setActive(rows[place].id);
    return scrolledTo(place, { ...seen, top: start, height: scroller.current.clientHeight });
  }, setTop);
  const focus = useFocus(scroller, active);
  const keys = (event) => {
    if (!rows.length || !event.target.matches("[role=row]")) return;
    if (!obey(event, { rows, at, go, page: Math.floor(size.height / ROW) - 1, actions, closed })) {
      return;
    }
    focus();
    event.preventDefault();
  };
  const reach = pointing({ rows, log, width, scroller, axis });
  return html`
    <div class="heat" role="treegrid" aria-label="Choices over time" aria-colcount="5"
      aria-rowcount=${rows.length + 1} onKeyDown=${keys}>
      <${Head} axis=${axis} log=${log} width=${width} sorting=${sorting} sort=${actions.sort} />
      <div class="heat-scroll" role="rowgroup" ref=${scroller}
        onScroll=${(event) => setTop(event.currentTarget.scrollTop)}
        onPointerMove=${(event) => actions.point(reach(event))}
        onPointerLeave=${() => actions.point(null)}
        onClick=${(event) => clicked(reach(event), { actions, setActive })}>
        <div class="heat-rows" role="presentation" style=${{ height: `${rows.length * ROW}px` }}>
          ${shownPlaces(seen, at).map((place) => html`
            <${rows[place].slot < 0 ? KeyRow : CandidateRow} key=${rows[place].id} ...${props}
              row=${rows[place]} place=${place} active=${place === at} painting=${painting}
              spark=${painting.spark} />`)}
          <${Cursor} store=${store} log=${log} width=${width} />
        </div>
      </div>
    </div>
  `;
}

/** Places of the rows in sight, and of the one that has the focus, wherever it is. */
function shownPlaces(seen, active) {
  const { from, to } = windowOf(seen);
  const places = Array.from({ length: to - from }, (_, at) => from + at);
  if (active < seen.total && (active < from || active >= to)) places.push(active);
  return places;
}

/** One object while rows look the same. */
function usePainting(log, width, { top, tall, theme }) {
  const colors = useMemo(lookup, []);
  return useMemo(() => {
    const ratio = devicePixelRatio;
    return {
      columns: columnsOf(log.index, log.count, Math.round(width * ratio)),
      spark: columnsOf(log.index, log.count, Math.round(SPARK * ratio)),
      height: Math.round((ROW - 1) * ratio), colors, top, tall, theme,
      rest: pixelOf(theme.paper),
    };
  }, [log, width, top, tall, theme]);
}

/** Where the rows were scrolled to, for when the view is shown again; the key selected is seen. */
function useKeptScroll(scroller, store, adjusted, setTop) {
  useLayoutEffect(() => {
    const element = scroller.current;
    element.scrollTop = adjusted(store.get().choices?.top ?? 0);
    setTop(element.scrollTop);
    return () => store.set(({ choices }) => ({ choices: { ...choices, top: element.scrollTop } }));
  }, []);
}

/** A function after which the active row gets the focus, as soon as it is there. */
function useFocus(scroller, active) {
  const wanted = useRef(false);
  useEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    scroller.current.querySelector("[role=row][tabindex='0']")?.focus({ preventScroll: true });
  }, [active]);
  return () => {
    wanted.current = true;
  };
}

/** Do what a key asks for; whether it asked for anything. */
function obey(event, { rows, at, go, page, actions, closed }) {
  const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
  if (altKey || ctrlKey || metaKey) return false;
  const row = rows[at];
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (sideways && shiftKey) return actions.moveBy(sideways);
  if (sideways) return fold(sideways, { row, rows, at, go, actions, closed });
  if (key === "Enter" || key === " ") return actions.select(row.key);
  const to = {
    ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0,
    End: rows.length - 1,
  }[key];
  return to === undefined ? false : go(to);
}

/** Left closes a key or goes to it, right opens it or goes into it. */
function fold(sideways, { row, rows, at, go, actions, closed }) {
  const open = !closed.has(row.key);
  if (row.slot >= 0) {
    return sideways < 0 ? go(rows.findIndex((one) => one.key === row.key)) : true;
  }
  if ((sideways > 0) !== open) return actions.toggle(row.key);
  return sideways > 0 && rows[at + 1]?.key === row.key ? go(at + 1) : true;
}

/** From an event to the row below the pointer, and to the number of the record on the map. */
function pointing({ rows, log, width, scroller, axis }) {
  return (event) => {
    const box = scroller.current.getBoundingClientRect();
    const y = event.clientY - box.top + scroller.current.scrollTop;
    const row = rows[Math.floor(y / ROW)];
    const x = event.clientX - axis.current.getBoundingClientRect().left;
    const on = x >= 0 && x < width;
    return row ? { row, number: on ? numberAt(x, log.count, width) : null } : null;
  };
}

function clicked(found, { actions, setActive }) {
  if (!found) return;
  setActive(found.row.id);
  if (found.number === null) actions.select(found.row.key);
  else actions.moveTo(found.number);
}

/** The record that is shown, as a line over all rows. */
function Cursor({ store, log, width }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const place = () => {
      ref.current.style.left = `${xOf(Math.max(0, numberShown(store.get())), log.count, width)}px`;
    };
    place();
    return store.subscribe(place);
  }, [store, log, width]);
  return html`<div class="heat-over" role="presentation"><div class="heat-cursor"
    ref=${ref}></div></div>`;
}
