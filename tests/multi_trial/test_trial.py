"""One trial, in a folder as an experiment makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import TRIAL_DIR, Assignment, read_metrics, write_assignment
from nas_tuners.multi_trial import Evaluator, FunctionalEvaluator, choice, save_weights, trial
from nas_tuners.multi_trial.payload import Payload, dump, save
from nas_tuners.multi_trial.source import source_of
from nas_tuners.multi_trial.weights import load_weights
from tests.multi_trial.kit import Net, forget, judge, judge_model

CHOSEN = {"width": 4, "act": {"_idx": 1}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "trials" / "0000"
    folder.mkdir(parents=True)
    monkeypatch.setenv(TRIAL_DIR, str(folder))
    return folder


def run(folder: Path, evaluator: Evaluator, chosen: dict[str, Any]) -> list[Any]:
    source = source_of(Net(5))
    save(folder.parents[1], dump(Payload(source, source.blueprint(), evaluator)))
    write_assignment(folder, Assignment("exp", "t0", 0, chosen))
    trial.main()
    return [(metric.kind, metric.value) for metric in read_metrics(folder).metrics]


def test_the_chosen_model_and_the_chosen_arguments(folder: Path) -> None:
    evaluator = FunctionalEvaluator(judge, bonus=choice([0, 1000]))
    size = 3 * 4 + 4 + 4 * 5 + 5
    found = run(folder, evaluator, {**CHOSEN, "bonus": 1000, "TRIAL_BUDGET": 3})
    assert found == [("intermediate", 0.0), ("final", size + 1000)]
    weights = torch.load(folder / "output" / "model.pt", weights_only=True)
    assert weights["out.weight"].shape == (5, 4)


def test_only_what_is_chosen_is_made(folder: Path) -> None:
    def look(model_cls: Any) -> float:
        model = model_cls()
        assert model_cls.__name__ == "Net"
        assert isinstance(model.act, torch.nn.Tanh)
        assert model is not model_cls(), "anew at each call"
        return 1.0

    assert run(folder, FunctionalEvaluator(look), CHOSEN) == [("final", 1.0)]


@pytest.mark.extended
@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_weights_of_a_compiled_model(folder: Path) -> None:
    model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    write_assignment(folder, Assignment("exp", "t0", 0, {}))
    save_weights(torch.compile(model))
    assert load_weights(other, folder)
    assert torch.equal(other.weight, model.weight)


def test_weights_of_a_model_in_data_parallel(folder: Path) -> None:
    model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    write_assignment(folder, Assignment("exp", "t0", 0, {}))
    save_weights(torch.nn.DataParallel(model))
    assert load_weights(other, folder)
    assert torch.equal(other.weight, model.weight)


def test_a_function_that_reports_itself(folder: Path) -> None:
    assert run(folder, FunctionalEvaluator(judge_model), CHOSEN) == [("final", {"default": 41.0})]


def test_a_function_that_gives_no_result(folder: Path) -> None:
    with pytest.raises(TrialError, match="forget returned nothing and reported no final result"):
        run(folder, FunctionalEvaluator(forget), CHOSEN)


def test_outside_of_an_experiment() -> None:
    with pytest.raises(TrialError, match="only an experiment runs trials of this kind"):
        trial.main()
