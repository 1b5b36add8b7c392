"""The page with a search in it, as one file for papers, reports and colleagues."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nas_tuners import __version__
from nas_tuners.contract.errors import ConfigError, ExportError, NasTunersError
from nas_tuners.contract.json_files import write_text

from ._one_file import one_file
from ._run import Run, TrialsSource, json_bytes, no_log
from ._runs import Runs, runs_of

_MIB = 2**20
_LARGEST = 8 * _MIB  # of the data; the page itself has less than one
_RECORDS = (1000, 500, 250, 120, 60)  # of a log, as many as there is room for
_LOG = 3 * _MIB
_TRIALS = (10_000, 3_000, 1_000, 300)
_TABLE = 3 * _MIB
_DETAILS = 200  # trials that can be looked into
_PATIENCE = 120.0  # seconds that the trials of a study may take to be read
_IMPORTANCE = 60.0  # seconds that may take


def export_page(source: Any, file: str | Path) -> list[str]:
    """Write the viewer's page, with searches in it, as one file that needs nothing else.

    Args:
        source: A folder of recorded searches or of an experiment, the URL of a storage, an
            :class:`~nas_tuners.Experiment` or an Optuna study.
        file: The HTML file to write. It appears when it is whole.

    Returns:
        What was left out to keep the file small, a sentence each.

    Raises:
        ConfigError: if there is nothing to show.
        ExportError: if the file cannot be written.

    Example::

        from nas_tuners.viewer import export_page

        export_page("logs/2026-01-01_10-00-00", "search.html")
    """
    runs = runs_of(source)
    try:
        return export_runs(runs, file)
    finally:
        runs.close()


def export_runs(runs: Runs, file: str | Path) -> list[str]:
    """:func:`export_page` of runs that have been found."""
    page, left_out = page_of(runs)
    try:
        write_text(Path(file).expanduser(), page)
    except OSError as error:
        raise ExportError(f"{file} cannot be written: {error.strerror or error}") from error
    return left_out


def page_of(runs: Runs) -> tuple[str, list[str]]:
    """The page's text, and what was left out.

    Raises:
        ConfigError: if there is nothing to show.
    """
    shown = runs.refresh()
    if not shown:
        raise ConfigError(
            "nothing is recorded there yet: no graph.json, no log and no experiment", "--export"
        )
    data, left_out = _data_of(shown)
    return one_file(data), left_out


def _data_of(shown: Sequence[Run]) -> tuple[dict[str, Any], list[str]]:
    parts = ("graph", "log", "trials", "trial", "intermediate", "importance")
    data: dict[str, Any] = {part: {} for part in parts}
    listed, left_out, size = list[dict[str, Any]](), list[str](), 0
    for run in shown:
        content, notes = _content_of(run)
        size += sum(len(json_bytes(part)) for part in content.values())
        if listed and size > _LARGEST:
            rest = len(shown) - len(listed)
            left_out.append(f"of {len(shown)} searches, the {rest} oldest are left out")
            break
        for part, value in content.items():
            data[part][run.id] = value
        listed.append({**run.summary(), "live": False, "dashboard": None})
        left_out += [f"{run.title}: {note}" for note in notes]
    data["runs"] = {"version": __version__, "runs": listed}
    return data, left_out


def _content_of(run: Run) -> tuple[dict[str, Any], list[str]]:
    content: dict[str, Any] = {"graph": run.graph_content()}
    notes: list[str] = []
    log, note = _log_of(run)
    if log["count"] or log["problems"]:
        content["log"] = log
    notes += note
    if run.has_trials:
        more, note = _trials_of(run)
        content |= more
        notes += note
    return content, notes


def _log_of(run: Run) -> tuple[dict[str, Any], list[str]]:
    overview = no_log()
    for limit in _RECORDS:
        overview, _ = run.log_overview(limit, whole=True)
        if len(json_bytes(overview)) <= _LOG:
            break
    given, count = len(overview["index"]), overview["count"]
    few = given < count
    return overview, [f"of the log's {count} records, {given} are in the page"] if few else []


def _trials_of(run: Run) -> tuple[dict[str, Any], list[str]]:
    trials = run.trials()
    columns = _whole_columns(run)
    total = len(columns["number"])
    for limit in _TRIALS:
        columns = _latest(columns, limit)
        if len(json_bytes(columns)) <= _TABLE:
            break
    details = {}
    for number in _looked_into(columns):
        try:
            details[str(number)] = {**run.trial(number), "logs": []}
        except NasTunersError:
            continue
    content = {
        "trials": columns,
        "trial": details,
        "intermediate": _curves(trials),
        "importance": _importance(trials),
    }
    given = len(columns["number"])
    notes = []
    if given < total:
        notes.append(f"of {total} trials, {given} are in the page, the best and the latest")
    if len(details) < given:
        notes.append(f"{len(details)} trials can be looked into, the best and the latest")
    if given:
        notes.append("what trials have printed is left out")
    return content, notes


def _curves(trials: TrialsSource) -> dict[str, Any]:
    try:
        return trials.curves()
    except NasTunersError:
        return {"curves": {}}  # the columns say what is wrong


def _importance(trials: TrialsSource) -> dict[str, Any]:
    """How much keys matter, or why that is not known: nobody asks for it again."""
    try:
        found = trials.importance(wait=_IMPORTANCE)
    except NasTunersError as error:
        return {"metric": "", "importance": {}, "problem": str(error)}
    if found.pop("computing") and not found["importance"]:
        found["problem"] = "it took too long when this page was written"
    return found


def _whole_columns(run: Run) -> dict[str, Any]:
    """The trials once all have been read."""
    end = time.monotonic() + _PATIENCE
    while True:
        columns: dict[str, Any] = run.trials().columns()
        if columns.get("reading") is None or time.monotonic() > end:
            return columns
        time.sleep(0.05)


def _latest(columns: dict[str, Any], limit: int) -> dict[str, Any]:
    """The best and the latest trials, if there are more than a limit."""
    count = len(columns["number"])
    if count <= limit:
        return columns
    kept = set(_best(columns, limit // 2))
    for place in range(count - 1, -1, -1):
        if len(kept) == limit:
            break
        kept.add(place)
    places = [place for place in range(count) if place in kept]
    numbers = {str(columns["number"][place]) for place in places}

    def some(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: some(value) for key, value in part.items()}
        return [part[place] for place in places]

    per_trial = ("number", "state", "values", "start", "seconds", "architecture")
    fewer = {name: some(columns[name]) for name in per_trial}
    if columns.get("feasible") is not None:
        fewer["feasible"] = some(columns["feasible"])
    fewer["reason"] = {n: why for n, why in columns["reason"].items() if n in numbers}
    return {**columns, **fewer}


def _best(columns: dict[str, Any], limit: int) -> list[int]:
    """The places of the trials that are best in the first objective."""
    if not columns["metrics"]:
        return []
    values = columns["values"][columns["metrics"][0]]
    sign = -1 if columns["directions"][0] == "maximize" else 1
    known = [place for place, value in enumerate(values) if value is not None]
    return sorted(known, key=lambda place: sign * values[place])[:limit]


def _looked_into(columns: dict[str, Any]) -> Iterator[int]:
    """Numbers of trials, the best and the latest."""
    count = len(columns["number"])
    best = _best(columns, _DETAILS // 2)
    latest = range(max(count - (_DETAILS - len(best)), 0), count)
    for place in sorted({*best, *latest}):
        yield columns["number"][place]
