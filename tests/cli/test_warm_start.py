"""Experiments whose tuner starts from scores or results that are there already."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.experiment_kit import SPACE, Project, finish, kill

ALL = list(product("xyz", "pqrs"))
BAYESIAN = {"name": "BayesianTuner", "args": {"n_startup_trials": 2}}
HANG_ONCE = """
if number == 3 and not (folder / "output" / "seen").exists():
    (folder / "output" / "seen").touch()
    signal_test()
    signal.pause()
report(value)
"""
NNI_TUNER = """
class Remembers:
    def update_search_space(self, space): self.best = (-1, None)
    def generate_parameters(self, parameter_id): return self.best[1]
    def receive_trial_result(self, parameter_id, parameters, value):
        self.best = max(self.best, (value, parameters), key=lambda one: one[0])
"""


def records(*architectures: tuple[str, str], best: str = "zs") -> list[dict[str, Any]]:
    """Each is worth how many letters it shares with the best one."""
    return [
        {"parameter": {"a": a, "b": b}, "value": float((a == best[0]) + (b == best[1]))}
        for a, b in architectures
    ]


def save(project: Project, name: str, content: Any) -> Path:
    path = project.path / name
    path.write_text(json.dumps(content))
    return path


def tried(project: Project) -> list[tuple[str, str]]:
    architectures = [trial.user_attrs["architecture"] for trial in project.trials()]
    return [(architecture["a"], architecture["b"]) for architecture in architectures]


@pytest.mark.parametrize("best", ["zs", "xq"])
def test_the_first_trial_is_what_scored_best(project: Project, best: str) -> None:
    save(project, "scores.json", records(*ALL, best=best))
    project.write(tuner=BAYESIAN | {"warm_start": "scores.json"}, max_trials=1)
    assert project.run().returncode == 0
    assert tried(project) == [tuple(best)]


def test_results_are_learned_but_are_no_trials(project: Project) -> None:
    lines = [json.dumps(record) for record in records(*ALL[:9])]
    (project.path / "known.jsonl").write_text("\n".join([*lines, ""]))
    project.write(tuner={"name": "random", "import_data": "known.jsonl"}, max_trials=None)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert sorted(tried(project)) == ALL[9:]
    assert "3 complete" in project.command("status", project.experiment).stdout
    assert len(project.command("top", project.experiment).stdout.splitlines()) == 1 + 3


def test_resuming_is_exact_although_the_files_are_gone(project: Project, tmp_path: Path) -> None:
    wide = {f"k{i}": {"_type": "layer_choice", "_value": list("abcdef")} for i in range(4)} | SPACE
    keys = dict.fromkeys(("k0", "k1", "k2", "k3"), "a")
    known = [{**record, "parameter": record["parameter"] | keys} for record in records(*ALL)]
    files = {"warm_start": "scores.json", "import_data": "results.json"}
    config = {"tuner": BAYESIAN | files, "search_space": wide, "max_trials": 6}
    (tmp_path / "other").mkdir()
    uninterrupted = Project(tmp_path / "other")
    for one in (project, uninterrupted):
        save(one, "scores.json", known)
        save(one, "results.json", known[:5])

    project.write(HANG_ONCE, **config)
    project.open_signals()
    runner = project.start_run()
    assert project.wait_for_trial()[0] == 3
    kill(runner)
    save(project, "scores.json", records(*ALL, best="xp"))
    (project.path / "results.json").unlink()
    done = project.resume()
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * 6

    uninterrupted.write(**config)
    assert uninterrupted.run().returncode == 0
    one, other = project.trials(), uninterrupted.trials()
    assert [trial.params for trial in one] == [trial.params for trial in other]


def test_a_copy_that_is_lost_is_missed(project: Project) -> None:
    save(project, "known.json", records(*ALL[:3]))
    project.write(tuner={"name": "random", "import_data": "known.json"})
    assert project.run().returncode == 0
    copy = project.experiment / "import_data.json"
    copy.unlink()
    done = project.resume("--max-trials", "5")
    assert done.returncode == 2
    assert f"{copy}: no such file" in done.stderr
    assert len(project.trials()) == 3


def test_what_differs_from_the_space_is_told_and_the_rest_is_used(project: Project) -> None:
    odd = [{"parameter": {"a": "gone", "b": "p"}, "value": 1.0}]
    save(project, "known.json", records(*ALL[:9]) + odd)
    project.write(tuner={"name": "random", "import_data": "known.json"}, max_trials=None)
    done = finish(project.start_run())
    assert done.returncode == 0
    said = "imported data of another search space: 9 of 10 records are used"
    assert said in done.stderr
    assert said in (project.experiment / "runner.log").read_text()
    assert len(project.trials()) == 3


def test_nothing_is_made_where_no_record_fits(project: Project) -> None:
    save(project, "known.json", [{"parameter": {"c": "x"}, "value": 1.0}])
    project.write(tuner=BAYESIAN | {"warm_start": "known.json"})
    done = project.run()
    assert done.returncode == 2
    assert "scores of a warm start: " in done.stderr
    assert "record 0" in done.stderr
    assert not project.experiment.exists()


def test_a_generated_space_is_compared_before_a_trial_starts(project: Project) -> None:
    generate = f"""
import json, os, sys
if file := os.environ.get("NAS_TUNERS_GEN_SEARCH_SPACE"):
    open(file, "w").write(json.dumps({SPACE!r}))
    sys.exit()
"""
    save(project, "known.json", [{"parameter": {"c": "x"}, "value": 1.0}])
    project.write(tuner={"name": "random", "import_data": "known.json"}, search_space=None)
    script = project.path / "trial.py"
    script.write_text(generate + script.read_text())
    done = project.run()
    assert done.returncode == 2
    assert "the trial command generates it" in done.stdout
    assert "imported data: " in done.stderr
    assert not project.experiment.exists()


def test_mistakes_are_told_with_the_others_of_the_configuration(project: Project) -> None:
    project.write(tuner={"name": "random", "warm_start": "nowhere.json"}, concurrency=0)
    done = project.run()
    assert done.returncode == 2
    assert "config.yml: 3 problems" in done.stderr
    assert "nowhere.json: no such file" in done.stderr
    assert "RandomTuner makes no use of scores" in done.stderr
    assert "concurrency (line " in done.stderr


def test_a_class_with_the_methods_of_nni_is_told_results(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "remembering.py").write_text(NNI_TUNER)
    monkeypatch.syspath_prepend(str(project.path))  # also to forget it afterwards
    text = [{"parameter": json.dumps(r["parameter"]), "value": "3"} for r in records(("y", "r"))]
    save(project, "exported.json", records(*ALL) + text)
    tuner = {"name": "remembering:Remembers", "import_data": "exported.json"}
    project.write(tuner=tuner, max_trials=1)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert tried(project) == [("y", "r")]
