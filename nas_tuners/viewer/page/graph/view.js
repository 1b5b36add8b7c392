/**
 * The drawing of a graph: a canvas with a camera, a small map, and the keys and mouse for both.
 *
 *     const graph = useGraph(model, wish);       // use_graph.js; wish = {open, plumbing, shapes}
 *     html`<${GraphCanvas} graph=${graph} look=${look} open=${open} onToggle=${...} ... />`
 *
 * `look` is {strengthOf, chosen, threshold, shapes}, see Look in scene.js, and the same object
 * while nothing changes; a change of it paints anew and lays out nothing. An architecture alone is
 * drawn by drawing.js.
 */

import { themeColors } from "../colors.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { canvasPen, fit, reveal, zoomed } from "./canvas.js";
import { keyEvents, pointerEvents } from "./hands.js";
import { Minimap } from "./minimap.js";
import { draw, itemAt } from "./scene.js";
import { indexOfItem } from "./steps.js";

const READABLE = 0.55; // the least scale at which a drawing is first shown

/**
 * @param {object} props
 * @param {object} props.graph         of useGraph
 * @param {object} props.look
 * @param {number|null} props.selected an item
 * @param {Set<number>} [props.marked]
 * @param {string} props.label         what is drawn, for people who hear the page
 * @param {string} [props.spoken]      what is selected
 * @param {{current: object}} [props.api]   is given {fit, zoom, show, camera}
 * @param {(item: number|null) => void} props.onSelect
 * @param {(item: number) => void} props.onToggle
 * @param {number} [props.first]       the item that is shown first
 */
export function GraphCanvas(props) {
  const { graph, look, selected, marked, label, spoken } = props;
  const canvas = useRef(null);
  const size = useRef([0, 0]);
  const [colors, setColors] = useState(null);
  const camera = useRef(null);
  const frame = useRef(0);
  const latest = useRef(props);
  const drawn = useRef(null); // the scene that the camera belongs to
  const anchor = useRef(null); // the item that keeps its place when the layout changes
  const [, tell] = useState(0);
  latest.current = { ...props, colors };

  const paint = () => {
    frame.current = 0;
    const { current: now } = latest;
    const { scene } = now.graph;
    const [width, height] = size.current;
    if (!canvas.current || !scene || !now.colors || !width || !camera.current) return;
    const ratio = window.devicePixelRatio || 1;
    const context = canvas.current.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = now.colors.paper;
    context.fillRect(0, 0, canvas.current.width, canvas.current.height);
    const { x, y, scale } = camera.current;
    const zoom = scale * ratio;
    context.setTransform(zoom, 0, 0, zoom, -x * zoom, -y * zoom);
    draw(scene, canvasPen(context, camera.current, width, height), {
      ...now.look, colors: now.colors, selected: now.selected, marked: now.marked,
    });
    canvas.current.dataset.boxes = scene.layout.ids.length - 1; // for those who test the page
  };
  const repaint = () => {
    frame.current ||= requestAnimationFrame(paint);
  };
  const move = (next) => {
    camera.current = next;
    repaint();
    tell((count) => count + 1);
  };

  useLayoutEffect(() => {
    const read = () => setColors(themeColors());
    read();
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", read);
    const chosen = new MutationObserver(read);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      media.removeEventListener("change", read);
      chosen.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element;
      const ratio = window.devicePixelRatio || 1;
      size.current = [width, height];
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      begin();
      if (frame.current) cancelAnimationFrame(frame.current);
      paint(); // at once: a canvas of another size is empty
      tell((count) => count + 1);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [colors]);

  /** The first sight of a drawing: all of it if that can be read, else its beginning. */
  const begin = () => {
    const { scene } = latest.current.graph;
    const [width, height] = size.current;
    if (!scene || !width || camera.current) return;
    const { layout } = scene;
    const whole = fit([0, 0, layout.width, layout.height], width, height);
    camera.current = whole;
    const start = indexOfItem(layout, latest.current.first);
    if (whole.scale >= READABLE) return;
    const box = start < 0 ? [0, 0, layout.width, layout.height]
      : layout.box.subarray(4 * start, 4 * start + 4);
    const scale = Math.max(READABLE, Math.min(1, (width - 40) / box[2]));
    const top = start < 0 ? 20 : Math.min(60, height / 8);
    camera.current = {
      scale, x: box[0] + box[2] / 2 - width / 2 / scale, y: box[1] - top / scale,
    };
    if (box[2] * scale > width - 40) camera.current.x = box[0] - 20 / scale;
  };
  useLayoutEffect(() => {
    const { scene } = graph;
    if (scene === drawn.current) return;
    const before = drawn.current;
    drawn.current = scene;
    if (!scene) {
      camera.current = null;
      return;
    }
    begin();
    if (before && before.model === scene.model && camera.current) {
      keepPlace(before.layout, scene.layout);
    }
    repaint();
    tell((count) => count + 1);
  }, [graph.scene]);
  useLayoutEffect(repaint, [look, colors, selected, marked]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  /** After a change of the layout what was at hand stays where it was. */
  const keepPlace = (before, after) => {
    const [width, height] = size.current;
    const kept = [anchor.current, latest.current.selected, middleItem(before)]
      .find((item) => indexOfItem(before, item) > 0 && indexOfItem(after, item) > 0);
    if (kept === undefined) {
      const whole = [0, 0, after.width, after.height];
      if (before.ids.length < 2) camera.current = fit(whole, width, height);
      return;
    }
    const [old, now] = [indexOfItem(before, kept), indexOfItem(after, kept)];
    const { x, y, scale } = camera.current;
    camera.current = {
      scale, x: x + after.box[4 * now] - before.box[4 * old],
      y: y + after.box[4 * now + 1] - before.box[4 * old + 1],
    };
    const box = after.box.subarray(4 * now, 4 * now + 4);
    if (anchor.current === kept) camera.current = reveal(camera.current, box, width, height, 24);
    anchor.current = null;
  };
  const middleItem = (layout) => {
    const [width, height] = size.current;
    const { x, y, scale } = camera.current;
    return itemAt({ layout }, x + width / 2 / scale, y + height / 3 / scale);
  };

  const api = {
    fit: () => {
      const { layout } = latest.current.graph.scene ?? {};
      if (layout) move(fit([0, 0, layout.width, layout.height], ...size.current));
    },
    zoom: (factor, at = [size.current[0] / 2, size.current[1] / 2]) => {
      if (camera.current) move(zoomed(camera.current, factor, ...at));
    },
    /** Brings an item into sight, and large enough to be read. */
    show: (item) => {
      const { layout } = latest.current.graph.scene ?? {};
      const at = layout ? indexOfItem(layout, item) : -1;
      if (at < 0 || !camera.current) return false;
      const box = layout.box.subarray(4 * at, 4 * at + 4);
      const [width, height] = size.current;
      let next = camera.current;
      if (next.scale < 0.45) {
        const scale = 0.8;
        next = {
          scale, x: box[0] + box[2] / 2 - width / 2 / scale, y: box[1] - height / 3 / scale,
        };
      }
      move(reveal(next, box, width, height));
      return true;
    },
    anchor: (item) => {
      anchor.current = item;
    },
    camera: () => ({ ...camera.current, width: size.current[0], height: size.current[1] }),
    to: (x, y) => {
      const { scale } = camera.current;
      move({ scale, x: x - size.current[0] / 2 / scale, y: y - size.current[1] / 2 / scale });
    },
  };
  if (props.api) props.api.current = api;

  const events = pointerEvents({ latest, camera, move, canvas, anchor, api });
  const keys = keyEvents({ latest, camera, move, api, anchor, size });
  return html`
    <div class="graph-frame" tabindex="0" role="application" aria-label=${label}
      aria-roledescription="drawing of a graph" aria-describedby="graph-keys" onKeyDown=${keys}>
      <canvas ref=${canvas} class="graph-canvas" role="img" aria-label=${label}
        ...${events}></canvas>
      <p id="graph-keys" class="hidden-text">Arrow keys go from box to box, or move the drawing
        while none is selected; with Shift they always move it. Enter opens and closes a box, Page
        Down goes into it, Page Up and Escape out of it. Plus, minus and 0 zoom.</p>
      <p class="hidden-text" aria-live="polite">${spoken}</p>
      ${graph.scene && colors && camera.current && html`<${Minimap} scene=${graph.scene}
        colors=${colors} camera=${api.camera()} onMove=${api.to} />`}
    </div>
  `;
}
