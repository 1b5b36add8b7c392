"""Classification, on digits."""

from __future__ import annotations

import functools
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from nas_tuners import Classification, Experiment
from nas_tuners.contract.errors import ConfigError, TrainingError
from nas_tuners.contract.trial_io import TRIAL_DIR
from nas_tuners.multi_trial import choice, loguniform
from tests.multi_trial.learning import (
    DigitsNet,
    network,
    run_trial,
    train_digits,
    valid_digits,
    weights_of,
)

pytest.importorskip("sklearn", reason="the digits are scikit-learn's")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "trials" / "0000"
    monkeypatch.setenv(TRIAL_DIR, str(folder))
    return folder


def classification(**options: Any) -> Classification:
    given = {"learning_rate": 0.01, "max_epochs": 3, "device": "cpu"} | options
    return Classification(train_digits, valid_digits, **given)


@pytest.mark.slow
def test_an_experiment(tmp_path: Path) -> None:
    """The result is what the exported model, with its weights, gives."""
    evaluator = classification(learning_rate=loguniform(5e-3, 5e-2), batch_size=choice([32, 64]))
    experiment = Experiment(DigitsNet, evaluator, "random", max_trials=2, concurrency=2, seed=1)
    experiment.run(folder=tmp_path / "it")
    for name in ("0000", "0001"):
        trial = tmp_path / "it" / "trials" / name
        assert [file.name for file in (trial / "output").iterdir()] == ["model.pt"]
        assert (trial / "stderr.txt").read_text() == (trial / "stdout.txt").read_text() == ""
        lines = [json.loads(line) for line in (trial / "metrics.jsonl").read_text().splitlines()]
        assert [line["kind"] for line in lines] == ["intermediate"] * 3 + ["final"]
        assert lines[-1]["value"] == lines[-2]["value"], "the last epoch is the result"
        assert lines[-1]["value"].keys() == {"default", "accuracy", "loss", "train_loss"}
    [model] = experiment.export_top_models(formatter="instance")
    assert accuracy_of(model) == pytest.approx(best_of(tmp_path / "it"))
    assert accuracy_of(model) > 0.8


def best_of(folder: Path) -> float:
    files = folder.glob("trials/*/metrics.jsonl")
    finals = [json.loads(file.read_text().splitlines()[-1])["value"] for file in files]
    return max(float(final["default"]) for final in finals)


def accuracy_of(model: nn.Module) -> float:
    x, y = map(torch.as_tensor, valid_digits())
    with torch.no_grad():
        return (model.eval()(x.float()).argmax(1) == y).float().mean().item()


# ---- attempts -----------------------------------------------------------------------------------


class Stopped(BaseException):
    """As if the process were killed."""


def stopping_in_epoch(epoch: int) -> Callable[[], nn.Module]:
    """Makes a network that ends the process in the validation of an epoch."""

    def make() -> nn.Module:
        model, seen = network(), []

        def count(module: nn.Module, inputs: Any) -> None:
            if module.training is False and not seen[epoch:]:
                seen.append(1)
                if len(seen) > epoch:
                    raise Stopped

        model.register_forward_pre_hook(count)
        return model

    return make


def valid_at_once() -> Any:
    return DataLoader(TensorDataset(*tensors(valid_digits())), batch_size=300)


def tensors(arrays: Any) -> tuple[Tensor, Tensor]:
    return torch.tensor(arrays[0]).float(), torch.tensor(arrays[1])


def test_a_trial_that_is_run_again_goes_on_as_if_it_had_not_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = Classification(
        train_digits, valid_at_once, max_epochs=4, learning_rate=0.01, device="cpu"
    )
    with pytest.raises(Stopped):
        run_trial(folder, evaluator, stopping_in_epoch(2))
    assert [file.name for file in (folder / "output").iterdir()] == ["checkpoint.pt"]
    result, reported = run_trial(folder, evaluator)
    assert (folder / "attempt-1").exists()
    assert not (folder / "output" / "checkpoint.pt").exists(), "it is not needed any more"
    monkeypatch.setenv(TRIAL_DIR, str(tmp_path / "whole"))
    whole = run_trial(tmp_path / "whole", evaluator)
    assert (result, reported) == whole
    assert len(reported) == 4
    again, once = weights_of(folder), weights_of(tmp_path / "whole")
    assert all(torch.equal(value, once[name]) for name, value in again.items())


def in_drawn_batches() -> Any:
    pairs = Pairs(train_digits())
    order = RandomSampler(pairs, generator=torch.Generator().manual_seed(1))
    return DataLoader(pairs, batch_sampler=BatchSampler(order, 64, drop_last=False))


def some_of_valid() -> Any:
    pairs = Pairs(valid_digits())
    own = torch.Generator().manual_seed(1)
    return DataLoader(pairs, 64, sampler=RandomSampler(pairs, num_samples=64, generator=own))


def test_generators_of_loaders_go_on_as_if_there_had_been_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = Classification(in_drawn_batches, some_of_valid, device="cpu")
    found = []
    for name, budgets in (("stopped", (1, 3)), ("whole", (3,))):
        monkeypatch.setenv(TRIAL_DIR, str(tmp_path / name))
        for budget in budgets:
            result, reported = run_trial(tmp_path / name, evaluator, budget=budget)
        found.append((result, reported))
    assert found[0] == found[1]
    assert len({report["loss"] for report in reported}) == 3, "drawn anew"


def test_a_larger_budget_goes_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    evaluator = classification(max_epochs=50)
    _, first = run_trial(folder, evaluator, budget=1)
    with caplog.at_level(logging.INFO, "nas_tuners"):
        result, reported = run_trial(folder, evaluator, budget=3)
    assert "going on after 1 epochs" in caplog.text
    assert len(reported) == 3
    assert reported[:1] == first
    assert result == reported[-1]


def test_a_checkpoint_of_other_settings_or_a_damaged_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_trial(folder, classification(), budget=2)
    _, reported = run_trial(folder, classification(learning_rate=0.02, seed=5), budget=3)
    assert "the trial begins anew, with another learning_rate, seed" in caplog.text
    (folder / "output" / "checkpoint.pt").write_bytes(b"no checkpoint")
    _, again = run_trial(folder, classification(learning_rate=0.02, seed=5), budget=3)
    assert "checkpoint.pt cannot be read, the trial begins anew" in caplog.text
    assert again == reported, "the seed decides"


def test_each_epoch_has_an_order_of_its_own(folder: Path) -> None:
    firsts: list[float] = []

    def note(batch: Any) -> Any:
        firsts.append(batch[0][0].sum().item())
        return batch

    run_trial(folder, classification(unpack=note, batch_size=600, max_epochs=3))
    assert len(firsts) == 6, "training and validation"
    assert len({*firsts[::2]}) == 3, "shuffled"
    assert len({*firsts[1::2]}) == 1, "not shuffled"


def test_losses_and_metrics_are_of_all_samples(folder: Path) -> None:
    """Those of training are of whole batches; here there are four."""
    x, y = tensors(valid_digits())
    evaluator = Classification((x[:256], y[:256]), (x, y), learning_rate=1e-12, device="cpu")
    result, _ = run_trial(folder, evaluator, lambda: nn.Linear(64, 10), budget=1)
    model = nn.Linear(64, 10)
    model.load_state_dict(weights_of(folder))
    losses = nn.functional.cross_entropy(model(x), y, reduction="none")
    assert result["loss"] == pytest.approx(losses.mean().item())
    assert result["train_loss"] == pytest.approx(losses[:256].mean().item())
    assert result["accuracy"] == pytest.approx(accuracy_of(model))


def test_nothing_is_kept(folder: Path) -> None:
    run_trial(folder, classification(save=False))
    assert list((folder / "output").iterdir()) == []


# ---- data ---------------------------------------------------------------------------------------


class Pairs(Dataset[Any]):
    """A data set that is no TensorDataset."""

    def __init__(self, arrays: Any) -> None:
        self.x, self.y = tensors(arrays)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], self.y[index]


def own_loader(arrays: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors(arrays)), batch_size=64, shuffle=True)


FORMS = {
    "arrays": lambda arrays: arrays,
    "tensors": tensors,
    "data set": Pairs,
    "loader": own_loader,
    "dicts": lambda arrays: [{"input": x, "label": y} for x, y in zip(*tensors(arrays))],  # noqa: B905
    "function": lambda arrays: functools.partial(Pairs, arrays),
}


@pytest.mark.parametrize("form", FORMS)
def test_data_in_every_form(folder: Path, form: str) -> None:
    train, valid = FORMS[form](train_digits()), FORMS[form](valid_digits())
    result, reported = run_trial(
        folder,
        Classification(train, valid, learning_rate=0.02, max_epochs=2, device="cpu"),
        network_of_dicts if form == "dicts" else network,
    )
    assert result["accuracy"] > 0.6
    assert len(reported) == 2


class OfDicts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self.inner(input)
        return output


def network_of_dicts() -> nn.Module:
    return OfDicts()


def test_data_that_is_none(folder: Path) -> None:
    x, y = train_digits()
    with pytest.raises(ConfigError, match=r"train_data: must be arrays .* but got a generator"):
        Classification((n for n in ()), valid_digits)
    with pytest.raises(ConfigError, match=r"valid_data: arrays must .* have 600 and 599"):
        Classification(train_digits, (x, y[1:]))
    with pytest.raises(ConfigError, match=r"train_data: must be .* got a tuple of list and list"):
        Classification((x.tolist(), y.tolist()), valid_digits)
    with pytest.raises(ConfigError, match="batch_size: cannot be searched: train_data is a loa"):
        Classification(own_loader((x, y)), valid_digits, batch_size=choice([1, 2]))
    with pytest.raises(ConfigError, match=r"train_data: must be arrays .* but got a int"):
        run_trial(folder, Classification(lambda: 3, valid_digits))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="valid_data: it gave no batch"):
        run_trial(folder, Classification(train_digits, DataLoader([]), max_epochs=1))  # type: ignore[arg-type]


# ---- models and losses --------------------------------------------------------------------------


class WithAuxiliary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.auxiliary = network(), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Any:
        return (self.inner(x), self.auxiliary(x)) if self.training else self.inner(x)


def test_auxiliary_logits(folder: Path) -> None:
    evaluator = classification(aux_weight=0.0, save=True)
    torch.manual_seed(0)
    run_trial(folder, evaluator, WithAuxiliary, budget=1)
    first = weights_of(folder)
    run_trial(folder, classification(aux_weight=0.4), WithAuxiliary, budget=1)
    assert torch.equal(first["inner.3.weight"], weights_of(folder)["inner.3.weight"])
    assert not torch.equal(first["auxiliary.weight"], weights_of(folder)["auxiliary.weight"])


def test_one_logit(folder: Path) -> None:
    """Labels 0 and 1, for a model with one output."""
    (x, y), (other, z) = train_digits(), valid_digits()
    evaluator = Classification(
        (x, y > 4),
        (other, (z > 4).astype("int64")),
        criterion=nn.BCEWithLogitsLoss,
        learning_rate=0.02,
        max_epochs=4,
        device="cpu",
    )
    result, _ = run_trial(folder, evaluator, lambda: nn.Sequential(network(), nn.Linear(10, 1)))
    assert result["accuracy"] > 0.75


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision_and_clipping(folder: Path, amp: str) -> None:
    seen: set[torch.dtype] = set()

    def watched() -> nn.Module:
        model = network()
        model.register_forward_hook(lambda _module, _inputs, output: seen.add(output.dtype))
        return model

    evaluator = classification(amp=amp, grad_clip=1.0, optimizer="AdamW")
    result, _ = run_trial(folder, evaluator, watched)
    assert result["accuracy"] > 0.6
    assert seen == {{"bf16": torch.bfloat16, "fp16": torch.float16}[amp]}


def test_clipping(folder: Path) -> None:
    """One step, as long as the gradient may be."""
    options = {"optimizer": "SGD", "learning_rate": 1.0, "max_epochs": 1, "batch_size": 600}
    weights = []
    for grad_clip in (1e-3, 1e-4):
        torch.manual_seed(0)
        run_trial(folder, classification(grad_clip=grad_clip, save=True, **options))
        weights.append(torch.cat([value.flatten() for value in weights_of(folder).values()]))
        shutil.rmtree(folder)
    assert 0 < (weights[0] - weights[1]).norm() < 1e-3


def test_a_loss_that_is_no_number_any_more(folder: Path) -> None:
    evaluator = classification(learning_rate=1e30, optimizer=torch.optim.SGD)
    with pytest.raises(TrainingError) as told:
        run_trial(folder, evaluator)
    assert str(told.value).startswith("the loss is not finite in batch ")
    assert "of epoch 0; the trial ends. A lower learning_rate, or grad_clip" in str(told.value)


def test_a_model_that_does_not_fit(folder: Path) -> None:
    with pytest.raises(TrainingError, match="must give a tensor for tensors, but gives dict"):
        run_trial(folder, classification(), OfNothing)

    def split(batch: Any) -> Any:
        return (batch[0], batch[0]), batch[1]

    with pytest.raises(TrainingError, match="forward cannot be called with the inputs of a batch"):
        run_trial(folder, classification(unpack=split))


class OfNothing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Any:
        return {}


def test_onnx_beside_the_weights(folder: Path) -> None:
    reference: Any = pytest.importorskip("onnx.reference")
    evaluator = classification(max_epochs=1, export_onnx=True)
    run_trial(folder, evaluator)
    model = network()
    model.load_state_dict(weights_of(folder))
    x = tensors(valid_digits())[0][:7]
    session = reference.ReferenceEvaluator(str(folder / "output" / "model.onnx"))
    [found] = session.run(None, {session.input_names[0]: x.numpy()})
    assert torch.allclose(torch.tensor(found), model.eval()(x), atol=1e-5)


class Branching(nn.Module):
    """Runs, but what it computes depends on numbers that only a batch has."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.inner(x if x.sum() > 0 else -x)
        return output


def test_a_model_that_onnx_does_not_know(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("onnx")
    result, _ = run_trial(folder, classification(max_epochs=1, export_onnx=True), Branching)
    assert "accuracy" in result
    assert "there is no model.onnx: Branching cannot be exported as ONNX: " in caplog.text
    assert not (folder / "output" / "model.onnx").exists()


# ---- arguments ----------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        Classification(
            train_digits,
            3,
            criterion="cross_entropy",
            metric="acuracy",
            lerning_rate=0.1,
            optimizer=choice(["Adam", "AdamV"]),
            batch_size=0,
            amp=True,
            device="cdua",
        )
    assert told.value.source == "Classification"
    found = {problem.where: problem.message for problem in told.value.problems}
    assert found["valid_data"].endswith("in the trial, but got a int")
    assert found["criterion"].endswith("a class of losses, but got 'cross_entropy'")
    assert found["metric"].endswith("but got 'acuracy'; did you mean 'accuracy'?")
    assert found["lerning_rate"] == "unknown argument; did you mean 'learning_rate'?"
    assert found["optimizer"].endswith("but got 'AdamV'; did you mean 'Adam'?")
    assert found["batch_size"] == "must be a whole number >= 1, but got 0"
    assert found["amp"] == "must be 'bf16', 'fp16' or None, but got True"
    assert found["device"] == "must be one that torch knows, or None, but got 'cdua'"
    assert len(found) == 8


def test_what_a_range_gives_is_looked_at_in_the_trial(folder: Path) -> None:
    evaluator = classification(batch_size=loguniform(1, 100))
    with pytest.raises(
        ConfigError, match=r"batch_size: must be a whole number >= 1, but got 2\.5"
    ):
        run_trial(folder, evaluator, batch_size=2.5)


def test_the_direction() -> None:
    assert classification().optimize_mode == "maximize"
    assert classification(metric="loss").optimize_mode == "minimize"
    with pytest.raises(ConfigError) as told:
        Experiment(DigitsNet, classification(metric="loss"), optimize_mode="maximize")
    [problem] = told.value.problems
    assert problem.where == "optimize_mode"
    assert problem.message == (
        "is 'maximize', but the evaluator's result is to be minimized: leave it out"
    )
