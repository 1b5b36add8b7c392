"""What every one-shot trainer must do."""

from __future__ import annotations

import abc
import copy
import json
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nas_tuners.contract.architecture import to_architecture, vector_of
from nas_tuners.contract.errors import (
    CheckpointError,
    ConfigError,
    SearchSpaceError,
    TrainingError,
)

from .. import (
    apply_fixed_architecture,
    load_supernet_state_dict,
    model_space,
    search_space,
)
from ..nn import add_constraint
from ..oneshot import BaseTrainer, Callback, ModelCheckpoint
from ..randomness import random_state
from ._planted import FORLORN, PLANTED, MixedNet, PlantedData, PlantedNet, accuracy


class OneShotSuite(abc.ABC):
    """Subclass it with :meth:`make_trainer`; every method is a test.

    Attributes:
        planted_options: Keywords with which the trainer finds the best architecture in
            ``planted_epochs`` passes over 256 samples.
        planted_epochs: See there.

    Example::

        class TestMyTrainer(OneShotSuite):
            def make_trainer(self, model, **options):
                optimizer = torch.optim.SGD(model.parameters(), 0.1)
                return MyTrainer(model, F.cross_entropy, accuracy, optimizer, **options)
    """

    planted_options: ClassVar[dict[str, Any]] = {}
    planted_epochs: ClassVar[int] = 8

    @abc.abstractmethod
    def make_trainer(
        self,
        model: nn.Module,
        *,
        num_epochs: int,
        dataset_train: Dataset[Any] | None = None,
        dataset_valid: Dataset[Any] | None = None,
        **options: Any,
    ) -> BaseTrainer:
        """A trainer of the model with cross entropy, :func:`accuracy` and its own optimizer."""

    def finish(self, trainer: BaseTrainer) -> None:  # noqa: B027 - most trainers need nothing
        """What is to be done after ``train()`` until the trainer can export."""

    def run(self, trainer: BaseTrainer) -> BaseTrainer:
        trainer.train()
        self.finish(trainer)
        return trainer

    def make(
        self,
        model: nn.Module | None = None,
        *,
        num_epochs: int = 2,
        noise: float = 0.0,
        **options: Any,
    ) -> BaseTrainer:
        """A trainer of a small supernet on 64 samples, seeded."""
        torch.manual_seed(0)
        given = {"batch_size": 8, "seed": 3, "progress": False, **options}
        if "train_loader" not in given:
            given.setdefault("dataset_train", PlantedData(64, noise=noise))
            given.setdefault("dataset_valid", PlantedData(32, seed=1))
        return self.make_trainer(model or PlantedNet(0.1), num_epochs=num_epochs, **given)

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_it_finds_the_planted_architecture(self, seed: int) -> None:
        torch.manual_seed(seed)
        trainer = self.make_trainer(
            PlantedNet(),
            num_epochs=self.planted_epochs,
            dataset_train=PlantedData(256),
            dataset_valid=PlantedData(128, seed=1),
            **{"batch_size": 16, "seed": seed, "progress": False, **self.planted_options},
        )
        self.run(trainer)
        assert trainer.export() == PLANTED
        assert trainer.validate()["accuracy"] > 0.85

    def test_candidates_learn_and_architecture_parameters_are_no_weights(self) -> None:
        trainer = self.make()
        weights = {id(parameter) for parameter in trainer.model.parameters()}
        assert weights.isdisjoint(map(id, trainer.mutator.parameters()))
        before = copy.deepcopy(trainer.model.state_dict())
        trainer.train()
        after = trainer.model.state_dict()
        still = [n for n in before if "right_one" in n and torch.equal(before[n], after[n])]
        assert still == []

    def test_the_export_is_what_validate_judges(self, tmp_path: Path) -> None:
        trainer = self.run(self.make())
        file = tmp_path / "new" / "best.json"
        exported = trainer.export(file)
        assert exported == trainer.export()
        plain = apply_fixed_architecture(PlantedNet(), file)
        load_supernet_state_dict(plain, trainer.model.state_dict())
        plain.eval()
        batches = list(DataLoader(PlantedData(32, seed=1), batch_size=8))
        losses = [F.cross_entropy(plain(x), y).item() for x, y in batches]
        accuracies = [accuracy(plain(x), y)["accuracy"].item() for x, y in batches]
        judged = trainer.validate()
        assert judged == {
            "loss": pytest.approx(fmean(losses), rel=1e-5),
            "accuracy": pytest.approx(fmean(accuracies), rel=1e-5),
        }

    def test_every_kind_of_choice(self) -> None:
        model = MixedNet()
        space = search_space(model)
        trainer = self.run(self.make(model))
        apply_fixed_architecture(MixedNet(), trainer.export())
        assert trainer.mutator.search_space == space
        assert trainer.mutator.status().keys() == space.specs.keys()

    def test_what_is_exported_keeps_to_the_constraints(self) -> None:
        """Also where one architecture fits alone, which nobody would prefer."""
        trainer = self.run(self.make(_Forlorn()))
        assert trainer.export() == FORLORN

    def test_same_seed_same_search(self) -> None:
        one, other = (self.run(self.make(noise=0.1)) for _ in range(2))
        assert _same_state(one, other)
        assert one.export() == other.export()

    @pytest.mark.parametrize("stop_at", [(0, 2), (1, 1)])
    def test_an_interrupted_search_goes_on_bit_for_bit(
        self, stop_at: tuple[int, int], tmp_path: Path
    ) -> None:
        whole = self.make(noise=0.1)
        self.run(whole)
        saving = ModelCheckpoint(tmp_path, every_batches=1)
        stopped = self.make(noise=0.1, callbacks=[saving, _Stop(*stop_at)])
        with pytest.raises(_StoppedError):
            stopped.train()
        torch.rand(7)  # whatever happens before somebody resumes
        resumed = self.make(noise=0.1, callbacks=[ModelCheckpoint(tmp_path / "more")])
        resumed.resume(tmp_path / "latest.pt")
        self.run(resumed)
        assert _same_state(whole, resumed)
        assert whole.export() == resumed.export()

    @pytest.mark.parametrize("own", [False, True], ids=["data sets", "own loaders"])
    def test_looking_at_a_search_does_not_change_it(self, own: bool) -> None:
        """Neither does validation, where data are augmented and shuffled at random."""
        results = []
        for validate, callbacks in ((False, []), (True, [_Look()])):
            given = _loaders() if own else {}
            trainer = self.make(noise=0.1, callbacks=callbacks, **given)
            trainer.train(validate)
            self.finish(trainer)
            results += [(trainer.validate(), trainer.export()) for _ in range(2)]
        assert results == [results[0]] * 4

    def test_a_finished_search_can_be_resumed_and_exported(self, tmp_path: Path) -> None:
        trainer = self.run(self.make())
        trainer.checkpoint(tmp_path / "end.pt")
        again = self.make()
        again.resume(tmp_path / "end.pt")
        self.run(again)
        assert again.export() == trainer.export()

    def test_callbacks_are_called(self) -> None:
        seen = _Record()
        trainer = self.make(callbacks=[seen])
        trainer.train()
        epochs = [event for event in seen.events if len(event) == 2]
        assert epochs == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]
        batches = [event for event in seen.events if len(event) == 3]
        assert batches[:2] == [("begin", 0, 0), ("end", 0, 0)]
        assert seen.trainer is trainer

    def test_own_loaders_with_dicts(self) -> None:
        data = [
            {"x": x, "label": y}
            for x, y in DataLoader(PlantedData(32), batch_size=8, generator=torch.Generator())
        ]
        model = _NamedInput()
        trainer = self.make(model, train_loader=data, search_loader=data, valid_loader=data)
        self.run(trainer)
        assert trainer.validate()["accuracy"] >= 0

    def test_several_inputs(self) -> None:
        images = PlantedData(64).images
        data = TensorDataset(images, images.flip(0), PlantedData(64).labels)
        trainer = self.make(_TwoInputs(), dataset_train=data, dataset_valid=data)
        self.run(trainer)
        assert trainer.export().keys() == PLANTED.keys()

    def test_mixed_precision_and_accumulation(self) -> None:
        trainer = self.make(amp="bf16", accumulate=2)
        self.run(trainer)
        assert all(bool(torch.isfinite(p).all()) for p in trainer.model.parameters())

    def test_visualization_records_the_choices(self, tmp_path: Path) -> None:
        trainer = self.make(num_epochs=2)
        trainer.enable_visualization(tmp_path)
        graph = json.loads((tmp_path / "graph.json").read_text())
        self.run(trainer)
        records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        space = trainer.mutator.search_space
        assert graph["search_space"] == space.to_dict()
        sizes = {key: len(entry["names"]) for key, entry in graph["choices"].items()}
        for record in records:
            assert {key: len(row) for key, row in record["status"].items()} == sizes
        assert records[0]["step"] == 0
        final = records[-1]
        assert final["kind"] == "final"
        assert [record["kind"] for record in records[:-1]].count("final") <= 1  # before a search
        chosen = {
            key: [index for index, entry in enumerate(row) if entry]
            for key, row in final["status"].items()
        }
        assert to_architecture(space, vector_of(space, chosen)) == trainer.export()

    def test_a_search_is_the_same_with_visualization(self, tmp_path: Path) -> None:
        results = []
        for visualize in (False, True):
            trainer = self.make(noise=0.1)
            if visualize:
                trainer.enable_visualization(tmp_path)
            self.run(trainer)
            results.append((trainer, random_state()["torch"]))
        (one, before), (other, after) = results
        assert _same_state(one, other)
        assert torch.equal(before, after)
        assert one.export() == other.export()

    def test_removing_the_mutator_gives_the_model_back(self) -> None:
        trainer = self.make()
        trainer.train()
        trainer.mutator.remove()
        assert not any(choice.is_bound for choice in (trainer.model.left, trainer.model.source))  # type: ignore[union-attr]

    def test_a_model_without_choices(self) -> None:
        with pytest.raises(SearchSpaceError, match="holds no choice"):
            self.make(nn.Linear(2, 2))

    def test_wrong_arguments_are_told_together(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'batch_size'") as caught:
            self.make(batchsize=3, amp="int8")
        assert len(caught.value.problems) == 2

    def test_an_empty_loader(self) -> None:
        with pytest.raises(TrainingError, match="the train loader is empty"):
            self.make(train_loader=[], search_loader=[]).train()

    def test_a_loss_without_a_gradient(self) -> None:
        trainer = self.make()
        trainer.model.register_forward_hook(lambda _m, _i, output: output.detach())
        with pytest.raises(TrainingError, match="has no gradient by any parameter"):
            trainer.train()

    def test_a_loss_that_is_not_finite_names_the_batch(self, tmp_path: Path) -> None:
        data = PlantedData(64)
        data.images[:] = torch.nan
        trainer = self.make(dataset_train=data, callbacks=[ModelCheckpoint(tmp_path)])
        before = copy.deepcopy(trainer.model.state_dict())
        with pytest.raises(TrainingError, match="not finite in epoch 0, batch 0"):
            trainer.train()
        after = trainer.model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert list(tmp_path.iterdir()) == []

    def test_foreign_and_damaged_checkpoints(self, tmp_path: Path) -> None:
        trainer = self.make()
        file = tmp_path / "file.pt"
        with pytest.raises(CheckpointError, match="no such file"):
            trainer.resume(file)
        torch.save(trainer.model.state_dict(), file)
        with pytest.raises(CheckpointError, match="not a checkpoint of a one-shot search"):
            trainer.resume(file)
        trainer.checkpoint(file)
        file.write_bytes(file.read_bytes()[:-200])
        with pytest.raises(CheckpointError, match="not a readable checkpoint"):
            trainer.resume(file)
        self.make().checkpoint(file)
        other = self.make(MixedNet())
        with pytest.raises(CheckpointError, match="does not fit"):
            other.resume(file)


class _StoppedError(Exception):
    pass


class _Stop(Callback):
    """Ends the process, as far as a test can; after checkpoints were written."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch + 1)

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        if (epoch, batch) == self.at:
            raise _StoppedError


class _Look(Callback):
    def on_batch_end(self, epoch: int, batch: int) -> None:
        if batch == 1:
            self.trainer.validate()
            self.trainer.export()


class _Record(Callback):
    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def on_epoch_begin(self, epoch: int) -> None:
        self.events.append(("begin", epoch))

    def on_epoch_end(self, epoch: int) -> None:
        self.events.append(("end", epoch))

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        self.events.append(("begin", epoch, batch))

    def on_batch_end(self, epoch: int, batch: int) -> None:
        self.events.append(("end", epoch, batch))


class _NamedInput(PlantedNet):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


@model_space
class _Forlorn(PlantedNet):
    """Of which only one architecture is allowed, the one without any signal."""

    def __init__(self) -> None:
        super().__init__(0.1)
        add_constraint(lambda architecture: architecture == FORLORN)


class _TwoInputs(PlantedNet):
    def forward(self, x: Tensor, other: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x + 0 * other)


def _loaders() -> dict[str, Any]:
    """Shuffled by torch's own generator, of different lengths."""
    return {
        "train_loader": DataLoader(PlantedData(40, noise=0.1), batch_size=8, shuffle=True),
        "search_loader": DataLoader(PlantedData(24, noise=0.1), batch_size=8, shuffle=True),
        "valid_loader": DataLoader(PlantedData(24, seed=1, noise=0.1), batch_size=8),
    }


def _same_state(one: BaseTrainer, other: BaseTrainer) -> bool:
    states = [{**t.model.state_dict(), **_tensors(t.mutator)} for t in (one, other)]
    assert states[0].keys() == states[1].keys()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def _tensors(mutator: nn.Module) -> dict[str, Tensor]:
    return {f"mutator.{name}": p.detach() for name, p in mutator.named_parameters()}
