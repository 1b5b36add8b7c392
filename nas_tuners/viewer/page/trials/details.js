/** One trial in full: what it is, what it found, what it printed. */

import { html, useEffect, useMemo, useState } from "../html.js";
import { useStore } from "../store.js";
import { duration, moment } from "../format.js";
import { architectureOf, architectureOfTrial, written } from "./architecture.js";
import { entryText, metricText, stateText } from "./columns.js";
import { Curves } from "./curves.js";

export { architectureOf };

export function Details({ store, data, run, trials, number, onClose }) {
  const graph = useStore(store, (all) => all.graph);
  const compare = useStore(store, (all) => all.compare);
  const place = trials.number.indexOf(number);
  const state = trials.state[place];
  const [found, problem] = useTrial(data, run, number, state);
  const [hint, setHint] = useState("");
  useEffect(() => setHint(""), [number]);
  const curves = useMemo(() => {
    const points = (found?.intermediate ?? []).filter(([, value]) => value !== null);
    return points.length ? { [number]: points } : {};
  }, [found, number]);
  const states = useMemo(() => ({ [number]: state }), [number, state]);
  if (place < 0) return null;
  const shown = architectureOfTrial(trials, number, graph);
  const { title } = shown;
  const choose = () => store.set({ architecture: shown, view: "supernet" });
  const add = () => {
    const others = compare.filter((one) => one && one.title !== title).slice(-1);
    const both = [...others, shown];
    setHint(both.length < 2 ? "Choose another trial to compare it with." : "");
    store.set({ compare: both, ...(both.length === 2 ? { view: "compare" } : {}) });
  };
  return html`
    <section class="details panel" aria-label=${title}>
      <header>
        <h2>${title} <span class=${`badge state-${state}`}>${stateText(state)}</span></h2>
        <span class="space"></span>
        <button onClick=${choose} disabled=${!graph}
          title=${graph ? "" : "This search has no graph.json"}>On the supernet</button>
        <button onClick=${add}>${compareLabel(compare, title)}</button>
        <button onClick=${() => download(found?.architecture ?? written(trials, place), number)}>
          Download JSON</button>
        <button onClick=${onClose} aria-label="Close the details" title="close">✕</button>
      </header>
      <output>${hint}</output>
      ${trials.reason[number] && html`<p class="problem reason">${found?.reason
        ?? trials.reason[number]}</p>`}
      ${problem && html`<p class="problem" role="status">${problem}</p>`}
      <div class="parts">
        <div>
          <h3>Results</h3>
          <${Facts} facts=${factsOf(trials, place, found)} />
          ${found && Object.keys(found.attributes).length > 0 && html`
            <details><summary>Attributes</summary>
              <${Facts} facts=${attributeFacts(found.attributes)} /></details>`}
        </div>
        <div>
          <h3>Architecture</h3>
          <${Facts} facts=${choiceFacts(trials, place)} />
        </div>
        ${Object.keys(curves).length > 0 && html`
          <div class="own-curve"><h3>Reported on its way</h3>
            <${Curves} store=${store} curves=${curves} states=${states}
              name=${trials.metrics[0]} /></div>`}
      </div>
      ${(found?.logs ?? []).map((name) => html`
        <${Log} key=${`${number} ${name}`} data=${data} run=${run} number=${number} name=${name}
          live=${state === "running"} />`)}
    </section>`;
}

function compareLabel(compare, title) {
  const [other] = compare.filter((one) => one?.title !== title).slice(-1);
  return other ? `Compare with ${other.title}` : "Compare …";
}

function Facts({ facts }) {
  return html`
    <dl>${facts.map(([name, text]) => html`
      <div key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}
    </dl>`;
}

/** What a trial found, and when. */
function factsOf(trials, place, found) {
  const value = (name) => trials.values[name][place];
  const metrics = trials.metrics.filter((name) => Number.isFinite(value(name)));
  const facts = metrics.map((name) => [name, metricText(value(name))]);
  for (const [name, excess] of Object.entries(found?.excess ?? {})) {
    facts.push([`bound of ${name}`, excess === null || excess > 0
      ? `exceeded by ${metricText(excess)}` : "kept"]);
  }
  if (trials.start[place] !== null) facts.push(["started", moment(trials.start[place])]);
  if (trials.seconds[place] !== null) facts.push(["took", duration(trials.seconds[place])]);
  return facts;
}

function choiceFacts(trials, place) {
  return Object.entries(trials.architecture)
    .filter(([, entries]) => entries[place] !== null && entries[place] !== undefined)
    .map(([key, entries]) => [key, entryText(entries[place], trials.labels[key] ?? null)]);
}

function attributeFacts(attributes) {
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.entries(attributes).map(([name, value]) => [name, text(value)]);
}

const AGAIN = 5000; // milliseconds

/** The rest of a trial, once it has come; read again when its state changes, and while it runs. */
function useTrial(data, run, number, state) {
  const [answer, set] = useState([null, ""]);
  useEffect(() => {
    let wanted = true;
    const read = () => data.trial(run, number).then(
      (found) => wanted && set([found, ""]),
      (error) => wanted && set([null, error.message]),
    );
    set(([old]) => [old?.number === number ? old : null, ""]);
    read();
    const timer = data.live && state === "running" ? setInterval(read, AGAIN) : undefined;
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [data, run, number, state]);
  return answer;
}

function Log({ data, run, number, name, live }) {
  const [text, set] = useState(null);
  const [shown, show] = useState(false);
  const read = () => {
    data.trialLog(run, number, name).then(set, (error) => set(error.message));
  };
  const toggle = (event) => {
    show(event.currentTarget.open);
    if (event.currentTarget.open && text === null) read();
  };
  return html`
    <details onToggle=${toggle}>
      <summary>${name}</summary>
      ${shown && live && html`<button onClick=${read}>Read again</button>`}
      ${shown && html`<pre class="log" tabindex="0" role="region" aria-label=${name}>${
        text === null ? "Reading …" : text || "It is empty."}</pre>`}
    </details>`;
}

function download(architecture, number) {
  const text = `${JSON.stringify(architecture, null, 2)}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `trial-${number}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
