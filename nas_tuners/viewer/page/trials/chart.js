/** A plot on a canvas: drawn in slices, read with the mouse, the keyboard, or as text. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { themeColors } from "../colors.js";
import { useStore } from "../store.js";
import { schedule } from "./schedule.js";

/**
 * @typedef {object} Frame   what a drawing draws on, and what it leaves for whoever points at it
 * @property {CanvasRenderingContext2D} ctx
 * @property {number} width
 * @property {number} height
 * @property {object} colors
 * @property {{x: number[], y: number[], places: number[]}} picks   what can be pointed at
 */

/**
 * @param {object} props
 * @param {(frame: Frame) => Iterator<void>} props.draw   a generator; another one when it changes
 * @param {string} props.label       what is drawn and what it shows, in words
 * @param {(place: number) => string} [props.describe]   a point in words
 * @param {number|null} [props.marked]   the place that is marked
 * @param {(place: number) => void} [props.onPick]
 * @param {object} [props.brush]     {down, move, up}: called with (x, y, frame) in pixels
 * @param {(frame: Frame) => void} [props.over]   drawn over it at once, as what is being dragged
 * @param {number} [props.least]     the least width in pixels; it scrolls if there is less
 */
export function Chart({
  store, draw, label, describe, marked = null, onPick, brush, over = null, least = 0,
}) {
  const canvas = useRef(null);
  const holder = useRef(null);
  const picture = useRef({ frame: null, back: null });
  const [pointed, point] = useState(null);
  const size = useSize(holder, least);
  const scheme = useScheme(store);
  const latest = useRef(null);
  latest.current = () => {
    const { frame, back } = picture.current;
    if (!frame || !canvas.current) return;
    const top = show(canvas.current, back, frame);
    ring(top, [marked, pointed]);
    over?.(top);
  };

  useEffect(() => {
    if (!size) return undefined;
    return schedule(function* work() {
      const back = document.createElement("canvas");
      const frame = newFrame(back, size);
      yield* flushing(frame, draw(frame) ?? []);
      if (!holder.current) return; // it has gone meanwhile
      picture.current = { frame, back };
      holder.current.dataset.drawn = Number(holder.current.dataset.drawn ?? 0) + 1; // for tests
      latest.current();
    });
  }, [draw, size, scheme]);

  useLayoutEffect(() => {
    latest.current();
  }, [marked, pointed, over]);

  const at = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const dragged = useRef(false);
  const move = (event) => {
    const { frame } = picture.current;
    if (!frame) return;
    if (dragged.current) brush.move(...at(event), frame);
    else if (describe) point(nearestPick(frame.picks, ...at(event)));
  };
  const down = (event) => {
    const { frame } = picture.current;
    if (!brush || !frame || !brush.down(...at(event), frame)) return;
    dragged.current = true;
    canvas.current.setPointerCapture(event.pointerId);
  };
  const up = (event) => {
    if (dragged.current) brush.up(...at(event), picture.current.frame);
    else if (pointed !== null) onPick?.(pointed);
    dragged.current = false;
  };
  const keys = (event) => {
    const { frame } = picture.current;
    const across = event.shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (across) {
      holder.current.scrollLeft += across * SCROLL;
      event.preventDefault();
      return;
    }
    const next = frame && stepped(frame.picks, pointed, event.key);
    if (event.key === "Enter" && pointed !== null) onPick?.(pointed);
    else if (event.key === "Escape") point(null);
    else if (next !== undefined && next !== null) point(next);
    else return;
    event.preventDefault();
  };
  const said = pointed !== null && describe ? describe(pointed) : "";
  return html`
    <div class="chart" ref=${holder} role="application" aria-roledescription="plot"
      aria-label=${label} tabindex="0" onKeyDown=${keys}>
      <canvas ref=${canvas} aria-hidden="true" onPointerMove=${move} onPointerDown=${down}
        onPointerUp=${up} onPointerLeave=${() => !dragged.current && point(null)}></canvas>
      <output class=${said ? "tip" : "tip hidden-text"}>${said}</output>
    </div>
  `;
}

const SCROLL = 156; // pixels

/** The size of an element in whole pixels; null until it is known. */
function useSize(holder, least) {
  const [size, set] = useState(null);
  useLayoutEffect(() => {
    const look = () => {
      const { clientWidth, clientHeight } = holder.current;
      const width = Math.max(clientWidth, least);
      const height = clientHeight;
      set((old) => (old?.width === width && old?.height === height ? old : { width, height }));
    };
    const observer = new ResizeObserver(look);
    observer.observe(holder.current);
    look();
    return () => observer.disconnect();
  }, [least]);
  return size && size.width > 0 && size.height > 0 ? size : null;
}

/** Changes whenever colors do. */
function useScheme(store) {
  const theme = useStore(store, (state) => state.theme);
  const [dark, setDark] = useState(false);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const look = () => setDark(query.matches);
    look();
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return `${theme} ${dark}`;
}

function newFrame(canvas, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  ctx.scale(ratio, ratio);
  ctx.font = "11px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  const picks = { x: [], y: [], places: [] };
  return { ctx, width, height, colors: themeColors(), picks };
}

const TOGETHER = 6; // steps of a drawing

/** Browsers put off what is drawn until it is shown, and then do all of it at once: not here. */
function* flushing({ ctx }, steps) {
  let count = 0;
  for (const step of steps) {
    count += 1;
    if (count % TOGETHER === 0) ctx.getImageData(0, 0, 1, 1);
    yield step;
  }
  ctx.getImageData(0, 0, 1, 1);
  yield;
}

/** What has been drawn, on the canvas in sight. */
function show(canvas, back, frame) {
  if (canvas.width !== back.width || canvas.height !== back.height) {
    canvas.width = back.width;
    canvas.height = back.height;
  }
  canvas.style.width = `${frame.width}px`;
  canvas.style.height = `${frame.height}px`;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(back, 0, 0);
  const ratio = window.devicePixelRatio || 1;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { ...frame, ctx };
}

function ring({ ctx, picks, colors }, marked) {
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = 2;
  for (const place of marked) {
    const at = place === null ? -1 : picks.places.indexOf(place);
    if (at < 0) continue;
    ctx.beginPath();
    ctx.arc(picks.x[at], picks.y[at], 7, 0, 7);
    ctx.stroke();
  }
}

const REACH = 14; // pixels

function nearestPick({ x, y, places }, atX, atY) {
  let best = REACH * REACH;
  let found = null;
  for (let i = 0; i < places.length; i += 1) {
    const size = (x[i] - atX) ** 2 + (y[i] - atY) ** 2;
    if (size < best) [best, found] = [size, places[i]];
  }
  return found;
}

/** The point that a key leads to: the next one to the right, the first, and so on. */
function stepped({ x, places }, pointed, key) {
  const known = ["ArrowLeft", "ArrowRight", "Home", "End"].includes(key);
  if (!known || !places.length) return undefined;
  const order = places.map((_, i) => i).sort((a, b) => x[a] - x[b]);
  const at = order.findIndex((i) => places[i] === pointed);
  const last = order.length - 1;
  const to = {
    Home: 0, End: last, ArrowRight: Math.min(last, at + 1), ArrowLeft: at < 0 ? last : at - 1,
  }[key];
  return places[order[Math.max(0, to)]];
}
