"""Experiments as a whole: they run, go on, and give what they found."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners import Experiment, FunctionalEvaluator
from nas_tuners.cli import main
from nas_tuners.contract.errors import (
    CheckpointError,
    ConfigError,
    ExperimentError,
    SearchSpaceError,
    SpaceMismatchError,
)
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.results import read_results
from nas_tuners.multi_trial import choice
from nas_tuners.multi_trial.top_models import _different
from tests.multi_trial.kit import Net, interrupt, is_narrow, judge, size_of
from trial_api.nn import ValueChoice, model_space

JUDGE = FunctionalEvaluator(judge)


@model_space
class Changed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(3, ValueChoice([2, 4, 16], key="width"))


@dataclass(frozen=True)
class Story:
    """What became of an experiment that was interrupted.

    Attributes:
        folder: Where it is.
        told: What was raised then.
        left: How its trials were.
    """

    folder: Path
    told: str
    left: Counter[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """It tries the narrow networks, with a bonus and without; the last six after Ctrl-C."""
    folder = tmp_path_factory.mktemp("experiments") / "it"
    model: Any = Net(3)
    model.constrain(is_narrow)
    bonus = choice([0, 1000])
    interrupted = FunctionalEvaluator(interrupt, bonus=bonus, pid=os.getpid())
    experiment = Experiment(model, interrupted, "random", concurrency=2, seed=1, max_trials=2)
    with pytest.raises(KeyboardInterrupt) as told:
        experiment.run(folder=folder)
    left = states_of(folder)
    with pytest.raises(ExperimentError, match="this experiment has run, in"):
        experiment.run()
    mended = Experiment.load(folder, evaluator=FunctionalEvaluator(judge, bonus=bonus))
    mended.resume(max_trials=100, max_duration="1h")
    assert mended.folder == experiment.folder == folder
    return Story(folder, str(told.value), left)


def states_of(folder: Path) -> Counter[str]:
    return read_results(ExperimentFolder(folder)).states()


@pytest.fixture
def finished(story: Story) -> Path:
    return story.folder


def test_ctrl_c_ends_it_and_says_how_to_go_on(story: Story) -> None:
    assert story.told == f"interrupted; go on with Experiment.load('{story.folder}').resume()"
    assert story.left["running"] >= 1
    assert story.left["fail"] == 0


def test_it_ends_when_all_that_the_constraint_allows_was_tried(finished: Path) -> None:
    trials = read_results(ExperimentFolder(finished)).trials
    assert len(trials) == 2 * 2 * 2, "two narrow widths, two activations, two bonuses"
    assert {trial.state for trial in trials} == {"complete"}
    assert {trial.architecture["width"] for trial in trials} == {2, 4}
    assert trials[0].metrics.keys() == {"default"}


def test_its_limits_are_those_it_went_on_with(finished: Path) -> None:
    config = ExperimentFolder(finished).config()
    assert (config.max_trials, config.max_duration) == (100, 3600)


def test_the_best_ones(finished: Path) -> None:
    experiment = Experiment.load(finished)
    [best] = experiment.export_top_models()
    assert best == {"width": 4, "act": best["act"], "bonus": 1000}
    found = experiment.export_top_models(100)
    assert found[0] == best
    assert len(found) == 8
    ranks = [(it["bonus"], it["width"]) for it in found]
    assert ranks == sorted(ranks, reverse=True)


def test_the_best_of_several_trials_of_one_architecture(finished: Path) -> None:
    results = read_results(ExperimentFolder(finished))
    [best] = results.best(1)
    worse = replace(best, number=99, value=-1.0, metrics={"default": -1.0})
    found = _different(replace(results, trials=(*results.trials, worse)))
    assert len(found) == len(results.trials)
    assert found[0] == best
    assert worse not in found


def test_instances_have_the_weights_that_their_trials_kept(finished: Path) -> None:
    [model] = Experiment.load(finished).export_top_models(formatter="instance")
    best = read_results(ExperimentFolder(finished)).best(1)[0]
    assert size_of(model) + 1000 == best.value
    kept = torch.load(
        finished / "trials" / f"{best.number:04d}" / "output" / "model.pt", weights_only=True
    )
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_code_gives_the_same_network(finished: Path) -> None:
    experiment, x = Experiment.load(finished), torch.randn(2, 3)
    [model] = experiment.export_top_models(formatter="instance")
    [code] = experiment.export_top_models(formatter="code", inputs=x)
    names: dict[str, Any] = {}
    exec(code, names)
    rebuilt = names["Net"]()
    rebuilt.load_state_dict(model.state_dict())
    assert torch.equal(rebuilt(x), model(x))
    codes = experiment.export_top_models(100, formatter="code", inputs=x)
    chosen = experiment.export_top_models(100)
    assert len(set(codes)) == len(codes) == len(chosen)  # where only the bonus differs, too
    assert all(f'"bonus": {one["bonus"]}' in code for one, code in zip(chosen, codes, strict=True))
    with pytest.raises(ExperimentError, match="give `inputs`, an example batch"):
        experiment.export_top_models(formatter="code")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"formatter": "instanc"},
            "must be 'dict' or 'instance' or 'code', but got 'instanc'; did",
        ),
        ({"top_k": 0}, "`top_k` must be a whole number of at least 1, but got 0"),
    ],
)
def test_mistakes_in_exporting(finished: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        Experiment.load(finished).export_top_models(**arguments)


def test_weights_of_another_model(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    for file in folder.glob("trials/*/output/model.pt"):
        torch.save({"other": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match=r"model\.pt does not fit the model of this trial"):
        Experiment.load(folder).export_top_models(formatter="instance")


def test_what_cannot_be_read_any_more_is_given_anew(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "payload.pkl").write_bytes(b"of a module that was moved")
    with pytest.raises(ExperimentError, match="give model_space and evaluator to Exp"):
        Experiment.load(folder).export_top_models(formatter="instance")
    evaluator = FunctionalEvaluator(judge, bonus=choice([0, 1000]))
    loaded = Experiment.load(folder, model_space=Net(3), evaluator=evaluator)
    assert list(loaded.space.specs) == ["width", "act", "bonus"]
    [model] = loaded.export_top_models(formatter="instance")
    [expected] = Experiment.load(finished).export_top_models(formatter="instance")
    assert torch.equal(model.out.weight, expected.out.weight)


def test_the_commands_know_it_but_for_its_constraints(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", str(finished)]) == 0
    assert "width=4" in capsys.readouterr().out
    assert main(["resume", str(finished)]) != 0
    assert (
        "the search space of this experiment has constraints ('is_narrow'), which are functions "
        f"of a Python program; go on with nas_tuners.Experiment.load('{finished}').resume()"
    ) in capsys.readouterr().err


def test_another_space_cannot_go_on_with_it(finished: Path) -> None:
    with pytest.raises(SpaceMismatchError) as told:
        Experiment.load(finished, model_space=Changed).resume()
    problems = {problem.where: problem.message for problem in told.value.problems}
    assert problems.keys() == {"width", "act"}
    assert problems["act"] == "only in the experiment"
    assert str(told.value).count(str(finished)) == 1
    assert "[2, 4, 16]" in problems["width"]


def test_a_limit_that_is_wrong(finished: Path) -> None:
    with pytest.raises(ConfigError, match="max_trials: must be a whole number"):
        Experiment.load(finished).resume(max_trials=0)


def test_before_it_has_run() -> None:
    experiment = Experiment(Net, JUDGE)
    assert experiment.folder is None
    assert list(experiment.space.specs) == ["width", "act"]
    for call in (experiment.resume, experiment.export_top_models):
        with pytest.raises(ExperimentError, match=r"has not run yet: call run\(\)"):
            call()


def test_mistakes_in_making_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an evaluator, such as FunctionalEvaluator"):
        Experiment(Net, judge)  # type: ignore[arg-type]
    with pytest.raises(SearchSpaceError, match="width: the model space has a key of this name"):
        Experiment(Net, FunctionalEvaluator(lambda model_cls, width: 0, width=choice([1, 2])))
    with pytest.raises(ExperimentError, match="no such folder"):
        Experiment.load(tmp_path / "nothing")


def test_a_trial_that_imports_what_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_TUNERS_PRELOAD", "tests")
    with pytest.raises(ExperimentError, match="put what starts it under `if __name__ == '__main"):
        Experiment(Net, JUDGE).run()
