"""Tuners that fail: what ran is recorded, and the message names the culprit."""

from __future__ import annotations

from tests.experiment_kit import Project

BROKEN = """
class BrokenTuner:
    def __init__(self, good=2):
        self.left = good

    def update_search_space(self, search_space):
        self.space = search_space

    def generate_parameters(self, parameter_id, **kwargs):
        if not self.left:
            raise ZeroDivisionError("the model of the tuner broke")
        self.left -= 1
        return {"a": {"_idx": 1}, "b": {"_idx": self.left}}

    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        pass
"""


def test_a_tuner_that_raises(project: Project) -> None:
    (project.path / "broken.py").write_text(BROKEN)
    project.write(tuner={"name": "broken:BrokenTuner"}, max_trials=9, concurrency=3)
    done = project.run()
    assert done.returncode == 4
    assert "tuner broken:BrokenTuner: no architecture for trial 2: " in done.stderr
    assert "the model of the tuner broke" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ZeroDivisionError" in (project.experiment / "runner.log").read_text()
    assert project.states() == ["COMPLETE"] * 2


def test_a_tuner_with_nothing_left_ends_the_run_well(project: Project) -> None:
    project.write(tuner="grid_search", max_trials=None, concurrency=4)
    done = project.run()
    assert done.returncode == 0
    assert project.states() == ["COMPLETE"] * 12
    assert "every architecture tried" in project.command("status", project.experiment).stdout


def test_a_tuner_that_refuses_the_search_space(project: Project) -> None:
    source = BROKEN.replace("self.space = search_space", "raise KeyError('lr')")
    (project.path / "broken_space.py").write_text(source)
    project.write(tuner="broken_space:BrokenTuner")
    done = project.run()
    assert done.returncode == 4
    assert "raised while reading the search space: KeyError: 'lr'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tuner_that_breaks_its_contract(project: Project) -> None:
    source = BROKEN.replace('{"_idx": 1}', '{"_idx": 7}')
    (project.path / "wrong.py").write_text(source)
    project.write(tuner="wrong:BrokenTuner")
    done = project.run()
    assert done.returncode == 4
    assert "no architecture for trial 0: BrokenTuner" in done.stderr
    assert project.trials() == []
