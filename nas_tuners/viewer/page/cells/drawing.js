/** A cell as a drawing in SVG: states, and operations between them, wide where they are strong. */

import { scale } from "../colors.js";
import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { labelSize } from "./place.js";
import { placed } from "./placed.js";

const THIN = 1;
const WIDE = 8;
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * @param {object} given
 * @param {string} given.label             what the drawing is, for those who hear it
 * @param {object} given.genotype
 * @param {number[]} given.letters         of the labels, see lettersOf
 * @param {object[]} given.looks           one an edge, see lookOf
 * @param {number} given.room              how wide it may be
 * @param {{texts: string[], letters: number[]}} given.inside   what is written in states
 * @param {Set<string>} given.selected     keys
 * @param {(edge: object|null) => void} given.onPoint   an edge is pointed at or has the focus
 * @param {(edge: object) => void} given.onPick
 */
export function CellDrawing(given) {
  const { label, genotype, letters, looks, room, inside, selected, onPoint, onPick } = given;
  const [focused, focus] = useState(null);
  const [has, setHas] = useState(false);
  const group = useRef(null);
  const place = placed(genotype, letters, room, inside.letters);
  const { states, edges } = genotype;
  const open = edges.map((_, at) => at).filter((at) => canPick(edges[at]) && looks[at].shown);
  const current = open.includes(focused) ? focused : open[0];
  const move = (event) => {
    const at = open.indexOf(current);
    const to = { Home: 0, End: open.length - 1 }[event.key] ??
      (STEPS[event.key] ? (at + STEPS[event.key] + open.length) % open.length : null);
    if (to === null || !open.length) return;
    event.preventDefault();
    group.current.querySelector(`[data-edge="${open[to]}"]`)?.focus();
  };
  const shown = edges.map((_, at) => at).filter((at) => looks[at].shown);
  const about = (at) => ({
    at, edge: edges[at], look: looks[at], way: place.edges[at], onPoint, onPick,
    isSelected: isSelected(edges[at], selected),
  });
  return html`
    <svg class="cell-drawing" ref=${group} role="group" aria-label=${label} onKeyDown=${move}
      viewBox=${`0 0 ${place.width} ${place.height}`} width=${place.width} height=${place.height}
      style=${{ width: `min(100%, ${place.width}px)`, minWidth: `${0.66 * place.width}px` }}>
      <g>${shown.filter((at) => !canPick(edges[at])).map((at) => html`
        <${Plain} key=${edges[at].id} way=${place.edges[at]} />`)}</g>
      <g>${open.map((at) => html`<${Edge} key=${edges[at].id} ...${about(at)} states=${states}
        tab=${at === current ? 0 : -1} onFocus=${() => { focus(at); setHas(true); }}
        onBlur=${() => setHas(false)} />`)}</g>
      <g>${states.map((state, at) => html`
        <${State} key=${state.id} state=${state} place=${place.states[at]}
          text=${inside.texts[at]} />`)}</g>
      <g aria-hidden="true">${open.map((at) => looks[at].text && html`<${Label}
        key=${edges[at].id} ...${about(at)} hasFocus=${has && at === focused} />`)}</g>
    </svg>
  `;
}

const canPick = ({ op, slot }) => Boolean(op || slot);
const isSelected = ({ op, slot }, keys) => keys.has(op?.key) || keys.has(slot?.key);

/** A link on which nothing is chosen. */
function Plain({ way }) {
  return html`<g class="plain-link"><path class="way" d=${way.path} />
    <polygon class="head" points=${head(way.end, 0)} /></g>`;
}

function Edge({ at, edge, look, way, states, tab, isSelected: chosen, ...on }) {
  const { strength, told, mark } = look;
  const width = THIN + (WIDE - THIN) * Math.min(1, Math.max(0, strength ?? 0));
  const color = strength === null ? null : scale(strength);
  const [from, to] = [states[edge.from], states[edge.to]].map(spoken);
  const pick = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    on.onPick(edge);
  };
  const classes = ["edge", chosen && "selected", mark && "differs", !color && "unknown",
    strength === 0 && "none"];
  return html`
    <g class=${classes.filter(Boolean).join(" ")} role="button" tabindex=${tab} data-edge=${at}
      data-key=${edge.op?.key ?? edge.slot.key}
      aria-pressed=${String(chosen)}
      aria-label=${`${from} to ${to}: ${mark && "differs, "}${told}`}
      onClick=${pick} onKeyDown=${pick} onFocus=${() => { on.onFocus(); on.onPoint(edge); }}
      onBlur=${() => { on.onBlur(); on.onPoint(null); }}
      onMouseEnter=${() => on.onPoint(edge)} onMouseLeave=${() => on.onPoint(null)}>
      <title>${told}</title>
      <path class="reach" d=${way.path} />
      <path class="casing" d=${way.path} stroke-width=${width + 1.6} />
      <path class="way" d=${way.path} stroke-width=${width} stroke=${color} />
      ${edge.bypass && html`<path class="bypass" d=${way.path}
        transform=${`translate(0 ${-(width / 2 + 3.5)})`} />`}
      <polygon class="head" points=${head(way.end, width)} />
    </g>
  `;
}

/** What is written on an edge; above all lines, so that it can be read. */
function Label({ edge, look, way: { at }, isSelected: chosen, hasFocus, onPick, onPoint }) {
  const more = edge.op?.nested.length ? ` +${edge.op.nested.length}` : "";
  const text = `${look.mark ? `${look.mark} ` : ""}${look.text}${more}`;
  const { width, height } = labelSize(text.length + (look.mark ? 1 : 0)); // bold is wider
  const classes = ["edge-label", chosen && "selected", hasFocus && "has-focus",
    look.mark && "differs", look.strength === 0 && "none"];
  return html`
    <g class=${classes.filter(Boolean).join(" ")} data-label=${edge.op?.key ?? edge.slot.key}
      onClick=${() => onPick(edge)} onMouseEnter=${() => onPoint(edge)}
      onMouseLeave=${() => onPoint(null)}>
      <title>${look.told}</title>
      <rect class="label-box" x=${at.x - width / 2} y=${at.y - height / 2} width=${width}
        height=${height} rx="3" />
      <text class="label" x=${at.x} y=${at.y + 4} text-anchor="middle">${text}</text>
    </g>
  `;
}

/** A triangle that points to where a link ends. */
function head({ x, y }, width) {
  const high = 4 + width * 0.55;
  const long = 7 + width * 0.7;
  return `${x},${y} ${x - long},${y - high} ${x - long},${y + high}`;
}

function State({ state, place, text }) {
  const { kind, name } = state;
  const { x, y, width, height } = place;
  if (kind === "junction") {
    const points = `${x - 8},${y} ${x},${y - 8} ${x + 8},${y} ${x},${y + 8}`;
    return html`<polygon class="state junction" points=${points}>
      <title>one of these states is taken: ${state.keys.join(", ")}</title></polygon>`;
  }
  const box = (inset) => html`<rect class=${`state ${kind}`} x=${x - width / 2 + inset}
    y=${y - height / 2 + inset} width=${width - 2 * inset} height=${height - 2 * inset}
    rx=${kind === "node" ? 12 : 4} />`;
  return html`<g>
    ${box(0)}${kind === "output" && box(3)}
    ${text
      ? html`<title>${name}</title><text class="label" x=${x} y=${y + 4}
          text-anchor="middle">${text}</text>`
      : html`<text class="state-name" x=${x} y=${y + 4.5}
          text-anchor="middle">${subscripted(name)}</text>`}
  </g>`;
}

/** "c_{k-1}" with its index set low. */
function subscripted(name) {
  const [, before, low] = /^(.*?)_\{(.*)\}$/.exec(name) ?? [];
  if (before === undefined) return name;
  return html`${before}<tspan class="low" dy="4">${low.replace("-", "−")}</tspan>`;
}

/** A state's name as it is said. */
export function spoken({ name, kind, keys }) {
  if (kind === "junction") return `the input of ${keys.join(", ")}`;
  return name.replace(/_\{(.*)\}/, " $1") || "state";
}

/** How wide an element is, as it changes. */
export function useWidth(initial) {
  const element = useRef(null);
  const [width, set] = useState(initial);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => set(Math.round(entry.contentRect.width)));
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return [element, width];
}
