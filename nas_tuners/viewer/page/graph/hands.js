/** Mouse and keys of a drawing. */

import { hiddenTest, itemAt, onOpener } from "./scene.js";
import { indexOfItem, neighbour } from "./steps.js";

const DRAG = 4; // pixels: less is a click

export function pointerEvents({ latest, camera, move, canvas, anchor, api }) {
  const place = (event) => {
    const frame = canvas.current.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const itemUnder = (event) => {
    const { graph: { scene }, look } = latest.current;
    if (!scene || !camera.current) return [-1, 0, 0];
    const [left, top] = place(event);
    const { x, y, scale } = camera.current;
    const at = [x + left / scale, y + top / scale];
    return [itemAt(scene, ...at, hiddenTest(scene, look)), ...at];
  };
  const toggle = (item) => {
    anchor.current = item;
    latest.current.onToggle(item);
  };
  return {
    onPointerDown(event) {
      if (event.button !== 0 || !camera.current) return;
      canvas.current.setPointerCapture(event.pointerId);
      const at = [event.clientX, event.clientY];
      canvas.current.drag = { at, from: camera.current, far: false };
    },
    onPointerMove(event) {
      const { drag } = canvas.current;
      if (!drag) return;
      const [dx, dy] = [event.clientX - drag.at[0], event.clientY - drag.at[1]];
      drag.far ||= Math.hypot(dx, dy) > DRAG;
      if (!drag.far) return;
      const { x, y, scale } = drag.from;
      canvas.current.classList.add("dragged");
      move({ scale, x: x - dx / scale, y: y - dy / scale });
    },
    onPointerUp(event) {
      const { drag } = canvas.current;
      canvas.current.drag = null;
      canvas.current.classList.remove("dragged");
      if (!drag || drag.far) return;
      const [item, x, y] = itemUnder(event);
      const known = item >= 0 && moreItem(latest.current.graph, item) ? -1 : item;
      latest.current.onSelect(known < 0 ? null : known);
      if (known >= 0 && onOpener(latest.current.graph.scene, known, x, y)) toggle(known);
    },
    onPointerCancel() {
      canvas.current.drag = null;
    },
    onDblClick(event) {
      const [item, x, y] = itemUnder(event);
      const { scene } = latest.current.graph;
      if (item >= 0 && !moreItem(latest.current.graph, item) && !onOpener(scene, item, x, y)) {
        toggle(item);
      }
    },
    onWheel(event) {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey && camera.current) {
        const { x, y, scale } = camera.current;
        move({ scale, x: x + (event.deltaX + event.deltaY) * lines / scale, y });
        return;
      }
      api.zoom(Math.exp(-event.deltaY * lines * 0.0016), place(event));
    },
  };
}

function moreItem({ plan }, item) {
  return item >= plan.modules + plan.nodes;
}

const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export function keyEvents({ latest, camera, move, api, anchor, size }) {
  const go = (item) => {
    if (item === null || item === undefined) return;
    latest.current.onSelect(item);
    api.show(item);
  };
  return (event) => {
    const { graph, look, selected, onSelect, onToggle } = latest.current;
    if (!graph.scene || !camera.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const here = selected !== null && indexOfItem(graph.scene.layout, selected) > 0;
    if (arrow && (event.shiftKey || !here)) {
      const { x, y, scale } = camera.current;
      const step = Math.min(...size.current) / 6 / scale;
      move({ scale, x: x + arrow[0] * step, y: y + arrow[1] * step });
    } else if (arrow) {
      go(neighbour(graph.scene, selected, ...arrow, hiddenTest(graph.scene, look)));
    } else if (event.key === "Enter" || event.key === " ") {
      if (!here) go(firstIn(graph.scene, look, 0));
      else {
        anchor.current = selected;
        onToggle(selected);
      }
    } else if (event.key === "PageDown") {
      go(firstIn(graph.scene, look, here ? indexOfItem(graph.scene.layout, selected) : 0));
    } else if ((event.key === "PageUp" || event.key === "Escape") && selected !== null) {
      const outer = graph.plan.parent[selected];
      if (outer > 0) go(outer);
      else onSelect(null);
    } else if (event.key === "+" || event.key === "=") api.zoom(1.25);
    else if (event.key === "-") api.zoom(0.8);
    else if (event.key === "0") api.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

/** The first box that is drawn in another one. */
function firstIn(scene, look, at) {
  const { end, ids } = scene.layout;
  const isHidden = hiddenTest(scene, look);
  for (let i = at + 1; i < end[at]; i = end[i]) if (!isHidden(ids[i])) return ids[i];
  return null;
}
