/** Starts the page: reads what there is to see, and follows what comes. */

import { openData, recordOf, withRecords } from "./data.js";
import { graphModel } from "./graph/model.js";
import { warmUp } from "./graph/the_worker.js";
import { html, render } from "./html.js";
import { Shell, viewsOf } from "./shell.js";
import { createStore } from "./store.js";
import { BEST, bestArchitecture } from "./trials/best.js";
import { withTrials } from "./trials/merge.js";
import { turn } from "./turn.js";

const WAIT = 2000; // milliseconds

const store = createStore();
const data = openData();
let unfollow = () => {};
let opened = 0;

/** Show a run: all that it has, at the same time, each part as soon as it is there. */
async function open(run) {
  opened += 1;
  const mine = opened;
  unfollow();
  store.set({
    run, graph: null, graphProblems: [], log: null, at: null, following: true, playing: false,
    record: null, trials: null, architecture: null, hadBest: false, selected: null,
    loading: true, problems: [],
  });
  const shown = store.get().runs.find((one) => one.id === run);
  showFirstView(shown);
  const still = (patch) => mine === opened && store.set(patch);
  const parts = [];
  if (shown.has.graph) {
    parts.push(attempt(() => loadGraph(run, still)));
    warmUp();
  }
  if (shown.has.log) parts.push(attempt(() => loadLog(run, still)));
  if (shown.has.trials) parts.push(attempt(() => loadTrials(run, still)));
  await Promise.all(parts);
  showBest(still);
  still({ loading: false });
  if (mine === opened) unfollow = data.follow(run, handlers(run, still));
}

function showFirstView(run) {
  const names = viewsOf(run).map(([name]) => name);
  const asked = store.get().view;
  store.set({ view: names.includes(asked) ? asked : (names[0] ?? "") });
}

async function loadGraph(run, still) {
  const { graph, problems } = await data.graph(run);
  await turn(); // what was read, what it means and what is drawn of it take a while each
  const model = graph && graphModel(graph);
  await turn();
  still({ graph: model, graphProblems: problems });
}

async function loadLog(run, still) {
  const log = await data.log(run);
  await turn();
  still({ log, record: recordOf(log, store.get().at) });
}

/**
 * Where nothing tells of a supernet's weights, the best trial is what there is to draw: until
 * something else was chosen, or nothing.
 */
function showBest(still) {
  const { trials, graph, log, architecture, hadBest } = store.get();
  const isMine = hadBest ? architecture?.source === BEST : architecture === null;
  const best = trials && !log && isMine ? bestArchitecture(trials, graph) : null;
  if (best) still({ architecture: best, hadBest: true });
}

async function loadTrials(run, still) {
  still({ trials: await data.trials(run) });
}

function handlers(run, still) {
  return {
    connected: (connected) => still({ connected }),
    graph: () => attempt(async () => {
      await refreshRuns(still);
      await loadGraph(run, still);
    }),
    log: (more) => attempt(async () => {
      const { log } = store.get();
      if (!log || more.reset || more.count < log.count) {
        await refreshRuns(still);
        await loadLog(run, still);
        return;
      }
      const joined = withRecords(log, more);
      still({ log: joined });
      if (store.get().following) still({ at: null, record: recordOf(joined, null) });
    }),
    trials: (change) => attempt(async () => {
      const { trials } = store.get();
      if (trials && change.rows) {
        still({ trials: withTrials(trials, change) });
        showBest(still);
        return;
      }
      await refreshRuns(still);
      await loadTrials(run, still);
    }),
    problem: ({ problem }) => tell(problem),
  };
}

/** What runs have may have grown: a search that had only begun has a graph now. */
async function refreshRuns(still) {
  const { runs, version } = await data.runs();
  still({ runs, version });
  showFirstView(runs.find((one) => one.id === store.get().run));
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    tell(error.message);
  }
}

function tell(problem) {
  const { problems } = store.get();
  if (!problems.includes(problem)) store.set({ problems: [...problems, problem] });
}

/** The address keeps what is shown, so that it can be bookmarked and reloaded. */
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  return { run: given.get("run"), view: given.get("view") ?? "" };
}

function keepAddress({ run, view }) {
  if (!run) return;
  const address = `#${new URLSearchParams({ run, view })}`;
  if (address !== location.hash) history.replaceState(null, "", address);
}

async function start() {
  const reading = data.runs();
  await turn();
  render(html`<${Shell} store=${store} data=${data} open=${open} />`,
    document.getElementById("app"));
  const { run, view } = readAddress();
  const { runs, version } = await reading;
  store.set({ runs, version, view });
  if (data.live) store.subscribe(keepAddress);
  const first = runs.find((one) => one.id === run) ?? runs[0];
  if (first) await open(first.id);
  else waitForRuns();
}

/** Look now and then whether a search has begun. */
function waitForRuns() {
  store.set({ loading: false });
  if (!data.live) return;
  setTimeout(() => attempt(async () => {
    const { runs, version } = await data.runs();
    store.set({ runs, version });
    if (runs.length) await open(runs[0].id);
    else waitForRuns();
  }), WAIT);
}

attempt(start);
