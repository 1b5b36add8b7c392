/** The time below the views: which record is shown, and how to get to others. */

import { html, useMemo, useState } from "../html.js";
import { grouped, moment } from "../format.js";
import { useStore } from "../store.js";
import {
  movedTo, numberShown, pageOf, rateOf, stepped, told,
} from "../time/moves.js";
import { fromRecord } from "../architecture/sources.js";
import { ticksOf, written } from "../time/axis.js";
import { useSize } from "../time/hooks.js";
import { useExactRecord, usePlayer } from "../time/playing.js";

const SPEEDS = [1, 2, 4];
const FINALS = 200; // marks that are drawn

export function Timeline({ store, data }) {
  const log = useStore(store, (state) => state.log);
  const number = useStore(store, numberShown);
  useExactRecord(store, data);
  usePlayer(store, data);
  if (!log?.count) {
    return html`<section class="timeline" aria-label="Time">
      <p class="faint">${log ? "The log has no records yet." : "Reading the log …"}</p>
    </section>`;
  }
  const move = (to) => store.set({ ...movedTo(log, to, data.live), playing: false });
  return html`
    <section class="timeline" aria-label="Time">
      <${Track} store=${store} log=${log} number=${number} move=${move} live=${data.live} />
      <div class="timeline-row">
        <${Buttons} store=${store} log=${log} number=${number} move=${move} live=${data.live} />
        <${Label} store=${store} number=${number} count=${log.count} />
        <${GoTo} number=${number} count=${log.count} move=${move} />
        <${Marking} store=${store} />
      </div>
    </section>
  `;
}

/** The slider, with ticks where epochs begin and marks of records that stand out. */
function Track({ store, log, number, move, live }) {
  const record = useStore(store, (state) => state.record);
  const last = log.count - 1;
  const keys = (event) => {
    const to = goalOf(event.key, { log, number, last, live });
    if (event.key === " ") {
      store.set(({ playing }) => ({ playing: !playing }));
    } else if (event.key === "End") {
      follow(store, log);
    } else if (to === null || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    } else {
      move(to);
    }
    event.preventDefault();
  };
  return html`
    <div class="timeline-track">
      <input type="range" class="timeline-slider" aria-label="Record" min="0" max=${last} step="1"
        value=${number} aria-valuetext=${told(number, log.count, record).join(", ")}
        onKeyDown=${keys} onInput=${(event) => move(Number(event.currentTarget.value))} />
      <${Ticks} store=${store} log=${log} />
    </div>
  `;
}

/** Where a key leads to; null if nowhere. */
function goalOf(key, { log, number, last, live }) {
  const page = pageOf(log.count);
  const by = {
    ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: page, PageDown: -page,
  }[key];
  if (by === undefined) return key === "Home" ? 0 : null;
  const to = Math.abs(by) === 1 ? stepped(log, number, by, live) : number + by;
  return Math.min(last, Math.max(0, to));
}

function Ticks({ store, log }) {
  const compare = useStore(store, (state) => state.compare);
  const run = useStore(store, (state) => state.run);
  const [ref, { width }] = useSize();
  const ticks = useMemo(() => {
    const x = (number) => (log.count > 1 ? (width * number) / (log.count - 1) : 0);
    return written(ticksOf(log, Math.max(2, width / 56)), x, width);
  }, [log, width]);
  const finals = useMemo(() => log.index.filter((_, place) => log.kind[place] === "final")
    .slice(-FINALS), [log]);
  const at = (number) => ({ left: `${log.count > 1 ? (100 * number) / (log.count - 1) : 0}%` });
  const isHere = ({ source, record, run: of = run }) =>
    source === "record" && of === run && record < log.count;
  const marks = compare.map((one, place) => ({ ...one, letter: "AB"[place] })).filter(isHere);
  return html`
    <div class="timeline-ticks" ref=${ref} aria-hidden="true">
      ${ticks.map(({ number, text }) => html`
        <span key=${`t${number}`} class="timeline-tick" style=${at(number)}>${text}</span>`)}
      ${finals.map((number) => html`
        <span key=${`f${number}`} class="timeline-final" style=${at(number)}
          title=${`what the search decided for: record ${grouped(number + 1)}`}>◆</span>`)}
      ${marks.map(({ letter, record, title }) => html`
        <span key=${letter} class="timeline-mark" style=${at(record)}
          title=${title}>${letter}</span>`)}
    </div>
  `;
}

function Buttons({ store, log, number, move, live }) {
  const playing = useStore(store, (state) => state.playing);
  const following = useStore(store, (state) => state.following);
  const speed = useStore(store, (state) => state.timeline?.speed ?? 1);
  const last = log.count - 1;
  const step = (by) => move(stepped(log, number, by, live));
  const change = (event) => store.set({ timeline: { speed: Number(event.currentTarget.value) } });
  return html`
    <div class="timeline-buttons">
      <button aria-label="Previous record" title="Previous record" disabled=${number <= 0}
        onClick=${() => step(-1)}>◀</button>
      <button class="timeline-play" aria-pressed=${String(playing)} disabled=${last < 1}
        title=${`Play: ${grouped(Math.round(rateOf(log.count, speed)))} records a second`}
        onClick=${() => store.set({ playing: !playing })}>${playing ? "Pause" : "Play"}</button>
      <button aria-label="Next record" title="Next record" disabled=${number >= last}
        onClick=${() => step(1)}>▶</button>
      <select aria-label="Speed of playing" value=${String(speed)} onChange=${change}>
        ${SPEEDS.map((one) => html`<option value=${String(one)}>${one}×</option>`)}
      </select>
      <button aria-pressed=${String(following)} title="Stay on the last record as records come"
        onClick=${() => (following ? move(last) : follow(store, log))}>Follow</button>
    </div>
  `;
}

function follow(store, log) {
  store.set({ ...movedTo(log, log.count - 1), at: null, following: true, playing: false });
}

function Label({ store, number, count }) {
  const record = useStore(store, (state) => state.record);
  const architecture = useStore(store, (state) => state.architecture);
  const [first, ...rest] = told(number, count, record);
  const near = record && record.index !== number;
  return html`
    <p class="timeline-label" title=${moment(record?.time)}>
      <strong>${first}</strong>
      ${rest.map((part) => html`<span><span class="timeline-dot"> · </span>${part}</span>`)}
      ${near && html`<span class="faint"><span class="timeline-dot"> · </span
        >as in record ${grouped(record.index + 1)}</span>`}
      ${architecture && html`<button class="timeline-back"
        title=${`Views draw ${architecture.title}; draw the record instead`}
        onClick=${() => store.set({ architecture: null })}>Back to the record</button>`}
    </p>
  `;
}

/** What is being typed stays, whatever record is shown meanwhile. */
function GoTo({ number, count, move }) {
  const [typed, type] = useState(null);
  const go = (event) => {
    const wanted = Number(event.currentTarget.value);
    if (Number.isInteger(wanted) && wanted >= 1 && wanted <= count) move(wanted - 1);
    type(null);
  };
  return html`
    <label class="timeline-go">Go to
      <input type="number" min="1" max=${count} step="1" value=${typed ?? number + 1}
        onInput=${(event) => type(event.currentTarget.value)} onChange=${go}
        onKeyDown=${(event) => event.key === "Escape" && type(null)}
        onBlur=${() => type(null)} aria-label="Number of the record" />
    </label>
  `;
}

/** Remember what the search would decide for at this record, to compare it with another. */
function Marking({ store }) {
  const compare = useStore(store, (state) => state.compare);
  const record = useStore(store, (state) => state.record);
  const graph = useStore(store, (state) => state.graph);
  const mark = (place) => {
    const marks = compare.slice();
    marks[place] = { ...fromRecord(graph, record), run: store.get().run };
    store.set({ compare: marks });
  };
  if (!graph) return null; // there is nothing to compare them by
  return html`
    <div class="timeline-marking" role="group" aria-label="Marks to compare">
      ${["A", "B"].map((letter, place) => html`
        <button key=${letter} disabled=${!record || place > compare.length}
          aria-label=${`Mark as ${letter}`}
          title=${place > compare.length ? "Mark A first" : titleOf(compare[place], letter)}
          onClick=${() => mark(place)}>Mark ${letter}</button>`)}
    </div>
  `;
}

function titleOf(marked, letter) {
  const now = marked ? ` (now ${marked.title})` : "";
  return `Compare what is strongest here as ${letter}${now}`;
}
