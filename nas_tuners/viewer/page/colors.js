/**
 * The scale of probabilities: cividis (Nunez, Anderton, Renslow: Optimizing colormaps with
 * consideration for color vision deficiency, PLoS ONE 2018), which looks alike to nearly all eyes.
 * Never the only carrier of a number: width, length or the number itself stands beside it.
 */

const STOPS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56],
];

/** The color of a strength from 0 to 1, as "rgb(r,g,b)"; dark is weak. */
export function scale(strength) {
  const place = Math.min(1, Math.max(0, Number.isFinite(strength) ? strength : 0));
  const at = place * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  const share = at - low;
  const mix = STOPS[low].map((from, i) => Math.round(from + share * (STOPS[low + 1][i] - from)));
  return `rgb(${mix.join(",")})`;
}

/** Black or white: what can be read on the color of a strength. */
export function onScale(strength) {
  return strength > 0.45 ? "#000" : "#fff";
}

/**
 * Colors of up to eight kinds that colour-blind people tell apart (Okabe and Ito 2008), with a
 * dash pattern and a marker each, so that none is told by its color alone.
 */
export const KINDS = [
  { color: "#0072b2", dash: [], marker: "circle" },
  { color: "#d55e00", dash: [6, 3], marker: "square" },
  { color: "#009e73", dash: [2, 2], marker: "triangle" },
  { color: "#cc79a7", dash: [8, 2, 2, 2], marker: "diamond" },
  { color: "#e69f00", dash: [4, 4], marker: "cross" },
  { color: "#56b4e9", dash: [1, 3], marker: "plus" },
  { color: "#8c6d31", dash: [10, 4], marker: "star" },
  { color: "#888888", dash: [3, 6], marker: "down" },
];

const NAMES = ["ink", "faint", "line", "paper", "panel", "accent", "choice", "module", "warn", "good"];

/** The colors of the present theme, as a canvas takes them: {ink, faint, line, paper, ...}. */
export function themeColors(element = document.body) {
  const probe = element.appendChild(document.createElement("span"));
  const colors = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`; // resolves light-dark()
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}
