"""Ten thousand trials: how long reading them takes, and until a browser shows table and plots."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import insert

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._study import attach_space, distributions
from nas_tuners.viewer.trials.source import Trials

from .._claim import Claim

TRIALS = 10_000
PROMISED = 2000.0  # milliseconds until the table and all plots are shown
LONGEST = 100.0  # milliseconds of one task on the page's main thread
LOADS = 5
PLOTS = 6
OPERATIONS = ["maxpool", "avgpool", "skip", "sepconv3x3", "sepconv5x5", "dil3x3", "dil5x5"]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

# When rows and each plot are first shown, from the first request of trials on, and long tasks.
_WATCH = """
window.seen = {}; window.tasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.tasks.push(duration);
}).observe({ type: "longtask", buffered: true });
const look = () => {
  const note = (name) => { window.seen[name] ??= performance.now(); };
  if (document.querySelector(".grid .row:not(.head)")) note("table");
  for (const plot of document.querySelectorAll(".plot")) {
    const drawn = plot.querySelector(".chart[data-drawn]") || plot.querySelector(".ranking");
    if (drawn) note(plot.getAttribute("aria-labelledby"));
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/study.db"
        _fill(url, seed)
        return [*_reading(url), *_showing(url)]


def space() -> SearchSpace:
    """Thirty keys as of DARTS cells, with some numbers."""
    content: dict[str, Any] = {}
    for kind in ("normal", "reduce"):
        for node in range(2, 6):
            names = [f"{kind}_n{node}_p{i}" for i in range(2)]
            content |= {n: {"_type": "layer_choice", "_value": OPERATIONS} for n in names}
            inputs = {"candidates": [f"in{i}" for i in range(node + 1)], "n_chosen": 2}
            content[f"{kind}_n{node}_switch"] = {"_type": "input_choice", "_value": inputs}
    content |= {f"width{i}": {"_type": "choice", "_value": [16, 24, 36, 48]} for i in range(4)}
    content["depth"] = {"_type": "randint", "_value": [2, 20]}
    content["rate"] = {"_type": "loguniform", "_value": [1e-4, 1e-1]}
    return SearchSpace(content)


def _reading(url: str) -> Iterator[Claim]:
    what = f"{TRIALS:,} trials of {len(space().specs)} keys, SQLite"
    begin = time.perf_counter()
    study = optuna.load_study(study_name="bench", storage=url)
    study.get_trials(deepcopy=False)
    peer = time.perf_counter() - begin
    begin = time.perf_counter()
    trials = Trials.of_storage(url)
    while (columns := trials.columns())["reading"] is not None:
        time.sleep(0.005)
    ours = time.perf_counter() - begin
    assert len(columns["number"]) == TRIALS
    begin = time.perf_counter()
    assert trials.changes(columns["revision"]) is None
    change = time.perf_counter() - begin
    trials.close()
    yield Claim(f"{what}: read", ours * 1e3, peer * 1e3, "Optuna", "ms")
    yield Claim(f"{what}: look for changes", change * 1e3, 20.0, "limit", "ms")
    yield Claim(f"{what}: as JSON", len(json.dumps(columns)) / 2**20, 4.0, "limit", "MiB")


def _showing(url: str) -> Iterator[Claim]:
    chromium = shutil.which("chromium")
    if chromium is None:
        return
    from playwright.sync_api import sync_playwright

    from tests.e2e.kit import Server

    server = Server("--storage", url)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
            loads = [_load(browser, server.url) for _ in range(LOADS + 1)][1:]
            browser.close()
    finally:
        server.stop()
    for name in ("table", "everything"):
        taken = sorted(load[name] for load in loads)[LOADS // 2]
        yield Claim(f"browser: {name} shown after", taken, PROMISED, "limit", "ms")
    longest = sorted(load["longest task"] for load in loads)[LOADS // 2]
    yield Claim("browser: longest task", longest, LONGEST, "limit", "ms")


def _load(browser: Any, url: str) -> dict[str, float]:
    from tests.e2e.kit import wait_until

    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.add_init_script(_WATCH)
    page.goto(f"{url}#view=trials")
    count = "Object.keys(window.seen).length"
    wait_until(lambda: page.evaluate(count) == PLOTS + 1, "the plots")
    seen, tasks = page.evaluate("window.seen"), page.evaluate("window.tasks")
    page.context.close()
    return {
        "table": seen["table"],
        "everything": max(seen.values()),
        "longest task": max(tasks, default=0.0),
    }


def _fill(url: str, seed: int) -> None:
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(
        study_name="bench", storage=storage, directions=["maximize", "minimize"]
    )
    encoding = attach_space(study, space())
    tables: dict[type, list[dict[str, Any]]] = {}
    for number in range(TRIALS):
        for model, row in _rows(encoding, study._study_id, number, seed):
            tables.setdefault(model, []).append({"trial_id": number + 1} | row)
    with storage.engine.begin() as connection:
        for model, rows in tables.items():
            connection.execute(insert(model), rows)
    storage.remove_session()
    storage.engine.dispose()


def _rows(
    encoding: FlatEncoding, study_id: int, number: int, seed: int
) -> Iterator[tuple[type, dict[str, Any]]]:
    """A trial as an experiment leaves it: one in ten was stopped early, one in twenty failed."""
    rng = random.Random(f"{seed} {number}")
    vector = encoding.space.sample(rng)
    architecture = to_architecture(encoding.space, vector)
    score, flops = rng.gauss(0.7, 0.1), 1e6 * rng.lognormvariate(3, 0.5)
    state = rng.choices([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL], [17, 2, 1])[0]
    start = datetime(2026, 1, 1) + timedelta(seconds=10 * number)
    end = start + timedelta(seconds=rng.uniform(5, 80))
    when = {"datetime_start": start, "datetime_complete": end}
    yield models.TrialModel, {"study_id": study_id, "number": number, "state": state} | when
    ranges = distributions(encoding)
    for name, value in encoding.encode(vector).items():
        internal, text = ranges[name].to_internal_repr(value), distribution_to_json(ranges[name])
        row = {"param_name": name, "param_value": internal, "distribution_json": text}
        yield models.TrialParamModel, row
    attributes: dict[str, Any] = {"architecture": architecture}
    if state == TrialState.COMPLETE:
        attributes["result"] = {"default": score, "flops": flops, "ms": rng.uniform(1, 9)}
        finite = models.TrialValueModel.TrialValueType.FINITE
        for objective, value in enumerate((score, flops)):
            row = {"objective": objective, "value": value, "value_type": finite}
            yield models.TrialValueModel, row
    for key, content in attributes.items():
        yield models.TrialUserAttributeModel, {"key": key, "value_json": json.dumps(content)}
    finite = models.TrialIntermediateValueModel.TrialIntermediateValueType.FINITE
    for step in range(5):
        value = score * (1 - 0.5 ** (step + 1)) + rng.gauss(0, 0.01)
        row = {"step": step, "intermediate_value": value, "intermediate_value_type": finite}
        yield models.TrialIntermediateValueModel, row
