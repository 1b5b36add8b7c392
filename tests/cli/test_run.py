from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nas_tuners.contract.search_space import SearchSpace
from tests.experiment_kit import SPACE, Project, finish


def test_a_run_tells_what_happens_and_what_next(project: Project) -> None:
    project.write(max_trials=3)
    done = project.run()
    assert done.returncode == 0
    assert done.stderr == ""
    head, *rest = done.stdout.splitlines()
    assert head == f"Experiment in {project.experiment}"
    assert "Search space: 2 keys, 12 architectures" in rest
    lines = [line for line in rest if line.startswith("trial    ") and " best " in line]
    assert len(lines) == 3
    assert all("a=" in line and "b=" in line for line in lines)
    assert "Best of 3 trials:" in rest
    assert f"Everything is in {project.experiment}" in rest


def test_the_latest_experiment_here_is_the_default(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(max_trials=1)
    (project.path / "here").mkdir()
    monkeypatch.chdir(project.path / "here")
    assert project.command("run", project.path / "config.yml").returncode == 0
    latest = project.path / "here" / "nas-experiments" / "latest"
    assert latest.resolve().name.startswith("config-")
    assert "1 complete" in project.command("status").stdout
    assert project.command("top").returncode == 0
    assert project.command("resume", "--max-trials", "2").returncode == 0
    assert "2 complete" in project.command("status").stdout


def test_a_missing_search_space_is_generated(project: Project) -> None:
    trial = f"""
import json, os, sys
if file := os.environ.get("NAS_TUNERS_GEN_SEARCH_SPACE"):
    open(file, "w").write(json.dumps({SPACE!r}))
    sys.exit()
"""
    project.write(search_space=None, max_trials=1)
    script = project.path / "trial.py"
    script.write_text(trial + script.read_text())
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "the trial command generates it" in done.stdout
    assert "2 keys, 12 architectures" in done.stdout


def test_a_search_space_file_that_is_not_there_is_generated(project: Project) -> None:
    trial = f"""
import json, os, sys
if file := os.environ.get("NAS_TUNERS_GEN_SEARCH_SPACE"):
    open(file, "w").write(json.dumps({SPACE!r}))
    sys.exit()
"""
    project.write(search_space="space.json", max_trials=1)
    script = project.path / "trial.py"
    script.write_text(trial + script.read_text())
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "space.json is not there yet: the trial command generates it" in done.stdout
    assert SearchSpace.load(project.path / "space.json") == SearchSpace(SPACE)


def test_a_trial_script_that_gives_no_search_space(project: Project) -> None:
    project.write(search_space=None, command=[sys.executable, "-c", "pass"])
    done = project.run()
    assert done.returncode == 2
    assert "never called get_and_apply_next_architecture" in done.stderr
    assert not project.experiment.exists()


def test_all_mistakes_of_a_configuration_at_once(project: Project) -> None:
    project.write(concurrency=0, optimize_mode="max", tuner="nothing", comand="x")
    done = project.run()
    assert done.returncode == 2
    assert "config.yml: 4 problems" in done.stderr
    assert "concurrency (line " in done.stderr
    assert not project.experiment.exists()


def test_a_configuration_that_is_not_there(project: Project) -> None:
    done = project.command("run", project.path / "nothing.yml")
    assert done.returncode == 2
    assert "nothing.yml: no such file" in done.stderr


def test_a_run_says_why_it_ended_and_how_to_go_on(project: Project) -> None:
    project.write(max_trials=2)
    go_on = f"nas-tuners resume {project.experiment} --max-trials N"
    assert f"Ended: max_trials reached. To go on: {go_on}\n" in project.run().stdout
    assert "Ended: every architecture tried.\n" in project.resume("--max-trials", "99").stdout


def test_a_tuner_that_ends_by_itself_has_not_tried_everything(project: Project) -> None:
    listed = [{"a": "x", "b": "p"}, {"a": "y", "b": "q"}]
    project.write(tuner={"name": "BatchTuner", "args": {"batch": listed}}, max_trials=9)
    ended = "the tuner has nothing more to propose (2 of 12 architectures were tried)"
    assert f"Ended: {ended}.\n" in project.run().stdout
    assert f"state       ended: {ended}\n" in project.command("status", project.experiment).stdout


def test_the_ending_that_older_versions_noted(project: Project) -> None:
    project.write(max_trials=1)
    assert project.run().returncode == 0
    file = project.experiment / "runner.json"
    file.write_text(
        json.dumps(json.loads(file.read_text()) | {"ended": "every architecture tried"})
    )
    status = project.command("status", project.experiment).stdout
    assert "state       ended: every architecture tried\n" in status
    assert project.resume("--max-trials", "2").returncode == 0


def test_a_mended_script_goes_on_beyond_the_failed_trials(project: Project) -> None:
    project.write("sys.exit('broken')", max_trials=2)
    go_on = f"nas-tuners resume {project.experiment} --max-trials N\n"
    assert project.run().stderr.endswith(f"When mended: {go_on}")
    project.write(max_trials=2)
    again = project.resume().stderr
    assert again == f"nas-tuners: No trial has succeeded (max_trials reached). To go on: {go_on}"
    assert project.resume("--max-trials", "3").returncode == 0
    assert project.states() == ["FAIL", "FAIL", "COMPLETE"]


def test_no_result_at_all_is_an_exit_code_of_its_own(project: Project) -> None:
    project.write("sys.exit('broken')", max_trials=2)
    done = project.run()
    assert done.returncode == 3
    assert "No result; trial 1: exit code 1: broken" in done.stderr
    top = project.command("top", project.experiment)
    assert top.returncode == 3
    assert top.stderr == "No trial has succeeded yet.\n"
    assert project.command("export", project.experiment).returncode == 3


def test_the_environment_and_the_folder_of_trials(project: Project) -> None:
    (project.path / "code").mkdir()
    trial = "assert os.environ['MODE'] == '7'\nassert Path.cwd().name == 'code'\nreport(1.0)"
    script = [sys.executable, str(project.path / "trial.py")]
    project.write(trial, code_directory="code", command=script, environment={"MODE": 7})
    assert project.run().returncode == 0
    assert project.states() == ["COMPLETE"] * 3


@pytest.mark.parametrize("mode", ["maximize", "minimize"])
def test_the_best_is_the_best_for_the_mode(project: Project, mode: str) -> None:
    project.write("report(float(number))", max_trials=3, optimize_mode=mode)
    done = project.run()
    last = next(line for line in done.stdout.splitlines() if line.startswith("trial    2"))
    best = {"maximize": 2, "minimize": 0}[mode]
    assert f"best {best} " in last
    top = project.command("top", project.experiment, "-n", "1").stdout
    assert top.splitlines()[1].split()[:2] == [str(best), str(best)]


def test_a_reader_that_goes_away_does_not_end_the_experiment(project: Project) -> None:
    project.write("signal_test()\nreport(value)", max_trials=3)
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    assert runner.stdout is not None
    assert runner.stderr is not None
    runner.stdout.close()
    runner.wait()
    assert runner.stderr.read() == ""
    runner.stderr.close()
    assert project.states() == ["COMPLETE"] * 3


@pytest.mark.parametrize("closed", ["| true", ">&- 2>&-"])
def test_the_exit_code_is_the_same_if_nobody_reads(
    project: Project, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what is buffered fails at the end
    project.write("sys.exit(1)", max_trials=1)
    run = f"{sys.executable} -m nas_tuners.cli run config.yml --folder experiment"
    script = f"{{ {run}; echo $? > code; }} {closed}"
    subprocess.run(["/bin/sh", "-c", script], cwd=project.path, check=False)
    assert (project.path / "code").read_text() == "3\n"
    assert project.states() == ["FAIL"]


def test_letters_that_the_terminal_lacks(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    space = {"a": {"_type": "layer_choice", "_value": ["卷"]}, "b": SPACE["b"]}
    project.write(max_trials=1, search_space=space)
    done = finish(project.start_run())
    assert done.returncode == 0, done.stderr
    assert "\\u5377" in done.stdout


def test_a_study_that_is_gone(project: Project) -> None:
    project.write(max_trials=1)
    assert project.run().returncode == 0
    (project.experiment / "study.db").unlink()
    done = project.resume("--max-trials", "2")
    assert done.returncode == 5
    assert "study.db is gone" in done.stderr
    assert not (project.trial_folder(0) / "attempt-1").exists()


def test_a_damaged_folder(project: Project) -> None:
    project.write(max_trials=1)
    assert project.run().returncode == 0
    (project.experiment / "config.json").write_text("{")
    done = project.resume()
    assert done.returncode == 5
    assert "config.json cannot be read: JSONDecodeError" in done.stderr


def test_bounds_of_the_tuner_are_held_against_the_metrics(project: Project) -> None:
    mode = {"default": "maximize", "size": "<= 0.5"}
    project.write(
        "report({'default': value, 'size': assignment.parameters['a']['_idx']})",
        tuner={"name": "BayesianTuner", "args": {"n_startup_trials": 4}},
        optimize_mode=mode,
        max_trials=8,
    )
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "counts as failed" not in (project.experiment / "runner.log").read_text()
    chosen = [trial.params["a"] for trial in project.trials()][4:]
    assert "x" in chosen, "the only operation that keeps the bound, and the worst of the three"


def test_what_the_runner_warns_of_is_seen(project: Project) -> None:
    trial = "os.kill(os.getpid(), signal.SIGKILL) if number == 1 else report(value)"
    project.write(trial, callbacks="worse:Callback", max_trials=2)
    (project.path / "worse.py").write_text(
        "import nas_tuners.callbacks\n"
        "class Callback(nas_tuners.callbacks.Callback):\n"
        "    def on_trial_finished(self, event):\n"
        "        raise KeyError('here')\n"
    )
    done = project.run()
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if line.startswith("nas-tuners: ")]
    assert any("Callback" in line for line in said), done.stderr
    assert not any("Trial 1" in line for line in said), "that has a line of its own"
