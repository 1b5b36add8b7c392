/** Pixels of the heat map, and what else is drawn over time. */

import { KINDS, scale } from "../colors.js";

/** The scale of probabilities in 256 steps, as pixels of an ImageData. */
export function lookup() {
  return Uint32Array.from({ length: 256 }, (_, at) => pixelOf(scale(at / 255)));
}

/** "rgb(1, 2, 3)" as a pixel of an ImageData. */
export function pixelOf(color) {
  const [red, green, blue] = color.match(/[\d.]+/g).map(Number);
  return new Uint32Array(new Uint8ClampedArray([red, green, blue, 255]).buffer)[0];
}

/** The mean value of a candidate in each column of pixels; NaN where no record has one. */
export function columnMeans(series, slot, columns) {
  const { values, n } = series;
  return Float32Array.from(columns.from, (from, pixel) => {
    let sum = 0;
    let counted = 0;
    for (let place = from; place < columns.to[pixel]; place += 1) {
      const value = values[place * n + slot];
      if (!Number.isFinite(value)) continue;
      sum += value;
      counted += 1;
    }
    return counted ? sum / counted : NaN;
  });
}

/**
 * Color pixels by means; without a value they stay clear.
 *
 * @param {Uint32Array} pixels   width * height of them, row by row
 * @param {{colors: Uint32Array, top: number, tall: boolean, rest: number}} look   tall: columns
 *   are as high as their value, and `rest` fills them up
 */
export function paintMeans(pixels, means, height, { colors, top, tall, rest }) {
  const width = means.length;
  pixels.fill(0);
  for (let x = 0; x < width; x += 1) {
    if (Number.isNaN(means[x])) continue;
    const share = Math.min(1, Math.max(0, means[x] / top));
    const color = colors[Math.round(share * 255)];
    const filled = tall ? Math.max(1, Math.round(share * height)) : height;
    for (let y = 0; y < height; y += 1) {
      pixels[y * width + x] = y < height - filled ? rest : color;
    }
  }
}

/**
 * Runs of equal decisions along the pixels. A pixel of several records shows the last of them.
 *
 * @returns {{from: number, to: number, decision: number}[]}   pixels, `to` excluded
 */
export function bandsOf(decisions, columns) {
  const bands = [];
  columns.to.forEach((to, pixel) => {
    const decision = decisions[to - 1];
    const last = bands[bands.length - 1];
    if (last?.decision === decision) last.to = pixel + 1;
    else bands.push({ from: pixel, to: pixel + 1, decision });
  });
  return bands;
}

/** The last value in each column of pixels as points to draw a line through; gaps break it. */
export function linePoints(values, columns) {
  const points = [];
  columns.to.forEach((to, x) => {
    for (let place = to - 1; place >= columns.from[x]; place -= 1) {
      if (Number.isNaN(values[place])) continue;
      points.push([x, values[place]]);
      return;
    }
    points.push(null);
  });
  return points;
}

/** How a candidate's line looks: color, dash and marker, no two alike among the first 64. */
export function kindOf(slot) {
  const turn = Math.floor(slot / KINDS.length);
  const { color, marker } = KINDS[slot % KINDS.length];
  return { color, marker, dash: KINDS[(slot + turn) % KINDS.length].dash };
}

/** Black or white: what can be read on a color "#rrggbb". */
export function inkOn(color) {
  const linear = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.18 ? "#000" : "#fff";
}
