"""Experiments on a Ray cluster of several nodes, which have Ray and nothing of ours."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.experiment_kit import Project, eventually, finish, is_alive
from tests.integration.ray_kit import RayCluster

pytest.importorskip("ray", reason="Ray is not installed")

ROOT = str(Path(__file__).parents[2])

# Trials run in a copy of the folder: what they share with the test has its name in TEST_FOLDER.
HELPERS = """
shared = Path(os.environ["TEST_FOLDER"])

def tell(*words):
    with open(shared / "told.txt", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

def wait_for(name):
    while not (shared / name).exists():
        time.sleep(0.02)

tell("started", number, os.getpid())
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    made = RayCluster(3)
    yield made
    made.close()


class RayProject:
    """A project whose trials run on a cluster."""

    def __init__(self, project: Project, address: str | None) -> None:
        self.project, self._address = project, address

    def write(self, trial: str, *, ray: dict[str, Any] | None = None, **config: Any) -> None:
        address = {"address": self._address} if self._address else {}
        self.project.write(
            HELPERS + trial,
            **{
                "command": "python trial.py",
                "environment": {"TEST_FOLDER": str(self.project.path)},
                "launcher": {"name": "ray", "args": {**address, **(ray or {})}},
                **config,
            },
        )

    def told(self, word: str) -> list[tuple[int, ...]]:
        """What trials told under a word."""
        file = self.project.path / "told.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        told = [line.split() for line in lines]
        return [tuple(map(int, rest)) for first, *rest in told if first == word]

    def wait_for(self, word: str, count: int = 1) -> list[tuple[int, ...]]:
        assert eventually(lambda: len(self.told(word)) >= count, seconds=60)
        return self.told(word)

    def allow(self, name: str) -> None:
        (self.project.path / name).touch()

    def log(self) -> str:
        return (self.project.experiment / "runner.log").read_text()


@pytest.fixture
def on_ray(project: Project, cluster: RayCluster) -> RayProject:
    return RayProject(project, cluster.address)


@pytest.mark.parametrize("trials", [6, pytest.param(12, marks=pytest.mark.extended)])
def test_a_node_dies_and_its_trials_run_again_elsewhere(
    on_ray: RayProject, cluster: RayCluster, trials: int
) -> None:
    project = on_ray.project
    on_ray.write(
        """
report(0.5, "intermediate")
wait_for("go")
print(sys.modules["nas_tuners"].__file__)
report(value)
""",
        concurrency=4,
        max_trials=trials,
    )
    runner = project.start_run()
    first = dict(on_ray.wait_for("started", 4))
    assert eventually(lambda: all(trial.intermediate_values for trial in project.trials()))
    victim = cluster.node_of(first[0])
    lost = {number for number, pid in first.items() if cluster.node_of(pid) == victim}
    cluster.replace(victim)
    on_ray.wait_for("started", 4 + len(lost))
    assert eventually(lambda: not any(is_alive(first[number]) for number in lost))
    on_ray.allow("go")
    done = finish(runner)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.states() == ["COMPLETE"] * trials
    started = [number for number, _ in on_ray.told("started")]
    assert {number for number in started if started.count(number) > 1} == lost
    assert sorted(set(started)) == list(range(trials))
    outputs = {(project.trial_folder(n) / "stdout.txt").read_text() for n in range(trials)}
    assert {ROOT in output for output in outputs} == {False}, "our packages were sent"
    assert project.trial_record(0)["node_folder"] not in str(project.path)
    assert "Trial 0 is lost" in on_ray.log()


def test_a_runner_is_killed_and_leaves_nothing(on_ray: RayProject) -> None:
    on_ray.write(
        """
import subprocess
child = subprocess.Popen(["sleep", "600"])
tell("child", child.pid)
report(0.5, "intermediate")
child.wait()
""",
        concurrency=2,
    )
    runner = on_ray.project.start_run()
    pids = [pid for _, pid in on_ray.wait_for("started", 2)]
    pids += [pid for (pid,) in on_ray.wait_for("child", 2)]
    runner.send_signal(signal.SIGKILL)
    finish(runner)
    assert eventually(lambda: not any(map(is_alive, pids)), seconds=60)


def test_no_cluster_is_there(project: Project) -> None:
    RayProject(project, "127.0.0.1:1").write("report(value)")
    done = finish(project.start_run())
    assert done.returncode == 5
    assert "no Ray cluster answers at 127.0.0.1:1: " in done.stderr
    assert "start one with `ray start --head`" in done.stderr


@pytest.mark.extended
def test_trials_are_asked_to_end_and_run_again_on_resume(on_ray: RayProject) -> None:
    on_ray.write(
        """
if number == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell("ready", os.getpid())
    time.sleep(0 if (shared / "go").exists() else 600)
report(value)
""",
        max_trials=2,
    )
    runner = on_ray.project.start_run()
    [(pid,)] = on_ray.wait_for("ready")
    runner.send_signal(signal.SIGTERM)
    finish(runner)
    assert not is_alive(pid)
    state = json.loads((on_ray.project.experiment / "runner.json").read_text())
    assert state["ended"] == "interrupted", "by our handler of the signal, not Ray's"
    assert on_ray.project.states() == ["RUNNING"]
    assert "Trial 0 is lost" not in on_ray.log()
    on_ray.allow("go")
    done = finish(on_ray.project.start("resume", "experiment"))
    assert done.returncode == 0, done.stderr
    assert on_ray.project.states() == ["COMPLETE"] * 2
    assert [number for number, _ in on_ray.told("started")] == [0, 0, 1]


@pytest.mark.extended
def test_trials_share_cpus(on_ray: RayProject) -> None:
    on_ray.write("wait_for('go'); report(value)", ray={"cpus": 0.5}, concurrency=8, max_trials=8)
    runner = on_ray.project.start_run()
    on_ray.wait_for("started", 8)
    on_ray.allow("go")
    assert finish(runner).returncode == 0


@pytest.mark.extended
def test_what_no_node_has_is_named(on_ray: RayProject) -> None:
    on_ray.write("report(value)", ray={"resources": {"unicorn": 1}, "patience": 3})
    done = finish(on_ray.project.start_run())
    assert done.returncode == 5
    assert (
        "no trial found its place on the Ray cluster for 3s: no node has 1 unicorn" in done.stderr
    )
    assert "waits for its place on the Ray cluster: no node has 1 unicorn" in on_ray.log()


@pytest.mark.extended
def test_nodes_cannot_be_prepared(on_ray: RayProject) -> None:
    on_ray.write(
        "report(value)",
        ray={"runtime_env": {"working_dir": "https://127.0.0.1:1/code.zip"}, "patience": 40},
    )
    done = finish(on_ray.project.start_run())
    assert done.returncode == 5
    assert "the Ray cluster cannot run trials: " in done.stderr


@pytest.mark.extended
def test_trials_fail_for_reasons_of_their_own(on_ray: RayProject) -> None:
    on_ray.write("", command="python nowhere.py", max_trials=1)
    finish(on_ray.project.start_run())
    [reason] = on_ray.project.reasons()
    assert reason.startswith("exit code 2: ")
    assert "nowhere.py" in reason
    assert "nowhere.py" in (on_ray.project.trial_folder(0) / "stderr.txt").read_text()


@pytest.mark.extended
def test_a_trial_takes_too_long(on_ray: RayProject) -> None:
    on_ray.write("time.sleep(600)", max_trials=1, max_trial_duration=2)
    finish(on_ray.project.start_run())
    assert on_ray.project.reasons() == ["timed out after 2s"]


@pytest.mark.extended
def test_an_unpromising_trial_is_stopped(on_ray: RayProject) -> None:
    on_ray.write(
        """
for step in range(3):
    report(10 - number, "intermediate", step)
if number:
    time.sleep(600)
report(10 - number)
""",
        max_trials=2,
        early_stopping={"name": "median", "args": {"n_startup_trials": 1}},
    )
    done = finish(on_ray.project.start_run())
    assert done.returncode == 0, done.stderr
    assert on_ray.project.states() == ["COMPLETE", "PRUNED"]


@pytest.mark.extended
def test_the_process_that_runs_a_trial_is_killed(on_ray: RayProject, cluster: RayCluster) -> None:
    on_ray.write("wait_for('go'); report(value)", max_trials=1)
    runner = on_ray.project.start_run()
    [(_, pid)] = on_ray.wait_for("started")
    os.kill(cluster.worker_of(pid), signal.SIGKILL)
    on_ray.wait_for("started", 2)
    on_ray.allow("go")
    assert finish(runner).returncode == 0
    assert on_ray.project.states() == ["COMPLETE"]
    assert eventually(lambda: not is_alive(pid))


@pytest.mark.extended
def test_secrets_and_gpus_are_not_seen(on_ray: RayProject, cluster: RayCluster) -> None:
    secret = "open-sesame-4711"
    on_ray.write(
        "print(os.environ['KEY'], repr(os.environ['CUDA_VISIBLE_DEVICES'])); report(value)",
        max_trials=1,
        environment={"KEY": secret, "TEST_FOLDER": str(on_ray.project.path)},
    )
    done = finish(on_ray.project.start_run())
    assert done.returncode == 0, done.stderr
    output = (on_ray.project.trial_folder(0) / "stdout.txt").read_text()
    assert output == f"{secret} ''\n"
    logs = [
        file for file in cluster.folder.rglob("*") if file.is_file() and "venv" not in str(file)
    ]
    assert any("raylet" in file.name for file in logs)
    holders = [file.name for file in logs if secret.encode() in file.read_bytes()]
    assert [name for name in holders if name != "config.yml"] == []


@pytest.mark.extended
def test_trials_share_a_gpu(on_ray: RayProject) -> None:
    on_ray.write(
        "print(os.environ['CUDA_VISIBLE_DEVICES']); wait_for('go'); report(value)",
        ray={"cpus": 0},
        gpus=0.5,
        concurrency=6,
        max_trials=6,
    )
    runner = on_ray.project.start_run()
    on_ray.wait_for("started", 6)
    on_ray.allow("go")
    assert finish(runner).returncode == 0
    outputs = [(on_ray.project.trial_folder(n) / "stdout.txt").read_text() for n in range(6)]
    assert outputs == ["0\n"] * 6


@pytest.mark.extended
def test_folders_are_made_where_all_nodes_see_them(on_ray: RayProject, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    on_ray.write(
        "(folder / 'output' / 'weights').touch(); report(value)",
        ray={"trials_directory": str(shared)},
        max_trials=1,
    )
    done = finish(on_ray.project.start_run())
    assert done.returncode == 0, done.stderr
    [weights] = shared.glob("*/0000/output/weights")
    assert str(weights.parents[1]) == on_ray.project.trial_record(0)["node_folder"]
    assert (on_ray.project.trial_folder(0) / "metrics.jsonl").exists()


@pytest.mark.extended
def test_ray_is_started_on_this_machine_alone(project: Project) -> None:
    RayProject(project, None).write("print(os.getcwd()); report(value)", max_trials=1)
    done = finish(project.start_run())
    assert done.returncode == 0, done.stderr
    assert (project.trial_folder(0) / "stdout.txt").read_text() == f"{project.path}\n"


@pytest.mark.extended
def test_the_head_dies(project: Project) -> None:
    cluster = RayCluster(1)
    on_ray = RayProject(project, cluster.address)
    on_ray.write("time.sleep(600)")
    runner = project.start_run()
    [(_, pid)] = on_ray.wait_for("started")
    os.kill(cluster.head, signal.SIGKILL)
    done = finish(runner)
    cluster.close()
    assert done.returncode == 5
    assert "the connection to the Ray cluster is lost: " in done.stderr
    assert "go on with" in done.stderr
    assert eventually(lambda: not is_alive(pid), seconds=60)
