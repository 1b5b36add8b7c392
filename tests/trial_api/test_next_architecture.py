from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from torch import nn

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import (
    ArchitectureError,
    SearchSpaceError,
    SpaceMismatchError,
    TrialError,
)
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import (
    GEN_SEARCH_SPACE,
    TRIAL_DIR,
    Assignment,
    read_metrics,
    write_assignment,
)
from tests.trial_api.networks import ARCHITECTURE, Nested, Net, images
from trial_api import (
    InputChoice,
    LayerChoice,
    ValueChoice,
    get_and_apply_next_architecture,
    model_space,
    search_space,
)
from trial_api._trial import Trial

ROOT = Path(__file__).parents[2]


def run_script(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.trial_api.search_script"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def assign(directory: Path, architecture=None, **searched) -> Trial:
    """The trial of an experiment that searches ``Net``."""
    space = search_space(Net())
    parameters = to_parameters(space, to_vector(space, architecture or ARCHITECTURE))
    numbers = dict.fromkeys(searched, 0.25)
    content = space.to_dict() | searched
    write_assignment(directory, Assignment("exp", "t0", 0, parameters | numbers, content))
    return Trial(directory)


RATE = {"_type": "loguniform", "_value": [0.001, 1.0]}


def test_script_under_an_experiment(tmp_path):
    assign(tmp_path, lr=RATE)
    done = run_script(**{TRIAL_DIR: str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "kernel 5 5\n"
    assert done.stderr == ""
    rate, result = read_metrics(tmp_path).metrics
    assert (rate.kind, rate.default) == ("intermediate", 0.25)
    assert result.kind == "final"


@pytest.mark.parametrize("searched", [True, False])
def test_a_budget_is_no_choice_of_the_model(tmp_path, searched):
    space = search_space(Net())
    parameters = to_parameters(space, to_vector(space, ARCHITECTURE)) | {"TRIAL_BUDGET": 3}
    content = space.to_dict() if searched else None
    write_assignment(tmp_path, Assignment("exp", "t0", 0, parameters, content))
    trial = Trial(tmp_path)
    get_and_apply_next_architecture(Net(), trial=trial)
    assert trial.parameters()["TRIAL_BUDGET"] == 3


def test_script_alone():
    done = run_script()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "kernel 3 3\n"
    assert done.stderr == (
        "this script runs alone, not under an experiment: the first candidates are chosen: "
        "{'conv': 'conv3x3', 'act': '0', 'skip': [0]}, and results only go to the log (INFO). "
        "To search, launch it with `nas-tuners run config.yml`.\n"
    )


def test_script_that_generates(tmp_path):
    file = tmp_path / "folder" / "space.json"
    done = run_script(**{GEN_SEARCH_SPACE: str(file), TRIAL_DIR: str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text() == search_space(Net()).dumps()
    assert [path.name for path in file.parent.iterdir()] == ["space.json"]


def test_generation_ends_the_script_and_leaves_the_model(tmp_path, monkeypatch):
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(tmp_path / "space.json"))
    model = Net()
    before = repr(model)
    with pytest.raises(SystemExit) as caught:
        get_and_apply_next_architecture(model)
    assert caught.value.code == 0
    assert repr(model) == before
    assert SearchSpace.load(tmp_path / "space.json") == search_space(Net())


def test_generation_to_an_impossible_place(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(tmp_path / "file" / "space.json"))
    with pytest.raises(TrialError, match=r"the search space cannot be written to .*space.json"):
        get_and_apply_next_architecture(Net())


def test_a_model_without_choices_has_no_space_to_write(tmp_path, monkeypatch):
    file = tmp_path / "space.json"
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(file))
    model = nn.Linear(1, 1)
    model.hidden = [LayerChoice([nn.ReLU(), nn.Tanh()])]
    with pytest.raises(SearchSpaceError, match=r"those in plain lists .* use nn\.ModuleList"):
        get_and_apply_next_architecture(model)
    assert not file.exists()


def test_a_model_without_choices_stays_as_it_is():
    model = nn.Linear(1, 1)
    for _ in range(2):
        assert get_and_apply_next_architecture(model) is model


def test_applying_twice_is_refused_in_every_mode(tmp_path, monkeypatch):
    model = nn.DataParallel(get_and_apply_next_architecture(Net()))
    for trial in (None, assign(tmp_path), optuna.trial.FixedTrial({})):
        with pytest.raises(
            ArchitectureError, match="already applied to this model; build it anew"
        ):
            get_and_apply_next_architecture(model, trial)
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(tmp_path / "space.json"))
    with pytest.raises(ArchitectureError, match="already applied"):
        get_and_apply_next_architecture(model)


def test_choices_added_after_application_are_decided():
    model = get_and_apply_next_architecture(Net())
    model.head = LayerChoice({"linear": nn.Linear(2, 3), "wide": nn.Linear(2, 9)})
    assert get_and_apply_next_architecture(model).head.out_features == 3


def test_alone_the_first_candidates_are_chosen(caplog):
    model = get_and_apply_next_architecture(Net())
    assert model.conv.kernel_size == (3, 3)
    assert isinstance(model.act, nn.ReLU)
    assert model.skip.chosen == [0]
    get_and_apply_next_architecture(Nested())
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("n_chosen", "chosen"), [(None, [0, 1, 2]), (2, [0, 1]), ((0, 1), [0])])
def test_alone_the_first_inputs_are_chosen(n_chosen, chosen):
    model = nn.ModuleDict({"pick": InputChoice(3, n_chosen=n_chosen)})
    assert get_and_apply_next_architecture(model)["pick"].chosen == chosen


def test_the_given_architecture_is_applied(tmp_path):
    model = Net()
    assert get_and_apply_next_architecture(model, trial=assign(tmp_path)) is model
    assert model.conv.kernel_size == (5, 5)
    assert model.skip.chosen == [1]
    assert model(images()).shape == (4, 3)


def test_nested_keys_that_are_inactive_may_be_missing(tmp_path):
    space = search_space(Nested())
    vector = to_vector(space, {"block": "plain"})
    assignment = Assignment("exp", "t0", 0, to_parameters(space, vector), space.to_dict())
    write_assignment(tmp_path, assignment)
    model = get_and_apply_next_architecture(Nested(), Trial(tmp_path))
    assert isinstance(model.block, nn.Identity)


def test_what_else_is_searched_is_left_to_the_script(tmp_path):
    trial = assign(tmp_path, lr=RATE)
    get_and_apply_next_architecture(Net(), trial)
    assert trial.parameters()["lr"] == 0.25


def test_a_space_that_is_not_the_model_s(tmp_path):
    trial = assign(tmp_path)
    model = Net()
    model.conv.key = "first"
    del model.act[1]
    with pytest.raises(SpaceMismatchError) as caught:
        get_and_apply_next_architecture(model, trial)
    text = str(caught.value)
    assert "the model and the experiment's search space do not agree" in text
    assert "first: only in the model" in text
    assert "conv: only in the experiment's search space" in text
    assert 'act: the model has ["0"], the experiment' in text
    assert len(model.conv) == 2


def test_wrong_parameters_name_the_file(tmp_path):
    space = search_space(Net()).to_dict()
    write_assignment(tmp_path, Assignment("exp", "t0", 0, {"conv": "conv7x7", "cnov": 1}, space))
    with pytest.raises(ArchitectureError) as caught:
        get_and_apply_next_architecture(Net(), Trial(tmp_path))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path}/parameters.json: 4 problems")
    assert "cnov: unknown key; did you mean 'conv'?" in text


def test_parameters_without_a_space(tmp_path):
    parameters = {"conv": "conv5x5", "act": 1, "skip": [1]}
    (tmp_path / "parameters.json").write_text(
        json.dumps({"experiment_id": "e", "trial_id": "t", "number": 0, "parameters": parameters})
    )
    model = get_and_apply_next_architecture(Net(), Trial(tmp_path))
    assert model.conv.kernel_size == (5, 5)


def test_something_that_is_no_trial():
    with pytest.raises(TypeError, match=r"`trial` must be the trial of an Optuna study or None"):
        get_and_apply_next_architecture(Net(), trial={"conv": 0})  # type: ignore[arg-type]


def test_generation_comes_before_a_study(tmp_path, monkeypatch):
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(tmp_path / "space.json"))
    trial = optuna.trial.FixedTrial({})
    with pytest.raises(SystemExit):
        get_and_apply_next_architecture(Net(), trial=trial)
    assert SearchSpace.load(tmp_path / "space.json") == search_space(Net())


@model_space
class Bounded(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, ValueChoice([8, 16, 32], key="width"))
        self.constrain(lambda architecture: architecture["width"] < 32, name="narrow")


def test_an_experiment_that_does_not_know_the_models_constraints(tmp_path):
    space = search_space(Bounded)
    for width, fits in ((16, True), (32, False)):
        directory = tmp_path / str(width)
        directory.mkdir()
        assignment = Assignment("exp", "t0", 0, {"width": width}, space.to_dict())
        write_assignment(directory, assignment)
        if fits:
            model = get_and_apply_next_architecture(Bounded, Trial(directory))
            assert model.out_features == width
        else:
            with pytest.raises(ArchitectureError, match=r"'narrow'.*nas_tuners\.Experiment"):
                get_and_apply_next_architecture(Bounded, Trial(directory))


def test_the_file_of_a_space_lacks_its_constraints_and_says_so(tmp_path, monkeypatch, caplog):
    file = tmp_path / "space.json"
    monkeypatch.setenv(GEN_SEARCH_SPACE, str(file))
    with pytest.raises(SystemExit):
        get_and_apply_next_architecture(Bounded)
    assert "the model's constraints ('narrow') are not in the file" in caplog.text
    assert SearchSpace.load(file) == search_space(Bounded)
