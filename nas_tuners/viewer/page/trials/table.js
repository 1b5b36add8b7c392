/**
 * The table of all trials. Of ten thousand rows only those in sight exist; to the keyboard and to
 * screen readers it is one grid.
 */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../html.js";

const ROW = 26; // pixels
const SPARE = 6; // rows drawn above and below what is in sight

/**
 * @param {object} props
 * @param {import("./columns.js").Column[]} props.columns
 * @param {number[]} props.order      places of the rows, in order
 * @param {number[]} props.numbers    of the trials, by place
 * @param {{id: string, descending: boolean}} props.sort
 * @param {number|null} props.selected   the number of a trial
 */
export function Table({ columns, order, numbers, sort, onSort, selected, onSelect }) {
  const grid = useRef(null);
  const [view, setView] = useState({ top: 0, left: 0, width: 600, height: 400 });
  const [cell, setCell] = useState({ row: -1, column: 0 }); // row -1: the header
  const offsets = useMemo(() => offsetsOf(columns), [columns]);
  useView(grid, setView);
  useAnchor(grid, order, numbers);

  const first = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const last = Math.min(order.length, Math.ceil((view.top + view.height) / ROW) + SPARE);
  const across = columnsInSight(columns, offsets, view);
  const total = offsets[columns.length];
  const row = Math.min(cell.row, order.length - 1);
  const column = Math.min(cell.column, columns.length - 1);

  useEffect(() => reveal(grid.current, row, column, offsets), [row, column]);

  const keys = (event) => {
    const page = Math.max(1, Math.floor((view.height - ROW) / ROW) - 1);
    const next = moved({ row, column }, event, order.length, columns.length, page);
    if (next) {
      setCell(next);
    } else if (event.key === "Enter" || event.key === " ") {
      if (row < 0) onSort(columns[column].id);
      else onSelect(numbers[order[row]]);
    } else {
      return;
    }
    event.preventDefault();
  };
  const sorted = ({ id }) => {
    if (id !== sort.id) return "none";
    return sort.descending ? "descending" : "ascending";
  };
  return html`
    <div class="grid" role="grid" tabindex="0" ref=${grid} onKeyDown=${keys}
      aria-label="Trials" aria-rowcount=${order.length + 1} aria-colcount=${columns.length}
      aria-activedescendant=${`cell-${row}-${column}`}>
      <div class="rows" role="rowgroup"
        style=${{ height: `${(order.length + 1) * ROW}px`, width: `${total}px` }}>
        <div class="row head" role="row" aria-rowindex="1" style=${{ width: `${total}px` }}>
          ${across.map((c) => html`
            <div key=${columns[c].id} id=${`cell--1-${c}`} role="columnheader"
              class=${classOf(columns[c], c, row === -1 && column === c)}
              aria-colindex=${c + 1} aria-sort=${sorted(columns[c])} title=${columns[c].id}
              style=${cellStyle(columns[c], c, offsets)}
              onClick=${() => { setCell({ row: -1, column: c }); onSort(columns[c].id); }}>
              <span class="name">${columns[c].id}</span>
              <span class="arrow" aria-hidden="true">${ARROWS[sorted(columns[c])]}</span>
            </div>`)}
        </div>
        ${order.slice(first, last).map((place, i) => {
          const index = first + i;
          const number = numbers[place];
          return html`
            <div key=${number} class=${number === selected ? "row chosen" : "row"} role="row"
              aria-rowindex=${index + 2} aria-selected=${String(number === selected)}
              style=${{ transform: `translateY(${(index + 1) * ROW}px)`, width: `${total}px` }}
              onClick=${(event) => {
                setCell({ row: index, column: columnOf(event) ?? column });
                onSelect(number);
              }}>
              ${across.map((c) => html`
                <${Cell} key=${columns[c].id} column=${columns[c]} place=${place}
                  id=${`cell-${index}-${c}`} index=${c} left=${offsets[c]}
                  active=${row === index && column === c} />`)}
            </div>`;
        })}
      </div>
    </div>`;
}

const ARROWS = { none: "", ascending: "▲", descending: "▼" };

function Cell({ column, place, id, index, left, active }) {
  const text = column.text(place);
  const badge = column.kind === "state" ? ` state-${column.raw(place)}` : "";
  return html`
    <div id=${id} role="gridcell" aria-colindex=${index + 1} data-column=${index}
      class=${classOf(column, index, active)} title=${text}
      style=${{ width: `${column.width}px`, left: index === 0 ? 0 : `${left}px` }}>
      ${badge ? html`<span class=${`badge${badge}`}>${text}</span>` : text}
    </div>`;
}

function classOf(column, index, active) {
  const kinds = ["cell", column.numeric ? "number" : "", index === 0 ? "first" : ""];
  return [...kinds, active ? "active" : ""].filter(Boolean).join(" ");
}

function cellStyle(column, index, offsets) {
  return { width: `${column.width}px`, left: index === 0 ? 0 : `${offsets[index]}px` };
}

function columnOf(event) {
  const cell = event.target.closest("[data-column]");
  return cell ? Number(cell.dataset.column) : null;
}

/** Where each column begins, and where the last one ends. */
export function offsetsOf(columns) {
  const offsets = [0];
  for (const { width } of columns) offsets.push(offsets[offsets.length - 1] + width);
  return offsets;
}

/** The first column, which stays, and those in sight. */
export function columnsInSight(columns, offsets, { left, width }) {
  const found = [];
  for (let c = 0; c < columns.length; c += 1) {
    const seen = offsets[c + 1] > left - 100 && offsets[c] < left + width + 100;
    if (c === 0 || seen) found.push(c);
  }
  return found;
}

/** The cell that a key leads to; null for other keys. */
export function moved({ row, column }, { key, ctrlKey }, rows, columns, page) {
  const to = (r, c) => ({
    row: Math.min(rows - 1, Math.max(-1, r)), column: Math.min(columns - 1, Math.max(0, c)),
  });
  switch (key) {
    case "ArrowDown": return to(row + 1, column);
    case "ArrowUp": return to(row - 1, column);
    case "ArrowRight": return to(row, column + 1);
    case "ArrowLeft": return to(row, column - 1);
    case "PageDown": return to(row + page, column);
    case "PageUp": return to(row - page, column);
    case "Home": return ctrlKey ? to(0, 0) : to(row, 0);
    case "End": return ctrlKey ? to(rows - 1, columns - 1) : to(row, columns - 1);
    default: return null;
  }
}

/** Follow size and scrolling, once a frame at most. */
function useView(grid, setView) {
  useLayoutEffect(() => {
    const element = grid.current;
    let asked = 0;
    const look = () => {
      asked = 0;
      const { scrollTop, scrollLeft, clientWidth, clientHeight } = element;
      setView({ top: scrollTop, left: scrollLeft, width: clientWidth, height: clientHeight });
    };
    const soon = () => {
      asked ||= requestAnimationFrame(look);
    };
    const observer = new ResizeObserver(soon);
    observer.observe(element);
    element.addEventListener("scroll", soon, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", soon);
      cancelAnimationFrame(asked);
    };
  }, []);
}

/** Rows that come or go above do not move what is being read. */
function useAnchor(grid, order, numbers) {
  const before = useRef({ order, number: null, within: 0 });
  useLayoutEffect(() => {
    const element = grid.current;
    const { number, within } = before.current;
    if (before.current.order !== order && number !== null && element.scrollTop > 0) {
      const row = order.findIndex((place) => numbers[place] === number);
      if (row >= 0) element.scrollTop = row * ROW + within;
    }
    const note = () => {
      const row = Math.floor(element.scrollTop / ROW);
      const place = order[row];
      const number = place === undefined ? null : numbers[place];
      before.current = { order, number, within: element.scrollTop - row * ROW };
    };
    note();
    element.addEventListener("scroll", note, { passive: true });
    return () => element.removeEventListener("scroll", note);
  }, [order, numbers]);
}

/** Scroll until a cell is in sight. */
function reveal(element, row, column, offsets) {
  if (document.activeElement !== element) return;
  const { clientHeight, clientWidth } = element;
  if (row >= 0) {
    const top = row * ROW;
    if (element.scrollTop > top) element.scrollTop = top;
    const bottom = (row + 2) * ROW - clientHeight;
    if (element.scrollTop < bottom) element.scrollTop = bottom;
  }
  if (column === 0) return;
  const left = offsets[column] - offsets[1];
  if (element.scrollLeft > left) element.scrollLeft = left;
  const right = offsets[column + 1] - clientWidth;
  if (element.scrollLeft < right) element.scrollLeft = right;
}
