"""The local launcher, with real processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_tuners.contract.trial_io import Assignment
from nas_tuners.experiment.launcher import Event, Exited, Reported, ReportedUnusable
from nas_tuners.experiment.local.launcher import LocalLauncher
from nas_tuners.experiment.local.spawners import arguments, trial_environment
from tests.experiment_kit import eventually, is_alive

METRIC = '{"kind": "final", "sequence": 0, "value": 1.5}'


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    return tmp_path / "trials"


def launch(trials: Path, command: str, **environment: str) -> LocalLauncher:
    return LocalLauncher(command, cwd=trials.parent, trials=trials, environment=environment)


def assignment(number: int = 0) -> Assignment:
    return Assignment("e", f"e-{number}", number, {"a": 1})


def until_exit(launcher: LocalLauncher, count: int = 1) -> list[Event]:
    events: list[Event] = []
    while sum(isinstance(event, Exited) for event in events) < count:
        events += launcher.events(10.0)
    return events


def test_a_trial_runs_in_its_folder_and_is_heard(trials: Path) -> None:
    command = (
        f"echo to-out; echo to-err >&2; echo '{METRIC}' >> $NAS_TUNERS_TRIAL_DIR/metrics.jsonl"
    )
    with launch(trials, command) as launcher:
        launcher.start(assignment(), timeout=None)
        reported, exited = until_exit(launcher)
    assert isinstance(reported, Reported)
    assert reported.metric.value == 1.5
    assert exited == Exited(0, 0, last_words="to-err")
    folder = trials / "0000"
    assert (folder / "stdout.txt").read_text() == "to-out\n"
    assert (folder / "output").is_dir()
    assert '"number": 0' in (folder / "parameters.json").read_text()


def test_reports_come_before_the_exit_however_many(trials: Path) -> None:
    lines = "".join(
        f'{{"kind": "intermediate", "sequence": {n}, "value": {n}}}\n' for n in range(500)
    )
    trials.parent.joinpath("lines").write_text(lines)
    with launch(trials, "cat lines > $NAS_TUNERS_TRIAL_DIR/metrics.jsonl") as launcher:
        launcher.start(assignment(), timeout=None)
        events = until_exit(launcher)
    values = [event.metric.value for event in events if isinstance(event, Reported)]
    assert values == list(range(500))
    assert isinstance(events[-1], Exited)


def test_an_unreadable_result_is_a_report_too(trials: Path) -> None:
    with launch(trials, "mkdir $NAS_TUNERS_TRIAL_DIR/metrics.jsonl") as launcher:
        launcher.start(assignment(), timeout=None)
        events = until_exit(launcher)
    assert isinstance(events[0], ReportedUnusable)
    assert "not a regular file" in events[0].problem


def test_many_at_a_time(trials: Path) -> None:
    with launch(trials, "exit 3") as launcher:
        for number in range(10):
            launcher.start(assignment(number), timeout=None)
        events = until_exit(launcher, count=10)
    assert {event.number for event in events} == set(range(10))
    assert all(isinstance(event, Exited) and event.exit_code == 3 for event in events)


def test_a_list_is_not_split_nor_expanded(trials: Path) -> None:
    command = ("/bin/echo", "a  b", "$HOME", "it's")
    with LocalLauncher(command, cwd=trials.parent, trials=trials, environment={}) as launcher:
        launcher.start(assignment(), timeout=None)
        until_exit(launcher)
    assert (trials / "0000" / "stdout.txt").read_text() == "a  b $HOME it's\n"


def test_a_trial_reads_nothing_from_the_terminal(trials: Path) -> None:
    with launch(trials, "cat; echo done") as launcher:
        launcher.start(assignment(), timeout=None)
        until_exit(launcher)
    assert (trials / "0000" / "stdout.txt").read_text() == "done\n"


def test_stop_asks_first_and_kills_after_the_grace(trials: Path) -> None:
    command = "trap '' TERM; touch $NAS_TUNERS_TRIAL_DIR/ready; while :; do sleep 0.1; done"
    with launch(trials, command) as launcher:
        launcher.start(assignment(), timeout=None)
        assert eventually((trials / "0000" / "ready").exists)
        launcher.stop([0], grace=0.2)
        (exited,) = until_exit_polling(launcher)
    assert exited == Exited(0, None, signal.SIGKILL)


def test_a_trial_whose_time_is_over_is_ended(trials: Path) -> None:
    with launch(trials, "exec sleep 60") as launcher:
        launcher.start(assignment(), timeout=0.1)
        (exited,) = until_exit_polling(launcher)
    assert exited == Exited(0, None, signal.SIGTERM, timed_out=True)


def test_leaving_the_context_ends_everything(trials: Path) -> None:
    with launch(trials, "sleep 60 & echo $! > $NAS_TUNERS_TRIAL_DIR/child; wait") as launcher:
        launcher.start(assignment(), timeout=None)
        child = trials / "0000" / "child"
        assert eventually(lambda: child.exists() and child.read_text() != "")
        pid = int(child.read_text())
        assert is_alive(pid)
    assert eventually(lambda: not is_alive(pid))


def test_wake_ends_the_wait(trials: Path) -> None:
    with launch(trials, "true") as launcher:
        launcher.wake()
        assert launcher.events(3600.0) == []


def test_another_attempt_keeps_the_output_and_archives_the_rest(trials: Path) -> None:
    command = f"cd $NAS_TUNERS_TRIAL_DIR; echo '{METRIC}' >> metrics.jsonl; touch output/x"
    with launch(trials, command) as launcher:
        for _ in range(3):
            launcher.start(assignment(), timeout=None)
            events = until_exit(launcher)
            assert sum(isinstance(event, Reported) for event in events) == 1
    folder = trials / "0000"
    assert (folder / "output" / "x").exists()
    assert (folder / "attempt-1" / "metrics.jsonl").read_text() == METRIC + "\n"
    assert (folder / "attempt-2" / "metrics.jsonl").read_text() == METRIC + "\n"


def test_a_trial_is_told_where_its_files_go(trials: Path) -> None:
    with launch(trials, "cd $NAS_TUNERS_OUTPUT_DIR && touch model.onnx") as launcher:
        launcher.start(assignment(), timeout=None)
        until_exit(launcher)
    assert (trials / "0000" / "output" / "model.onnx").exists()


def test_the_environment_of_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_PREFIX", "/conda")
    monkeypatch.setenv("PATH", "/conda/bin:/usr/bin")
    for name in ("GEN_SEARCH_SPACE", "TRIAL_DIR", "OUTPUT_DIR"):
        monkeypatch.setenv(f"NAS_TUNERS_{name}", "/tmp/somewhere")
    environment = trial_environment({"MODE": "fast"})
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/conda/bin:/usr/bin"
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["MODE"] == "fast"
    assert not [name for name in environment if name.startswith("NAS_TUNERS_")]
    monkeypatch.setenv("PYTHONUNBUFFERED", "0")
    environment = trial_environment({"PATH": "/mine"})
    assert environment["PATH"] == "/mine"
    assert environment["PYTHONUNBUFFERED"] == "0"


def test_a_text_goes_to_the_shell() -> None:
    assert arguments("a && b") == ["/bin/sh", "-c", "a && b"]
    assert arguments(("a", "b c")) == ["a", "b c"]


def test_a_trial_that_floods_its_output(trials: Path) -> None:
    command = "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; echo done"
    options = {"cwd": trials.parent, "trials": trials, "environment": {}}
    with LocalLauncher(command, max_log_bytes=100_000, **options) as launcher:
        launcher.start(assignment(), timeout=None)
        until_exit(launcher)
    content = (trials / "0000" / "stdout.txt").read_bytes()
    assert len(content) <= 100_000
    assert content.endswith(b"x\ndone\n")
    assert b"[nas-tuners left out " in content


def test_a_result_that_is_too_large_does_not_hide_those_around_it(trials: Path) -> None:
    script = (
        "import os; f = open(os.environ['NAS_TUNERS_TRIAL_DIR'] + '/metrics.jsonl', 'w')\n"
        f"line = '{METRIC}\\n'\n"
        "f.write(line + '[' * 10_000_000 + '\\n' + line)\n"
    )
    with launch(trials, "exec python script.py") as launcher:
        (trials.parent / "script.py").write_text(script)
        launcher.start(assignment(), timeout=None)
        first, problem, last, exited = until_exit(launcher)
    assert isinstance(first, Reported)
    assert isinstance(problem, ReportedUnusable)
    assert "it has more than 1000000 bytes" in problem.problem
    assert len(problem.problem) < 1000
    assert isinstance(last, Reported)
    assert exited == Exited(0, 0)


def test_results_are_not_read_through_a_link(trials: Path) -> None:
    (trials.parent / "elsewhere").write_text(METRIC + "\n")
    command = "ln -s ../../elsewhere $NAS_TUNERS_TRIAL_DIR/metrics.jsonl; sleep 0.3"
    with launch(trials, command) as launcher:
        launcher.start(assignment(), timeout=None)
        problem, exited = until_exit_polling(launcher, count=2)
    assert isinstance(problem, ReportedUnusable)
    assert "it is a symbolic link, which is not followed" in problem.problem
    assert isinstance(exited, Exited)


class TwoAtATime:
    """As GPUs are given away."""

    def __init__(self) -> None:
        self.taken: set[int] = set()

    def room(self, *, running: bool) -> bool:
        assert running == bool(self.taken)
        return len(self.taken) < 2

    def waits_for(self) -> str:
        return "the other one" if len(self.taken) == 2 else ""

    def take(self, number: int) -> dict[str, str]:
        self.taken.add(number)
        return {"CUDA_VISIBLE_DEVICES": str(number)}

    def note_process(self, number: int, pid: int) -> None:
        assert number in self.taken

    def give_back(self, number: int) -> None:
        self.taken.remove(number)

    def close(self) -> None:
        assert not self.taken


def test_room_is_what_the_gpus_leave(trials: Path) -> None:
    options = {"cwd": trials.parent, "trials": trials, "environment": {}}
    with LocalLauncher("echo $CUDA_VISIBLE_DEVICES", gpus=TwoAtATime(), **options) as launcher:
        for number in (0, 1):
            assert launcher.has_room()
            launcher.start(assignment(number), timeout=None)
        assert not launcher.has_room()
        assert launcher.waits_for() == "the other one"
        until_exit(launcher, count=2)
        assert launcher.has_room()
    for number in (0, 1):
        assert (trials / f"{number:04d}" / "stdout.txt").read_text() == f"{number}\n"


def until_exit_polling(launcher: LocalLauncher, count: int = 1) -> list[Event]:
    """As the loop does it: deadlines are looked at between short waits."""
    events: list[Event] = []
    while len(events) < count:
        events += launcher.events(0.05)
    return events


def _children() -> set[str]:
    """Dead ones that nobody waited for, too; a database of other tests may be among them."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


@pytest.fixture(autouse=True)
def _no_zombies() -> Iterator[None]:
    before = _children()
    yield
    assert _children() <= before
