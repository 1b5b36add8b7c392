/** Lines over the records, told apart by dash, marker and a label each. */

import uPlot from "../vendor/uPlot.js";
import { short } from "../format.js";
import { spread } from "./axis.js";
import { drawMarker, drawSample } from "./marks.js";

const SAMPLE = 20; // width of a line beside its label
const LABEL = 15; // least distance of labels
const EVERY = 90; // distance of markers

/**
 * A chart in an element.
 *
 * @param {HTMLElement} target
 * @param {{width: number, height: number, colors: object, kinds: object[], labels: string[],
 *   room: number, top: number|null,
 *   drawn: () => void}} look   room: pixels for the labels; top: of the scale, null:
 *   by the values; drawn: called when places of records may have changed
 * @returns {{draw: (log: object, columns: ArrayLike<number>[], ticks: object) => void,
 *   xOf: (number: number) => number, numberAt: (x: number) => number,
 *   resize: (width: number, height: number) => void, end: () => void}}
 */
export function lineChart(target, look) {
  let shown = { log: null, ticks: { unit: "record", ticks: [] } };
  const { colors, kinds, labels } = look;
  const chart = new uPlot({
    width: look.width,
    height: look.height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, look.room, 0, 0],
    scales: { x: { time: false, range: () => [0, Math.max(1, (shown.log?.count ?? 1) - 1)] },
      y: { range: (_, low, high) => rangeOf(low, high, look.top) } },
    axes: [timeAxis(colors, () => shown.ticks), valueAxis(colors)],
    series: [{}, ...kinds.map((kind) => ({
      stroke: kind.color, dash: kind.dash, width: 1.6, points: { show: false },
    }))],
    hooks: {
      draw: [
        (plot) => drawMarkers(plot, kinds, colors),
        (plot) => drawLabels(plot, kinds, labels, colors),
        () => look.drawn(),
      ],
    },
  }, [[], ...kinds.map(() => [])], target);
  return {
    draw(log, columns, ticks) {
      shown = { log, ticks };
      chart.setData([log.index, ...columns.map(asGaps)]);
    },
    xOf: (number) => chart.valToPos(number, "x"),
    numberAt: (x) => Math.round(chart.posToVal(x, "x")),
    over: chart.over,
    resize: (width, height) => chart.setSize({ width, height }),
    end: () => chart.destroy(),
  };
}

function rangeOf(low, high, top) {
  if (top !== null) return [0, top];
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const above = high > 0 ? high * 1.08 : 0;
  const below = Math.min(0, low);
  return [below, above > below ? above : below + 1];
}

const asGaps = (values) => Array.from(values, (value) => (Number.isFinite(value) ? value : null));

function timeAxis(colors, ticks) {
  return {
    stroke: colors.faint, size: 24, gap: 3, font: "11px system-ui, sans-serif",
    grid: { stroke: colors.line, width: 0.5 }, ticks: { stroke: colors.line, size: 4 },
    splits: () => ticks().ticks.map(({ number }) => number),
    values: () => ticks().ticks.map(({ label }, at) => (at ? label : `${ticks().unit} ${label}`)),
  };
}

function valueAxis(colors) {
  return {
    stroke: colors.faint, size: 40, gap: 4, font: "11px system-ui, sans-serif", space: 28,
    grid: { stroke: colors.line, width: 0.5 }, ticks: { stroke: colors.line, size: 4 },
  };
}

/** Markers on lines, in other places on each. */
function drawMarkers(plot, kinds, colors) {
  const ratio = devicePixelRatio;
  const [numbers] = plot.data;
  const { left, width } = plot.bbox;
  const every = EVERY * ratio;
  kinds.forEach((kind, at) => {
    const values = plot.data[at + 1];
    for (let x = left + (every * (at + 0.5)) / kinds.length; x < left + width; x += every) {
      const place = plot.posToIdx((x - left) / ratio);
      if (values[place] === null || values[place] === undefined) continue;
      const middle = plot.valToPos(numbers[place], "x", true);
      drawMarker(plot.ctx, kind, middle, plot.valToPos(values[place], "y", true), 3 * ratio,
        colors.paper);
    }
  });
}

/** The name of each line at its end; where there is no room for all, of the highest ones. */
function drawLabels(plot, kinds, labels, colors) {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = plot.bbox;
  const fits = Math.max(1, Math.floor(height / (LABEL * ratio)));
  const ends = kinds.map((_, at) => ({ at, value: lastOf(plot.data[at + 1]) }))
    .filter(({ value, at }) => value !== null && labels[at] !== "")
    .sort((a, b) => b.value - a.value).slice(0, fits);
  const heights = ends.map(({ value }) => plot.valToPos(value, "y", true));
  const placed = spread(heights, LABEL * ratio, top, top + height);
  const { ctx } = plot;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left"; // the axes leave it otherwise
  ctx.fillStyle = colors.ink;
  ends.forEach(({ at }, order) => {
    const x = left + width + 6 * ratio;
    drawSample(ctx, kinds[at], x, placed[order], SAMPLE * ratio, ratio, colors.paper);
    ctx.fillText(short(labels[at], 14), x + (SAMPLE + 5) * ratio, placed[order]);
  });
  ctx.restore();
}

function lastOf(values) {
  for (let at = values.length - 1; at >= 0; at -= 1) {
    if (values[at] !== null) return values[at];
  }
  return null;
}
