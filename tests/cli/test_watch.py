"""``status``, ``top`` and ``export``, of running and finished experiments."""

from __future__ import annotations

import json
import signal

from nas_tuners.contract.architecture import read_architecture
from nas_tuners.contract.search_space import SearchSpace
from tests.experiment_kit import SPACE, Project, finish


def test_export_writes_the_best_as_a_file_that_can_be_applied(project: Project) -> None:
    project.write(max_trials=12)
    assert project.run().returncode == 0
    shown = project.command("export", project.experiment)
    assert json.loads(shown.stdout) == {"a": "z", "b": "s"}
    file = project.path / "deep" / "best.json"
    written = project.command("export", project.experiment, "--output", file)
    assert written.returncode == 0
    assert "(value 23.0)" in written.stdout
    assert read_architecture(SearchSpace(SPACE), file) == (2, 3)


def test_export_of_one_trial(project: Project) -> None:
    project.write(max_trials=2)
    assert project.run().returncode == 0
    shown = project.command("export", project.experiment, "--trial", "1")
    assert json.loads(shown.stdout) == project.trials()[1].user_attrs["architecture"]
    unknown = project.command("export", project.experiment, "--trial", "7")
    assert unknown.returncode == 5
    assert "no trial 7; the study has 2 trials, from 0" in unknown.stderr


def test_export_to_where_nothing_can_be_written(project: Project) -> None:
    project.write(max_trials=1)
    assert project.run().returncode == 0
    done = project.command("export", project.experiment, "-o", "/proc/best.json")
    assert done.returncode == 5
    assert "/proc/best.json cannot be written" in done.stderr


def test_a_running_experiment_can_be_watched(project: Project) -> None:
    project.write("report(value) if number == 0 else (signal_test(), signal.pause())")
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    status = project.command("status", project.experiment).stdout
    assert f"running (process {runner.pid})" in status
    assert "2 of at most 3: 1 complete, 1 running" in status
    assert "tuner       random, maximize, seed 7" in status
    assert project.command("top", project.experiment).stdout.count("\n") == 2
    assert json.loads(project.command("export", project.experiment).stdout)
    runner.send_signal(signal.SIGINT)
    finish(runner)
    status = project.command("status", project.experiment).stdout
    assert f"ended: interrupted; go on with: nas-tuners resume {project.experiment}\n" in status


def test_top_shows_the_best_first(project: Project) -> None:
    project.write(max_trials=6)
    assert project.run().returncode == 0
    lines = project.command("top", project.experiment, "-n", "3").stdout.splitlines()
    assert lines[0].split() == ["trial", "value", "time", "architecture"]
    values = [float(line.split()[1]) for line in lines[1:]]
    assert values == sorted((trial.value for trial in project.trials()), reverse=True)[:3]


def test_folders_without_an_experiment(project: Project) -> None:
    for command in ("status", "top", "export", "resume", "stop"):
        done = project.command(command, project.path)
        assert done.returncode == 5
        assert "holds no experiment" in done.stderr


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    project.write(max_trials=3)
    assert project.run().returncode == 0
    reader = project.start("top", "experiment", "-n", "100")
    assert reader.stdout is not None
    reader.stdout.close()
    reader.wait()
    assert reader.stderr is not None
    assert reader.stderr.read() == ""
    reader.stderr.close()
    assert reader.returncode == 0
