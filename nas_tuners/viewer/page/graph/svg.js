/** The pen that writes SVG: what is downloaded is what is on the canvas, all of it. */

import { arrowEnds, FONT } from "./canvas.js";
import { draw } from "./scene.js";
import { textWidth } from "./measure.js";

const MARGIN = 16;

/** The text of an SVG file of a scene. */
export function svgText(scene, look, title = "supernet") {
  const { width, height } = scene.layout;
  const parts = [];
  draw(scene, svgPen(parts), { ...look, selected: null, marked: undefined });
  const box = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN].map(short).join(" ");
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="${short(width + 2 * MARGIN)}"`
      + ` height="${short(height + 2 * MARGIN)}" font-family="${escaped(FONT)}">`,
    `<title>${escaped(title)}</title>`,
    `<rect x="${-MARGIN}" y="${-MARGIN}" width="100%" height="100%"`
      + ` fill="${escaped(look.colors.paper)}"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** A pen that adds elements to a list. */
export function svgPen(parts) {
  const painted = ({ fill, stroke, width, dash }) => `fill="${escaped(fill ?? "none")}"`
    + (stroke ? ` stroke="${escaped(stroke)}" stroke-width="${short(width ?? 1)}"` : "")
    + (dash ? ` stroke-dasharray="${dash.join(" ")}"` : "");
  return {
    scale: 1,
    sees: () => true,
    rect(x, y, w, h, radius, style) {
      parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}"`
        + ` rx="${short(Math.min(radius, w / 2, h / 2))}" ${painted(style)}/>`);
    },
    text(text, x, y, style) {
      const [shown, used] = fitted(String(text), style.size, style.max, style.bold);
      if (!shown) return 0;
      const anchor = { center: "middle", right: "end" }[style.align];
      parts.push(`<text x="${short(x)}" y="${short(y + style.size * 0.35)}"`
        + ` font-size="${style.size}" fill="${escaped(style.color)}"`
        + (style.bold ? ' font-weight="600"' : "")
        + (anchor ? ` text-anchor="${anchor}"` : "") + `>${escaped(shown)}</text>`);
      return used;
    },
    curve(path, from, to, style) {
      if (to - from < 8) return;
      const at = Array.from(path.slice(from, to), short);
      const d = `M${at[0]} ${at[1]}C${at.slice(2).join(" ")}`;
      const line = (color, width, dash) => parts.push(`<path d="${d}" ${painted({
        stroke: color, width, dash,
      })}/>`);
      if (style.casing) line(style.casing, style.width + 0.9, null);
      line(style.color, style.width, style.dash);
      if (style.arrow) {
        const [tipX, tipY] = [path[to - 2], path[to - 1]];
        const size = 5 + Math.min(3, style.width * 0.5);
        const ends = arrowEnds(tipX, tipY, path[to - 4], path[to - 3], size);
        parts.push(`<path d="M${[tipX, tipY, ...ends].map(short).join(" ")}Z"`
          + ` fill="${escaped(style.casing ?? style.color)}"/>`);
      }
    },
    triangle(x, y, size, open, color) {
      const at = open ? [x - size, y - size / 2, x + size, y - size / 2, x, y + size * 0.7]
        : [x - size / 2, y - size, x + size * 0.7, y, x - size / 2, y + size];
      parts.push(`<path d="M${at.map(short).join(" ")}Z" fill="${escaped(color)}"/>`);
    },
    dot(x, y, radius, style) {
      parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}"`
        + ` ${painted({ ...style, width: 1 })}/>`);
    },
  };
}

function fitted(text, size, max = Infinity, bold = false) {
  const wide = (part) => textWidth(part, size) * (bold ? 1.06 : 1);
  if (wide(text) <= max * 1.04) return [text, Math.min(max, wide(text))];
  let shown = text.slice(0, 200);
  while (shown && wide(`${shown}…`) > max) shown = shown.slice(0, -1);
  return shown ? [`${shown}…`, max] : ["", 0];
}

function short(number) {
  return String(Math.round(number * 10) / 10);
}

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const HALVES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as XML takes it: characters that XML has not are left out. */
export function escaped(text) {
  return String(text).replace(CONTROLS, "").replace(HALVES, "")
    .replace(/[&<>"']/g, (letter) => ENTITIES[letter]);
}
