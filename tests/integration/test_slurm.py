"""An experiment as Slurm jobs: submitit's executor on this machine does what Slurm would."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.cli import exit_codes
from nas_tuners.experiment.folder import ExperimentFolder
from tests.experiment_kit import Project, eventually, finish, is_alive
from tests.integration.worker_kit import check_whole, noting, times_run, trials_of

pytest.importorskip("submitit")


def write(project: Project, rest: str = "time.sleep(0.2)", **config: Any) -> Path:
    """The project's files; where its trials note that they run."""
    runs = project.path / "runs.txt"
    args = {"cluster": "local", "workers": 2, "timeout_min": 30}
    launcher = {"name": "slurm", "args": args}
    project.write(noting(runs, rest), launcher=launcher, heartbeat="0.5s", **config)
    return runs


def url(project: Project) -> str:
    return ExperimentFolder(project.experiment).storage_url


def worker_of(project: Project, trial: int) -> ExperimentFolder:
    """The worker that runs a trial."""
    (path,) = project.experiment.glob(f"workers/*/trials/{trial:04d}")
    return ExperimentFolder(path.parent.parent)


def worker_pid(folder: ExperimentFolder) -> int:
    runner = folder.runner()
    assert runner is not None
    return int(runner)


def test_an_array_of_workers(project: Project) -> None:
    runs = write(project, max_trials=6)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "Submitted: 2 workers, job " in done.stdout
    assert "workers: 2 finished; trials: 6 complete; best " in done.stdout
    check_whole(trials_of(url(project)), 6)
    assert times_run(runs) == dict.fromkeys(range(6), 1)
    assert {path.name for path in (project.experiment / "workers").iterdir()} == {"0", "1"}
    status = project.command("status", project.experiment)
    assert "state       ended: max_trials reached" in status.stdout
    assert "study.log" in status.stdout
    assert "[I " not in done.stderr, "what Optuna tells goes to the log"


def test_a_job_is_preempted_and_queued_again(project: Project) -> None:
    """As Slurm does it: SIGUSR2 comes first, and submitit asks for the job to be queued again."""
    project.open_signals()
    runs = write(project, "signal_test(); time.sleep(0.5)", max_trials=6)
    process = project.start_run()
    number, pid = project.wait_for_trial()
    worker = worker_of(project, number)
    first = worker_pid(worker)
    os.kill(first, signal.SIGUSR2)
    assert eventually(lambda: worker.runner() not in (None, str(first)), seconds=60)
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert not is_alive(pid)
    check_whole(trials_of(url(project)), 6)
    again = times_run(runs)
    assert again.pop(number) == 2
    assert set(again) == set(range(6)) - {number}
    logs = [path.read_text() for path in (project.experiment / "slurm").glob("*.out")]
    assert sum("this job is preempted" in log for log in logs) == 1


@pytest.mark.extended
def test_cancelled_with_ctrl_c_and_resumed_beyond_its_limit(project: Project) -> None:
    project.open_signals()
    write(project, "signal_test(); time.sleep(0.5)", max_trials=5)
    process = project.start_run()
    begun = [project.wait_for_trial() for _ in range(2)]
    shown = project.command("status", project.experiment).stdout
    assert f"running (process {process.pid})" in shown
    assert "trials      2 of at most 5: 2 running" in shown
    process.send_signal(signal.SIGINT)
    interrupted = finish(process)
    assert interrupted.returncode == exit_codes.INTERRUPTED, interrupted
    assert f"Resume with: nas-tuners resume {project.experiment}" in interrupted.stderr
    assert eventually(lambda: not any(is_alive(pid) for _, pid in begun))
    resumed = project.resume("--max-trials", "9")
    assert resumed.returncode == 0, resumed.stderr
    check_whole(trials_of(url(project)), 9)


@pytest.mark.extended
def test_a_job_that_is_killed(project: Project) -> None:
    """Its trials are run by the other; `kill -9` is what a node that dies looks like."""
    project.open_signals()
    runs = write(project, "signal_test(); time.sleep(0.5)", max_trials=6)
    process = project.start_run()
    number, pid = project.wait_for_trial()
    project.wait_for_trial()
    os.kill(worker_pid(worker_of(project, number)), signal.SIGKILL)
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert not is_alive(pid)
    check_whole(trials_of(url(project)), 6)
    assert times_run(runs)[number] == 2


@pytest.mark.extended
def test_the_submitter_is_killed_and_the_jobs_go_on(project: Project) -> None:
    project.open_signals()
    write(project, "signal_test(); time.sleep(0.5)", max_trials=6)
    process = project.start_run()
    numbers = [project.wait_for_trial()[0] for _ in range(2)]
    workers = [worker_of(project, number) for number in numbers]
    process.kill()
    process.wait()
    refused = project.resume()
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "of an earlier run still runs (process " in refused.stderr
    assert eventually(lambda: not any(worker.runner() for worker in workers), seconds=60)
    check_whole(trials_of(url(project)), 6)
    finish(process)  # the jobs had its output open
    assert project.resume().returncode == 0


@pytest.mark.extended
def test_jobs_that_fail_at_once(project: Project) -> None:
    """What the first of them said last is shown."""
    write(project, max_trials=2)
    (project.path / "sitecustomize.py").write_text(
        "import sys\nif 'submitit.core._submit' in sys.orig_argv: sys.exit('no home')\n"
    )
    process = project.start_run(env=os.environ | {"PYTHONPATH": str(project.path)})
    done = finish(process)
    assert done.returncode == exit_codes.EXPERIMENT_FAILED
    assert "no worker came to an end of its own: SystemExit: no home (in " in done.stderr


def test_no_slurm_on_this_machine(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.path))
    launcher = {"name": "slurm", "args": {"timeout_min": 30}}
    project.write(launcher=launcher)
    done = project.run()
    assert done.returncode == exit_codes.EXPERIMENT_FAILED
    assert "there is no sbatch and srun on this machine" in done.stderr
    assert f"go on with: nas-tuners resume {project.experiment}" in done.stderr


@pytest.mark.extended
def test_a_study_that_is_gone(project: Project) -> None:
    write(project, max_trials=2)
    assert project.run().returncode == 0
    (project.experiment / "study.log").unlink()
    done = project.resume()
    assert done.returncode == exit_codes.EXPERIMENT_FAILED
    assert "study.log is gone, and with it what the trials in" in done.stderr
