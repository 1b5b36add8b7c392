"""What runs one trial on a node; it needs no Ray."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.trial_io import Assignment, Metric
from nas_tuners.experiment.launcher import Exited, Reported, ReportedUnusable
from nas_tuners.experiment.ray_cluster.files import NodeFolders
from nas_tuners.experiment.ray_cluster.host import TrialHost, from_plain, to_plain

REPORT = (
    "from pathlib import Path; import os, sys\n"
    "from nas_tuners.contract.trial_io import Metric, append_metric\n"
    "folder = Path(os.environ['NAS_TUNERS_TRIAL_DIR'])\n"
    "append_metric(folder, Metric('final', 0, 0.5)); print('said', os.environ['WORD'])\n"
)


def _order(tmp_path: Path, program: str, **fields: Any) -> dict[str, Any]:
    return {
        "assignment": asdict(Assignment("abc", "abc-0007", 7, {})),
        "command": [sys.executable, "-c", program],
        "function": None,
        "environment": {"WORD": "hello"},
        "max_log_bytes": 10**6,
        "timeout": None,
        "trials": str(tmp_path / "trials"),
        "code_directory": str(tmp_path),
        **fields,
    }


@pytest.fixture(autouse=True)
def _no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread is to end this process, which is not Ray's; a killed node has a test elsewhere."""
    monkeypatch.setattr("nas_tuners.experiment.ray_cluster.host._end_with_parent", lambda: None)


@pytest.fixture
def run() -> Callable[[dict[str, Any]], tuple[Path, list[dict[str, Any]]]]:
    """Runs an order to its end: the trial's folder and all events."""

    def run_order(order: dict[str, Any]) -> tuple[Path, list[dict[str, Any]]]:
        host = TrialHost()
        place = host.start(order)
        events: list[dict[str, Any]] = []
        while not events or events[-1]["kind"] != "exited":
            events += host.events(len(events), 30.0)
        assert host.events(0, 30.0) == events, "what was lost on the way can be asked for again"
        return Path(place["folder"]), events

    return run_order


Run = Callable[[dict[str, Any]], tuple[Path, list[dict[str, Any]]]]


def test_a_trial_runs_and_its_files_come_with_its_end(tmp_path: Path, run: Run) -> None:
    folder, events = run(_order(tmp_path, REPORT))
    assert folder == tmp_path / "trials" / "0007"
    assert [event["kind"] for event in events] == ["reported", "exited"]
    assert json.loads(json.dumps(events)) == events
    files = events[-1]["files"]
    assert files["stdout.txt"] == "said hello\n"
    assert json.loads(files["metrics.jsonl"])["value"] == 0.5


RECORD = "import os; open(os.environ['NAS_TUNERS_TRIAL_DIR'] + '/graph.json', 'w').write('{}')"


def test_the_graph_of_the_model_space_becomes_the_experiments(tmp_path: Path, run: Run) -> None:
    _, events = run(_order(tmp_path, RECORD))
    files = events[-1]["files"]
    assert files["graph.json"] == "{}"
    trials = tmp_path / "experiment" / "trials"
    folders = NodeFolders(trials, shared=None, all_here=False)
    folders.prepare(Assignment("e", "t", 7, {}))
    folders.bring_back(7, files)
    assert (tmp_path / "experiment" / "graph.json").read_text() == "{}"
    assert not (trials / "0007" / "graph.json").exists()
    folders.bring_back(7, {**files, "graph.json": "another"})
    assert (tmp_path / "experiment" / "graph.json").read_text() == "{}"


def test_only_the_last_lines_are_brought_back(tmp_path: Path, run: Run) -> None:
    _, events = run(_order(tmp_path, "for n in range(300_000): print(n)", max_log_bytes=10**8))
    output = events[-1]["files"]["stdout.txt"]
    assert output.endswith("\n299999\n")
    assert len(output) <= 1_000_000
    assert int(output.splitlines()[0]) == 299_999 - len(output.splitlines()) + 1


def test_no_link_is_followed(tmp_path: Path, run: Run) -> None:
    (tmp_path / "secret").write_text("secret\n")
    swap = (
        "import os; os.chdir(os.environ['NAS_TUNERS_TRIAL_DIR'])\n"
        f"os.remove('stderr.txt'); os.symlink({str(tmp_path / 'secret')!r}, 'stderr.txt')"
    )
    _, events = run(_order(tmp_path, swap))
    assert events[-1]["files"]["stderr.txt"] == ""


def test_a_temporary_folder_is_kept_for_what_the_trial_made(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder, _ = run(_order(tmp_path, "pass", trials=None))
    assert not folder.parent.exists()
    write = "import os; open(os.environ['NAS_TUNERS_TRIAL_DIR'] + '/output/weights', 'w')"
    folder, _ = run(_order(tmp_path, write, trials=None))
    assert (folder / "output" / "weights").exists()


def test_a_trial_is_begun_once_and_can_be_stopped(tmp_path: Path) -> None:
    host = TrialHost()
    order = _order(tmp_path, "import time; time.sleep(600)")
    assert host.start(order) == host.start(order)
    host.stop(5.0)
    [event] = host.events(0, 30.0)
    assert from_plain(event) == Exited(7, None, signal=15)


@pytest.mark.parametrize(
    "event",
    [
        Reported(1, Metric("intermediate", 2, {"default": 0.5, "loss": 1.0}, 3.0)),
        ReportedUnusable(1, "no number"),
        Exited(1, 3, timed_out=True, last_words="oh", lost=True),
    ],
)
def test_events_come_through(event: Any) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(event)))) == event
