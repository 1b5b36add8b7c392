"""A trial of several processes, started by torchrun."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from nas_tuners.cli import exit_codes
from tests.experiment_kit import Project, eventually, finish, is_alive, kill

pytestmark = pytest.mark.extended

COMMAND = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

TRAINING = """
import torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.tensor(value)
dist.all_reduce(total)
{rest}
if dist.get_rank() == 0:
    report(total.item())
dist.destroy_process_group()
"""

# Each process says who it is, and does not mind being asked to end.
STAYING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal_test(); time.sleep(600)"


def write(project: Project, rest: str = "") -> None:
    project.write(TRAINING.format(rest=rest), command=[*COMMAND, "trial.py"], max_trials=2)


def test_all_processes_are_given_the_parameters_and_one_reports(project: Project) -> None:
    write(project)
    done = project.run()
    assert done.returncode == 0, done.stdout
    for trial in project.trials():
        chosen = trial.user_attrs["architecture"]
        own = 10.0 * "xyz".index(chosen["a"]) + "pqrs".index(chosen["b"])
        assert trial.value == 2 * own, "the sum of two processes that were given the same"


def test_a_stop_reaches_every_process(project: Project) -> None:
    project.open_signals()
    write(project, STAYING)
    run = project.start_run()
    pids = [project.wait_for_trial()[1] for _ in range(2)]
    assert len({os.getpgid(pid) for pid in pids} | {os.getpgid(run.pid)}) > 1
    run.send_signal(signal.SIGINT)
    assert finish(run).returncode == exit_codes.INTERRUPTED
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_kill_9_of_the_run_reaches_every_process(project: Project) -> None:
    project.open_signals()
    write(project, STAYING)
    run = project.start_run()
    pids = [project.wait_for_trial()[1] for _ in range(2)]
    kill(run)
    assert eventually(lambda: not any(map(is_alive, pids)))
