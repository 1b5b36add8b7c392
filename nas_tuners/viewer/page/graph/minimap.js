/** The whole drawing in a corner, with a frame round what is in sight. */

import { html, useLayoutEffect, useRef } from "../html.js";

const [WIDTH, HEIGHT] = [150, 120];

/** Moves the camera by mouse; the keyboard has the arrow keys of the drawing for that. */
export function Minimap({ scene, colors, camera, onMove }) {
  const canvas = useRef(null);
  const image = useRef({ scene: null, colors: null, bitmap: null });
  const { layout } = scene;
  const scale = Math.min(WIDTH / Math.max(1, layout.width), HEIGHT / Math.max(1, layout.height));
  const [left, top] = [(WIDTH - layout.width * scale) / 2, (HEIGHT - layout.height * scale) / 2];
  useLayoutEffect(() => {
    const ratio = window.devicePixelRatio || 1;
    if (image.current.scene !== scene || image.current.colors !== colors) {
      const bitmap = document.createElement("canvas");
      [bitmap.width, bitmap.height] = [WIDTH * ratio, HEIGHT * ratio];
      const context = bitmap.getContext("2d");
      context.scale(ratio, ratio);
      context.translate(left, top);
      context.scale(scale, scale);
      paintBoxes(context, scene, colors, scale);
      image.current = { scene, colors, bitmap };
    }
    const context = canvas.current.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colors.panel;
    context.fillRect(0, 0, WIDTH * ratio, HEIGHT * ratio);
    context.drawImage(image.current.bitmap, 0, 0);
    context.scale(ratio, ratio);
    const seen = [left + camera.x * scale, top + camera.y * scale,
      (camera.width / camera.scale) * scale, (camera.height / camera.scale) * scale];
    context.strokeStyle = colors.accent;
    context.lineWidth = 2;
    context.strokeRect(...clipped(seen));
  });
  const go = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const frame = canvas.current.getBoundingClientRect();
    onMove((event.clientX - frame.left - left) / scale, (event.clientY - frame.top - top) / scale);
  };
  const ratio = window.devicePixelRatio || 1;
  return html`<canvas ref=${canvas} class="graph-map" role="img" aria-label="Map of the drawing"
    width=${WIDTH * ratio} height=${HEIGHT * ratio} onPointerMove=${go}
    onPointerDown=${(event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      go(event);
    }}></canvas>`;
}

function paintBoxes(context, { layout, model, plan }, colors, scale) {
  const { box, end, outer, opened, ids } = layout;
  let at = 1;
  context.lineWidth = 0.7 / scale;
  context.fillStyle = colors.line; // a drawing may be too narrow for any of its boxes
  if (layout.width * scale < 4) context.fillRect(0, 0, 3 / scale, layout.height);
  if (layout.height * scale < 4) context.fillRect(0, 0, layout.width, 3 / scale);
  while (at < ids.length) {
    const [x, y] = [box[4 * at], box[4 * at + 1]];
    const [w, h] = [box[4 * at + 2], box[4 * at + 3]];
    if (Math.max(w, h) * scale < 3) {
      at = end[at];
      continue;
    }
    const choice = ids[at] < plan.modules && model.modules[ids[at]].choice;
    context.fillStyle = choice ? colors.choice : opened[at] ? colors.paper : colors.module;
    context.fillRect(x, y, w, h);
    context.strokeStyle = colors.faint;
    if (Math.min(w, h) * scale > 3 || outer[at] === 0) context.strokeRect(x, y, w, h);
    at += 1;
  }
}

function clipped([x, y, w, h]) {
  const [left, top] = [Math.max(1, x), Math.max(1, y)];
  return [left, top, Math.max(2, Math.min(WIDTH - 1, x + w) - left),
    Math.max(2, Math.min(HEIGHT - 1, y + h) - top)];
}
